using System.Collections.Immutable;

namespace EfSecondLevelCache.Results.Types;

/// <summary>Dictionaries of strings.</summary>
internal static class Hstore
{
    /// <summary>The pairs in their order: a dictionary's hash table would take twice as much.</summary>
    public static KeyValuePair<string, string?>[] Store(Dictionary<string, string?> pairs, ResultMemory memory)
    {
        memory.Add(ObjectSize.OfArray<KeyValuePair<string, string?>>(pairs.Count));
        return [.. pairs.Select(pair => KeyValuePair.Create(memory.Share(pair.Key), pair.Value is { } value ? memory.Share(value) : null))];
    }

    /// <summary>The dictionary and a tree node for each pair.</summary>
    public static long SizeOf(ImmutableDictionary<string, string?> pairs)
        => ObjectSize.OfObject(24)
            + pairs.Count * ObjectSize.OfObject(48)
            + pairs.Sum(pair => ObjectSize.OfString(pair.Key) + (pair.Value is { } value ? ObjectSize.OfString(value) : 0));
}
