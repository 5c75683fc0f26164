using System.Collections.Concurrent;

namespace EfSecondLevelCache.Store;

/// <summary>What entries share: it is counted once, as long as any of them is kept. Guarded by the store's lock, but for the value.</summary>
/// <param name="pool">Where others find it.</param>
/// <param name="value">What is shared.</param>
/// <param name="bytes">The memory that it takes.</param>
internal sealed class SharedPart<T>(SharedPool<T> pool, T value, long bytes)
    where T : class
{
    private int _holders;

    public T Value => value;

    public long Bytes => bytes;

    /// <summary>What counts beside an entry that comes in: nothing where another one has brought it.</summary>
    public long Uncounted => _holders == 0 ? bytes : 0;

    /// <summary>Its share of one entry; read without the lock, for operators.</summary>
    public long BytesForEach => bytes / Math.Max(1, Volatile.Read(ref _holders));

    /// <summary>An entry comes in; the bytes that this adds.</summary>
    public long Enter()
    {
        if (_holders++ > 0)
            return 0;
        pool.Kept.TryAdd(value, this);
        return bytes;
    }

    /// <summary>An entry has left; the bytes that this frees.</summary>
    public long Leave()
    {
        if (--_holders > 0)
            return 0;
        pool.Kept.TryRemove(KeyValuePair.Create(value, this));
        return bytes;
    }
}

/// <summary>Finds what kept entries share, by its content. It has what entries hold, and nothing else.</summary>
/// <param name="bytesOf">The memory that a value takes.</param>
internal sealed class SharedPool<T>(Func<T, long> bytesOf)
    where T : class
{
    internal ConcurrentDictionary<T, SharedPart<T>> Kept { get; } = new();

    /// <summary>The kept one that equals a value, or the value itself.</summary>
    public T Find(T value) => Kept.TryGetValue(value, out var known) ? known.Value : value;

    /// <summary>The part that has an equal value, or a new one, which others find once an entry that has it is kept.</summary>
    public SharedPart<T> Of(T value) => Kept.TryGetValue(value, out var known) ? known : new SharedPart<T>(this, value, bytesOf(value));
}
