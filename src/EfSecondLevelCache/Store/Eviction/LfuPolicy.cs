namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// Least frequently used, weighed by cost and bytes: keeps what saves the database most time for its memory.
/// <para>
/// A new entry stays in the window, a queue over a fifth of the bounds, where it can show its worth. Whoever leaves the window
/// contests a place in main, the rest: it gets in if its worth (frequency x cost) is more than that of the entries which would have
/// to go for it, together. Who has to go first is decided per byte, in a greedy-dual queue. Frequencies come from hits and, for
/// those who come back, from a sketch; both are halved in the same rhythm, so that neither old fame nor a flood lasts.
/// </para>
/// </summary>
internal sealed class LfuPolicy : Policy
{
    private const int WindowShare = 5;

    /// <summary>What the sketch remembers counts half: it is an upper bound, and the past.</summary>
    private const float WeightOfMemory = 0.5f;

    /// <summary>
    /// A candidate of at least this frequency that lost its contest gets in all the same once in a while, so that nobody can shut
    /// it out by flooding main with entries whose hashes collide in the sketch (Caffeine's jitter).
    /// </summary>
    private const float FrequencyForLuck = 6;
    private const int LuckOneIn = 128;

    private readonly EntryQueue _window = new(GreedyDualQueue.Classes + 1);
    private readonly GreedyDualQueue _main = new();
    private readonly FrequencySketch _sketch = new();
    private readonly Stack<(StoreEntry Entry, EntryQueue Class)> _losers = new();
    private readonly Random _luck = new(1);
    private readonly long _windowBytes;
    private readonly int _windowEntries;

    public LfuPolicy(long maxBytes, int maxEntries)
        : base(maxBytes, maxEntries)
    {
        _windowBytes = Math.Max(1, maxBytes / WindowShare);
        _windowEntries = Math.Max(1, maxEntries / WindowShare);
    }

    public override byte HitCeiling => 15;

    protected override void MakeRoomFor(StoreEntry entry, ref Removals removals)
    {
        var chances = MaxSecondChances;
        while (_window.Count > 0 && (_window.Bytes + entry.Bytes > _windowBytes || _window.Count >= _windowEntries))
            LeaveWindow(ref chances, ref removals);
        base.MakeRoomFor(entry, ref removals);
    }

    protected override void EvictOne(ref Removals removals)
    {
        if (LowestOfMain(removals.Now) is { } lowest)
            EvictFromMain(lowest, ref removals);
        else
            EvictFromWindow(_window.Oldest!, ref removals);
    }

    protected override void Enqueue(StoreEntry entry)
    {
        _sketch.EnsureCapacity(Count + 1);
        entry.Frequency = 1 + _sketch.Estimate(entry.Hash) * WeightOfMemory;
        entry.Period = _sketch.Period;
        _sketch.Add(entry.Hash, 1);
        _window.AddNewest(entry);
    }

    public override EntryQueue QueueOf(StoreEntry entry) => IsInWindow(entry) ? _window : _main.QueueOf(entry);

    protected override void Dequeue(StoreEntry entry)
    {
        CountHits(entry);
        if (IsInWindow(entry))
            _window.Remove(entry);
        else
            _main.Remove(entry);
    }

    protected override void Requeue(StoreEntry old, StoreEntry entry)
    {
        CountHits(old);
        entry.Frequency = old.Frequency;
        entry.Period = old.Period;
        if (IsInWindow(old))
        {
            _window.Replace(old, entry);
        }
        else
        {
            _main.Remove(old);
            AddToMain(entry);
        }
    }

    private bool IsInWindow(StoreEntry entry) => entry.Queue == _window.Number;

    private void LeaveWindow(ref int chances, ref Removals removals)
    {
        var candidate = _window.Oldest!;
        if (candidate.Hits > 0 && candidate.IsLive(removals.Now) && chances-- > 0)
        {
            CountHits(candidate);
            _window.Remove(candidate);
            _window.AddNewest(candidate);
        }
        else if (candidate.IsLive(removals.Now) && WinsContest(candidate, ref removals))
        {
            _window.Remove(candidate);
            AddToMain(candidate);
        }
        else
        {
            EvictFromWindow(candidate, ref removals);
        }
    }

    /// <summary>Makes room for the candidate in main if it is worth more than those who would have to go.</summary>
    private bool WinsContest(StoreEntry candidate, ref Removals removals)
    {
        CountHits(candidate);
        var worth = WorthOf(candidate);
        while (worth > 0 && MainLacks(candidate) is var (bytes, entries) && (bytes > 0 || entries > 0))
        {
            if (LowestOfMain(removals.Now) is not { } loser)
            {
                worth = 0;
            }
            else if (!loser.IsLive(removals.Now))
            {
                EvictFromMain(loser, ref removals);
            }
            else
            {
                // The last one counts only for the bytes that are lacking: the others stay free for the next candidate.
                worth -= WorthOf(loser) * (entries > 0 ? 1 : Math.Min(1, (float)bytes / loser.Bytes));
                if (worth <= 0 && IsLucky(candidate))
                    worth = float.PositiveInfinity;
                _losers.Push((loser, _main.QueueOf(loser)));
                _main.Remove(loser);
            }
        }

        while (_losers.TryPop(out var loser))
        {
            if (worth <= 0)
            {
                _main.PutBack(loser.Entry, loser.Class);
                continue;
            }

            CountHits(loser.Entry);
            _main.InflateTo(loser.Entry.Priority);
            Evict(loser.Entry, ref removals);
        }

        return worth > 0;
    }

    private (long Bytes, int Entries) MainLacks(StoreEntry candidate)
        => (_main.Bytes + candidate.Bytes - (MaxBytes - _windowBytes), _main.Count + 1 - (MaxEntries - _windowEntries));

    private bool IsLucky(StoreEntry candidate) => candidate.Frequency >= FrequencyForLuck && _luck.Next(LuckOneIn) == 0;

    /// <summary>Who has to go first; who was found since somebody last looked is counted anew instead.</summary>
    private StoreEntry? LowestOfMain(long now)
    {
        for (var chances = MaxSecondChances; ; chances--)
        {
            var lowest = _main.Lowest();
            if (lowest is null || lowest.Hits == 0 || chances == 0 || !lowest.IsLive(now))
                return lowest;
            CountHits(lowest);
            _main.InflateTo(lowest.Priority);
            _main.Remove(lowest);
            AddToMain(lowest);
        }
    }

    private void AddToMain(StoreEntry entry) => _main.Add(entry, WorthOf(entry) / entry.Bytes);

    private void EvictFromMain(StoreEntry entry, ref Removals removals)
    {
        CountHits(entry);
        if (entry.IsLive(removals.Now))
            _main.InflateTo(entry.Priority);
        _main.Remove(entry);
        Evict(entry, ref removals);
    }

    private void EvictFromWindow(StoreEntry entry, ref Removals removals)
    {
        CountHits(entry);
        _window.Remove(entry);
        Evict(entry, ref removals);
    }

    private float WorthOf(StoreEntry entry)
    {
        Age(entry);
        return entry.Frequency * entry.Cost;
    }

    private void CountHits(StoreEntry entry)
    {
        if (entry.Hits is var hits && hits == 0)
            return;
        entry.Hits = 0;
        Age(entry);
        entry.Frequency += hits;
        _sketch.Add(entry.Hash, hits);
    }

    private void Age(StoreEntry entry)
    {
        if (entry.Period == _sketch.Period)
            return;
        var halvings = (ushort)(_sketch.Period - entry.Period);
        entry.Frequency = Math.Max(1, MathF.ScaleB(entry.Frequency, -halvings));
        entry.Period = _sketch.Period;
    }
}
