using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Results.Types;

/// <summary>How the elements of an array or list are stored.</summary>
internal abstract class Elements
{
    /// <summary>Null where they are of a type that can't be stored.</summary>
    public static Elements? Find(Type type, TypeCopies copies)
    {
        var notNull = Nullable.GetUnderlyingType(type) ?? type;
        return StoredType.Find(notNull, copies) switch
        {
            null => null,
            { InlineSize: > 0 } => Create(typeof(InlineElements<>), [], type),
            var stored => Create(typeof(ReferenceElements<,>), [stored], type, notNull),
        };
    }

    private static Elements Create(Type definition, object[] arguments, params Type[] typeArguments)
        => (Elements)Activator.CreateInstance(definition.MakeGenericType(typeArguments), arguments)!;
}

internal abstract class Elements<T> : Elements
{
    /// <summary>What is kept of an array that nobody else has.</summary>
    public abstract object Store(T[] elements, ResultMemory memory);

    public abstract void Load(object stored, Span<T> elements);
}

/// <summary>Elements that copy with their bytes: numbers, dates and the like, nullable or not.</summary>
internal sealed class InlineElements<T> : Elements<T>
{
    public override object Store(T[] elements, ResultMemory memory)
    {
        memory.Add(ObjectSize.OfArray<T>(elements.Length));
        return elements.Length == 0 ? Array.Empty<T>() : elements;
    }

    public override void Load(object stored, Span<T> elements) => Unsafe.As<T[]>(stored).CopyTo(elements);
}

/// <summary>Elements that are stored one by one; null stays null. <typeparamref name="T"/> may be a nullable struct.</summary>
internal sealed class ReferenceElements<T, TNotNull>(ReferenceType<TNotNull> type) : Elements<T>
    where TNotNull : notnull
{
    public override object Store(T[] elements, ResultMemory memory)
    {
        memory.Add(ObjectSize.OfArray<object>(elements.Length));
        return elements.Length == 0
            ? Array.Empty<object>()
            : Array.ConvertAll(elements, element => element is TNotNull value ? type.Store(value, memory) : null);
    }

    public override void Load(object stored, Span<T> elements)
    {
        var all = Unsafe.As<object?[]>(stored);
        for (var i = 0; i < all.Length; i++)
            elements[i] = all[i] is { } element ? (T)(object)type.Load(element) : default!;
    }
}
