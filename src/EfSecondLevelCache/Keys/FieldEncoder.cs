using System.Collections.Concurrent;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using EfSecondLevelCache.Results.Types;

namespace EfSecondLevelCache.Keys;

/// <summary>
/// Writes values of types without a form of their own by their fields: a struct's, those of what nobody can change, and those of which a copy is
/// made (a geometry). Two values whose fields are equal, all the way down, are the same value, whatever they mean; two that mean the same may differ,
/// by what they have computed already, which costs a miss.
/// </summary>
/// <remarks>
/// What a copy shares with its value nobody changes, or it would be no copy. So such an object (the factory of a geometry) stands for itself and
/// has a number, as has one that is immutable by its author's word alone (a time zone). No number is given twice.
/// </remarks>
internal static class FieldEncoder
{
    /// <summary>A value with more objects is none whose fields are its value.</summary>
    private const int MostObjects = 100_000;

    /// <summary>Nothing that is sent to a database is so deep but what refers to itself.</summary>
    private const int MostLevels = 100;

    private static readonly ConditionalWeakTable<object, StrongBox<long>> Numbers = [];
    private static readonly ConcurrentDictionary<Type, MemoryWriter> MemoryWriters = [];

    private static long _lastNumber;

    private delegate void MemoryWriter(ref KeyWriter writer, object memory);

    /// <summary>False where the fields of the value are not known to be the value.</summary>
    public static bool TryWrite(ref KeyWriter writer, object value, TypeCopies copies)
    {
        var type = value.GetType();
        var objects = MostObjects;
        if (copies.TryCopy(value, out var copy))
            return Fields(ref writer, value, ReferenceEquals(copy, value) ? null : copy, ref objects, MostLevels);
        if (ImmutableTypes.IsByFields(type) && !type.IsPrimitive)
            return Fields(ref writer, value, copy: null, ref objects, MostLevels);
        return ImmutableTypes.Contains(type) && !type.IsPrimitive && Identity(ref writer, value);
    }

    private static bool Part(ref KeyWriter writer, object? value, object? copy, ref int objects, int levels)
    {
        if (value is null or string or BigInteger)
            return ParameterEncoder.TryWrite(ref writer, value);
        if (--objects < 0 || levels == 0)
            return false;
        var type = value.GetType();
        if (type.IsValueType && !ImmutableTypes.HasReferences(type))
            return ParameterEncoder.TryWrite(ref writer, value);
        if (ReferenceEquals(value, copy) || value is MemberInfo or Delegate || (ImmutableTypes.Contains(type) && !ImmutableTypes.IsByFields(type)))
            return Identity(ref writer, value);
        return value is Array array
            ? Items(ref writer, array, copy as Array, ref objects, levels)
            : Fields(ref writer, value, copy, ref objects, levels);
    }

    private static bool Fields(ref KeyWriter writer, object value, object? copy, ref int objects, int levels)
    {
        var type = value.GetType();
        if (ImmutableTypes.IsMemory(type))
        {
            writer.WriteByte((byte)ParameterKind.Memory);
            writer.Write(ParameterEncoder.NumberOf(type));
            MemoryWriters.GetOrAdd(type, CreateMemoryWriter)(ref writer, value);
            return true;
        }

        if (copy?.GetType() != type)
            copy = null;
        writer.WriteByte((byte)ParameterKind.Fields);
        writer.Write(ParameterEncoder.NumberOf(type));
        foreach (var field in ImmutableTypes.FieldsOf(type))
        {
            if (field.FieldType.IsPointer
                || !Part(ref writer, field.GetValue(value), copy is null ? null : field.GetValue(copy), ref objects, levels - 1))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Items(ref KeyWriter writer, Array array, Array? copy, ref int objects, int levels)
    {
        if (!ImmutableTypes.HasReferences(array.GetType().GetElementType()!))
            return ParameterEncoder.TryWrite(ref writer, array);
        if (array.Rank != 1)
            return false;
        if (copy?.Length != array.Length)
            copy = null;
        writer.WriteByte((byte)ParameterKind.Array);
        writer.Write(ParameterEncoder.NumberOf(array.GetType()));
        writer.Write(array.Length);
        for (var i = 0; i < array.Length; i++)
        {
            if (!Part(ref writer, array.GetValue(i), copy?.GetValue(i), ref objects, levels - 1))
                return false;
        }

        return true;
    }

    private static bool Identity(ref KeyWriter writer, object value)
    {
        writer.WriteByte((byte)ParameterKind.Identity);
        writer.Write(Numbers.GetValue(value, static _ => new StrongBox<long>(Interlocked.Increment(ref _lastNumber))).Value);
        return true;
    }

    private static MemoryWriter CreateMemoryWriter(Type memory)
        => typeof(FieldEncoder).GetMethod(nameof(WriteMemory), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(memory.GetGenericArguments()).CreateDelegate<MemoryWriter>();

    private static void WriteMemory<T>(ref KeyWriter writer, object memory)
        where T : struct
        => writer.WriteSized(MemoryMarshal.AsBytes(((ReadOnlyMemory<T>)memory).Span));
}
