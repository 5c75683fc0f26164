using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EfSecondLevelCache.Results.Types;

/// <summary>An array of any rank: every reader gets its own.</summary>
internal sealed class ArrayType<TArray, T>(Elements<T> elements) : ReferenceType<TArray>
    where TArray : class
{
    private static readonly bool IsVector = typeof(TArray).IsSZArray;

    public override object Store(TArray value, ResultMemory memory)
    {
        if (IsVector)
            return elements.Store(Unsafe.As<T[]>(value), memory);

        var array = Unsafe.As<Array>(value);
        var lengths = new int[array.Rank];
        for (var i = 0; i < lengths.Length; i++)
            lengths[i] = array.GetLength(i);

        memory.Add(ObjectSize.OfObject(16) + ObjectSize.OfArray<int>(lengths.Length));
        return new Matrix(lengths, elements.Store(AllElements(array).ToArray(), memory));
    }

    public override TArray Load(object stored)
    {
        if (IsVector)
        {
            var vector = new T[Unsafe.As<Array>(stored).Length];
            elements.Load(stored, vector);
            return Unsafe.As<TArray>(vector);
        }

        var matrix = Unsafe.As<Matrix>(stored);
        var array = Array.CreateInstance(typeof(T), matrix.Lengths);
        elements.Load(matrix.Elements, AllElements(array));
        return Unsafe.As<TArray>(array);
    }

    private static Span<T> AllElements(Array array)
        => MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), array.Length);

    private sealed record Matrix(int[] Lengths, object Elements);
}
