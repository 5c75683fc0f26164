using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Results.Types;

/// <summary>How the values of a CLR type are read from the database, kept in a row and given to a reader.</summary>
internal abstract class StoredType
{
    private static readonly ConcurrentDictionary<Type, StoredType?> Found = [];

    public abstract Type ClrType { get; }

    /// <summary>The bytes that a value takes in the row; 0: the row has a reference.</summary>
    public abstract int InlineSize { get; }

    /// <summary>How values of this type are stored; null where they are not known to be immutable, nor how to copy them.</summary>
    public static StoredType? Find(Type type) => Found.GetOrAdd(type, static type => Create(type, TypeCopies.None));

    /// <summary>How values of a type are kept where the application says more of the types that the cache does not know.</summary>
    public static StoredType? Find(Type type, TypeCopies copies) => copies.IsEmpty ? Find(type) : Create(type, copies);

    /// <summary>Reads a column that is not null from a live reader.</summary>
    public abstract void Capture(
        DbDataReader reader, int ordinal, in Column column, Span<byte> inline, Span<object?> references, ResultMemory memory);

    /// <summary>The value in a row, which is not null; the reader's own if it can be changed.</summary>
    public abstract object Value(in Column column, ReadOnlySpan<byte> inline, ReadOnlySpan<object?> references);

    protected static StoredType Create(Type definition, object?[] arguments, params Type[] typeArguments)
        => (StoredType)Activator.CreateInstance(definition.MakeGenericType(typeArguments), arguments)!;

    private static StoredType? Create(Type type, TypeCopies copies)
    {
        if (type.IsByRefLike || type.IsPointer || type.ContainsGenericParameters || type == typeof(void))
            return null;

        if (type.IsValueType && !ImmutableTypes.HasReferences(type))
            return Create(typeof(InlineType<>), [], type);

        if (type != typeof(string) && copies.FindRule(type) is { } stated)
            return stated;

        if (KnownTypes.Find(type) is { } known)
            return known;

        if (type.IsArray)
            return Elements.Find(type.GetElementType()!, copies) is { } elements
                ? Create(typeof(ArrayType<,>), [elements], type, type.GetElementType()!)
                : null;

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>))
            return Elements.Find(type.GetGenericArguments()[0], copies) is { } elements
                ? Create(typeof(ListType<>), [elements], type.GetGenericArguments()[0])
                : null;

        return ImmutableTypes.Contains(type) ? Create(typeof(ImmutableType<>), [], type) : copies.Find(type);
    }

    /// <summary>Reads a column by the very method that EF Core would use.</summary>
    protected static class LiveReader<T>
    {
        // A delegate can't be made of a generic virtual method (GetFieldValue<T>), only of the typed getters.
        public static readonly Func<DbDataReader, int, T> Read =
            RelationalTypeMapping.GetDataReaderMethod(typeof(T)) is { IsGenericMethod: false } typedGetter
                ? typedGetter.CreateDelegate<Func<DbDataReader, int, T>>()
                : static (reader, ordinal) => reader.GetFieldValue<T>(ordinal);
    }
}
