namespace EfSecondLevelCache.Results.Types;

/// <summary>A type with a way into its stored form and a way out of it.</summary>
/// <param name="store">Also adds what the stored form takes.</param>
/// <param name="load">May give what is stored itself only if nobody can change that.</param>
internal sealed class ConvertedType<T, TStored>(Func<T, ResultMemory, TStored> store, Func<TStored, T> load) : ReferenceType<T>
    where TStored : class
{
    public override object Store(T value, ResultMemory memory) => store(value, memory);

    public override T Load(object stored) => load((TStored)stored);
}
