using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace EfSecondLevelCache.Values;

/// <summary>
/// A 64-bit hash of bytes with a seed of this process, so that nobody can prepare colliding keys from outside. It folds 128-bit
/// products as wyhash does (Wang Yi, 2019). It only finds candidates: equality is always of the contents.
/// </summary>
internal static class ContentHash
{
    // All three are secret: a word that equals a factor's constant would make the product zero, whatever stood before it.
    private static readonly ulong Seed = Secret();
    private static readonly ulong Secret0 = Secret() | 1;
    private static readonly ulong Secret1 = Secret() | 1;

    public static ulong Of(ReadOnlySpan<char> text) => Of(MemoryMarshal.AsBytes(text), 0);

    public static ulong Of(ReadOnlySpan<byte> bytes, ulong start)
    {
        var hash = Seed ^ start;
        var length = (ulong)bytes.Length;
        while (bytes.Length >= 16)
        {
            hash = Fold(MemoryMarshal.Read<ulong>(bytes) ^ Secret0, MemoryMarshal.Read<ulong>(bytes[8..]) ^ hash);
            bytes = bytes[16..];
        }

        if (bytes.Length >= 8)
        {
            hash = Fold(MemoryMarshal.Read<ulong>(bytes) ^ Secret1, hash);
            bytes = bytes[8..];
        }

        var rest = 0UL;
        foreach (var b in bytes)
            rest = (rest << 8) | b;
        return Fold(Fold(rest ^ Secret0, hash ^ Secret1) ^ Secret0, length ^ Secret1);
    }

    public static ulong Combine(ulong first, ulong second) => Fold(first ^ Secret0, second ^ Secret1 ^ Seed);

    private static ulong Secret() => BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }
}
