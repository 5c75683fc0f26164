using EfSecondLevelCache.Store;

namespace EfSecondLevelCache.Tests.Store.Eviction;

/// <summary>
/// What a policy should do, said as plainly as possible: lists that are searched from end to end, sums that are added up anew. For
/// entries that do not die.
/// </summary>
internal abstract class NaivePolicy(long maxBytes, int maxEntries)
{
    protected long MaxBytes { get; } = maxBytes;

    protected int MaxEntries { get; } = maxEntries;

    public abstract IEnumerable<NaiveEntry> Entries { get; }

    protected abstract int HitCeiling { get; }

    public static NaivePolicy Create(EvictionPolicy policy, long maxBytes, int maxEntries) => policy switch
    {
        EvictionPolicy.Lru => new NaiveLru(maxBytes, maxEntries),
        EvictionPolicy.S3Fifo => new NaiveS3Fifo(maxBytes, maxEntries),
        _ => new NaiveLfu(maxBytes, maxEntries),
    };

    public bool Find(long key)
    {
        var entry = Entries.FirstOrDefault(entry => entry.Key == key);
        if (entry is null)
            return false;
        entry.Hits = Math.Min(HitCeiling, entry.Hits + 1);
        return true;
    }

    public bool Add(long key, long bytes, double cost)
    {
        if (bytes > MaxBytes)
            return false;
        var entry = new NaiveEntry(key, bytes, cost);
        var old = Entries.FirstOrDefault(old => old.Key == key);
        while (old is not null && Entries.Contains(old) && Entries.Sum(kept => kept.Bytes) - old.Bytes + bytes > MaxBytes)
            EvictOne();
        if (old is not null && Entries.Contains(old))
        {
            Replace(old, entry);
            return true;
        }

        MakeRoomInWindow(entry);
        while (Entries.Sum(kept => kept.Bytes) + bytes > MaxBytes || Entries.Count() >= MaxEntries)
            EvictOne();
        Enter(entry);
        return true;
    }

    public void Remove(long key)
    {
        if (Entries.FirstOrDefault(entry => entry.Key == key) is { } entry)
            Leave(entry);
    }

    protected virtual void MakeRoomInWindow(NaiveEntry entry)
    {
    }

    protected abstract void EvictOne();

    protected abstract void Enter(NaiveEntry entry);

    protected abstract void Replace(NaiveEntry old, NaiveEntry entry);

    protected abstract void Leave(NaiveEntry entry);
}

internal sealed class NaiveEntry(long key, long bytes, double cost)
{
    public long Key { get; } = key;

    public long Bytes { get; } = bytes;

    public double Cost { get; } = cost;

    public int Hits { get; set; }

    public float Frequency { get; set; }

    public int Period { get; set; }

    public double Rate { get; set; }

    public double Priority { get; set; }
}

/// <summary>The oldest goes, unless it was found: then it is the newest again. At most 32 are spared at a time.</summary>
internal sealed class NaiveLru(long maxBytes, int maxEntries) : NaivePolicy(maxBytes, maxEntries)
{
    private readonly List<NaiveEntry> _oldestFirst = [];

    public override IEnumerable<NaiveEntry> Entries => _oldestFirst;

    protected override int HitCeiling => 1;

    protected override void EvictOne()
    {
        for (var chances = 32; chances > 0 && _oldestFirst.Count > 1 && _oldestFirst[0].Hits > 0; chances--)
        {
            _oldestFirst[0].Hits = 0;
            _oldestFirst.Add(_oldestFirst[0]);
            _oldestFirst.RemoveAt(0);
        }

        _oldestFirst.RemoveAt(0);
    }

    protected override void Enter(NaiveEntry entry) => _oldestFirst.Add(entry);

    protected override void Replace(NaiveEntry old, NaiveEntry entry)
    {
        _oldestFirst.Remove(old);
        _oldestFirst.Add(entry);
    }

    protected override void Leave(NaiveEntry entry) => _oldestFirst.Remove(entry);
}

/// <summary>The paper's three queues.</summary>
internal sealed class NaiveS3Fifo(long maxBytes, int maxEntries) : NaivePolicy(maxBytes, maxEntries)
{
    private readonly List<NaiveEntry> _small = [];
    private readonly List<NaiveEntry> _main = [];
    private readonly Dictionary<long, int> _leftAt = [];
    private int _left;
    private int _remembered;

    public override IEnumerable<NaiveEntry> Entries => _small.Concat(_main);

    protected override int HitCeiling => 3;

    protected override void EvictOne()
    {
        for (var chances = 32; ; chances--)
        {
            var isFromSmall = _main.Count == 0 || _small.Sum(entry => entry.Bytes) > MaxBytes / 10 || _small.Count > MaxEntries / 10;
            var queue = isFromSmall ? _small : _main;
            var oldest = queue[0];
            var count = Entries.Count();
            queue.RemoveAt(0);
            if (chances > 0 && oldest.Hits >= (isFromSmall ? 2 : 1))
            {
                oldest.Hits = isFromSmall ? 0 : oldest.Hits - 1;
                _main.Add(oldest);
                continue;
            }

            if (isFromSmall)
            {
                _remembered = count;
                _leftAt[oldest.Key] = ++_left;
            }

            return;
        }
    }

    protected override void Enter(NaiveEntry entry)
    {
        var isGhost = _leftAt.TryGetValue(entry.Key, out var leftAt) && _left - leftAt < _remembered;
        (isGhost ? _main : _small).Add(entry);
    }

    protected override void Replace(NaiveEntry old, NaiveEntry entry)
    {
        entry.Hits = old.Hits;
        var queue = _small.Contains(old) ? _small : _main;
        queue[queue.IndexOf(old)] = entry;
    }

    protected override void Leave(NaiveEntry entry)
    {
        _small.Remove(entry);
        _main.Remove(entry);
    }
}

/// <summary>A window of a fifth, and a main part that is entered by contest and left by greedy-dual priority.</summary>
internal sealed class NaiveLfu(long maxBytes, int maxEntries) : NaivePolicy(maxBytes, maxEntries)
{
    private readonly List<NaiveEntry> _window = [];
    private readonly List<NaiveEntry> _main = [];
    private readonly FrequencySketch _sketch = new();
    private readonly Random _luck = new(1);
    private double _inflation;

    public override IEnumerable<NaiveEntry> Entries => _window.Concat(_main);

    protected override int HitCeiling => 15;

    private long WindowBytes => Math.Max(1, MaxBytes / 5);

    private int WindowEntries => Math.Max(1, MaxEntries / 5);

    protected override void MakeRoomInWindow(NaiveEntry entry)
    {
        var chances = 32;
        while (_window.Count > 0 && (_window.Sum(kept => kept.Bytes) + entry.Bytes > WindowBytes || _window.Count >= WindowEntries))
        {
            var oldest = _window[0];
            if (oldest.Hits > 0 && chances-- > 0)
            {
                CountHits(oldest);
                _window.RemoveAt(0);
                _window.Add(oldest);
            }
            else if (WinsContest(oldest))
            {
                _window.RemoveAt(0);
                EnterMain(oldest);
            }
            else
            {
                Leave(oldest);
            }
        }
    }

    protected override void EvictOne()
    {
        if (LowestOf(_main) is { } lowest)
        {
            _inflation = Math.Max(_inflation, lowest.Priority);
            Leave(lowest);
        }
        else
        {
            Leave(_window[0]);
        }
    }

    protected override void Enter(NaiveEntry entry)
    {
        _sketch.EnsureCapacity(Entries.Count() + 1);
        entry.Frequency = 1 + _sketch.Estimate(TestEntry.HashOf(entry.Key)) / 2f;
        entry.Period = _sketch.Period;
        _sketch.Add(TestEntry.HashOf(entry.Key), 1);
        _window.Add(entry);
    }

    protected override void Replace(NaiveEntry old, NaiveEntry entry)
    {
        CountHits(old);
        entry.Frequency = old.Frequency;
        entry.Period = old.Period;
        if (_window.Contains(old))
        {
            _window[_window.IndexOf(old)] = entry;
        }
        else
        {
            _main.Remove(old);
            EnterMain(entry);
        }
    }

    protected override void Leave(NaiveEntry entry)
    {
        CountHits(entry);
        _window.Remove(entry);
        _main.Remove(entry);
    }

    private bool WinsContest(NaiveEntry candidate)
    {
        CountHits(candidate);
        var worth = WorthOf(candidate);
        var losers = new List<NaiveEntry>();
        while (worth > 0)
        {
            var rest = _main.Except(losers).ToList();
            var lackingBytes = rest.Sum(entry => entry.Bytes) + candidate.Bytes - (MaxBytes - WindowBytes);
            var lackingEntries = rest.Count + 1 - (MaxEntries - WindowEntries);
            if (lackingBytes <= 0 && lackingEntries <= 0)
                break;
            if (LowestOf(rest) is not { } lowest)
                return false;
            worth -= WorthOf(lowest) * (lackingEntries > 0 ? 1 : Math.Min(1, (float)lackingBytes / lowest.Bytes));
            if (worth <= 0 && candidate.Frequency >= 6 && _luck.Next(128) == 0)
                worth = float.PositiveInfinity;
            losers.Add(lowest);
        }

        if (worth <= 0)
            return false;
        foreach (var loser in losers)
        {
            _inflation = Math.Max(_inflation, loser.Priority);
            Leave(loser);
        }

        return true;
    }

    /// <summary>Of equal priority the lower rate goes first, and of equal rate who entered first.</summary>
    private NaiveEntry? LowestOf(List<NaiveEntry> entries)
    {
        for (var chances = 32; ; chances--)
        {
            var lowest = entries.OrderBy(entry => entry.Priority).ThenBy(entry => entry.Rate).FirstOrDefault();
            if (lowest is null || lowest.Hits == 0 || chances == 0)
                return lowest;
            CountHits(lowest);
            _inflation = Math.Max(_inflation, lowest.Priority);
            _main.Remove(lowest);
            entries.Remove(lowest);
            EnterMain(lowest);
            if (entries != _main)
                entries.Add(lowest);
        }
    }

    private void EnterMain(NaiveEntry entry)
    {
        double rate = WorthOf(entry) / entry.Bytes;
        var power = Math.Pow(2, Math.Floor(Math.Log2(rate)));
        entry.Rate = rate >= 1.5 * power ? 1.5 * power : power;
        entry.Priority = _inflation + entry.Rate;
        _main.Add(entry);
    }

    private float WorthOf(NaiveEntry entry)
    {
        Age(entry);
        return entry.Frequency * (float)entry.Cost;
    }

    private void CountHits(NaiveEntry entry)
    {
        if (entry.Hits == 0)
            return;
        Age(entry);
        entry.Frequency += entry.Hits;
        _sketch.Add(TestEntry.HashOf(entry.Key), entry.Hits);
        entry.Hits = 0;
    }

    private void Age(NaiveEntry entry)
    {
        for (; entry.Period != _sketch.Period; entry.Period++)
            entry.Frequency = Math.Max(1, entry.Frequency / 2);
    }
}
