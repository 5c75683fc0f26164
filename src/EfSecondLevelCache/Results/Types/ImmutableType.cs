namespace EfSecondLevelCache.Results.Types;

/// <summary>A type whose values nobody can change: all readers share them.</summary>
internal sealed class ImmutableType<T> : ReferenceType<T>
    where T : notnull
{
    public override object Store(T value, ResultMemory memory)
    {
        if (value.GetType() != typeof(T) && !ImmutableTypes.Contains(value.GetType()))
            throw new InvalidCastException($"A value of {typeof(T)} is a {value.GetType()}, which is not known to be immutable.");
        memory.Add(ImmutableTypes.IsByFields(value.GetType()) ? OwnedSize.Of(value, copy: null) : 0);
        return value;
    }

    public override T Load(object stored) => (T)stored;
}
