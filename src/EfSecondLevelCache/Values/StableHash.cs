using System.Buffers.Binary;

namespace EfSecondLevelCache.Values;

/// <summary>
/// A 64-bit hash that is the same in every process, version and machine: nodes tell each other of rows by it. Somebody who chooses values can
/// make them collide, which removes too much. It folds 128-bit products as wyhash does (Wang Yi, 2019).
/// </summary>
internal static class StableHash
{
    // Digits of pi. Another value here is another wire format: ChangeMessage.Version must change with it.
    private const ulong First = 0x243F6A8885A308D3;
    private const ulong Second = 0x13198A2E03707345;

    public static ulong Of(ReadOnlySpan<byte> bytes, ulong start)
    {
        var length = (ulong)bytes.Length;
        var hash = Fold(start ^ First, Second);
        while (bytes.Length >= sizeof(ulong))
        {
            hash = Fold(BinaryPrimitives.ReadUInt64LittleEndian(bytes) ^ First, hash ^ Second);
            bytes = bytes[sizeof(ulong)..];
        }

        var rest = 0UL;
        foreach (var b in bytes)
            rest = (rest << 8) | b;
        return Fold(Fold(rest ^ First, hash ^ Second) ^ First, length ^ Second);
    }

    private static ulong Fold(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out var low);
        return high ^ low;
    }
}
