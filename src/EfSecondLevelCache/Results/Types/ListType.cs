using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EfSecondLevelCache.Results.Types;

/// <summary>A list: every reader gets its own. An array is kept, which has no room to spare.</summary>
internal sealed class ListType<T>(Elements<T> elements) : ReferenceType<List<T>>
{
    public override object Store(List<T> value, ResultMemory memory) => elements.Store(value.ToArray(), memory);

    public override List<T> Load(object stored)
    {
        var count = Unsafe.As<Array>(stored).Length;
        var list = new List<T>(count);
        CollectionsMarshal.SetCount(list, count);
        elements.Load(stored, CollectionsMarshal.AsSpan(list));
        return list;
    }
}
