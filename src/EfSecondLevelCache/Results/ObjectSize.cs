using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Results;

/// <summary>What an object takes on a 64-bit heap: a header and a type pointer of 8 bytes each, the fields, in units of 8 bytes.</summary>
internal static class ObjectSize
{
    /// <summary>An object with so many bytes of fields.</summary>
    public static long OfObject(int fieldBytes) => Math.Max(24, Align(16 + fieldBytes));

    public static long OfBox<T>()
        where T : struct
        => OfObject(Unsafe.SizeOf<T>());

    /// <summary>An array of one dimension; nothing for an empty one, which everybody shares.</summary>
    public static long OfArray<T>(int length) => length == 0 ? 0 : Align(24 + (long)length * Unsafe.SizeOf<T>());

    /// <summary>Nothing for the empty one, which everybody shares.</summary>
    public static long OfString(string value) => value.Length == 0 ? 0 : Align(22 + 2L * value.Length);

    private static long Align(long bytes) => (bytes + 7) & ~7L;
}
