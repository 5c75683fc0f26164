using System.Diagnostics;
using System.Text;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// Decides whether a history keeps the promise. The order of commits is not guessed but taken from the database's log, so each row has a
/// known chain of states, also where its writer never learned the outcome. A read, which lasts from its call to its return, is explained by a state
/// <list type="bullet">
/// <item>that was committed: whatever is not in the chain was rolled back, or never written;</item>
/// <item>not older than the newest write of a row that the query is about, before or after it, that had returned before the read was called;</item>
/// <item>not of a write that was called after the read had returned.</item>
/// </list>
/// Where there are several nodes, a write counts as returned on the others only when a bound has gone by; on its own node, at once.
/// Between the two bounds (writes that run at the same time as the read) any state will do, also an older one after a newer one: a write is
/// promised to be seen by everybody from its return on, not from its commit on.
/// </summary>
internal sealed class HistoryChecker
{
    /// <summary>So many different totals are possible that a wrong one would hardly be told from a right one.</summary>
    private const int MostTotals = 1 << 12;

    private readonly Dictionary<Key, Chain> _chains = [];
    private readonly ILookup<string, Chain> _tables;

    /// <param name="initial">The rows before the first write.</param>
    /// <param name="writes">What the writers wrote down.</param>
    /// <param name="commits">What the database wrote down, in its order.</param>
    /// <param name="bound">How long after its return a write need not be seen on other nodes; in Stopwatch ticks.</param>
    public HistoryChecker(
        IReadOnlyDictionary<Key, Image> initial, IReadOnlyCollection<Write> writes, IReadOnlyCollection<Commit> commits, long bound = 0)
    {
        foreach (var (key, image) in initial)
            _chains[key] = new Chain(key, image, bound);
        var byValue = writes.SelectMany(write => write.Values, (write, value) => (write, value)).ToDictionary(w => w.value, w => w.write);
        var deletes = new DeletesByKey(writes);
        var logged = new HashSet<long>();
        foreach (var commit in commits)
        {
            var values = commit.Changes.Where(change => change.Image is not null).Select(change => change.Image!.Value).ToList();
            logged.UnionWith(values);
            // A cascade deletes after the delete that caused it.
            var by = values.Count > 0 ? byValue.GetValueOrDefault(values[0]) : deletes.Next(commit.Changes[0].Key);
            foreach (var (key, image) in commit.Changes)
            {
                if (!_chains.TryGetValue(key, out var chain))
                    _chains[key] = chain = new Chain(key, null, bound);
                chain.Add(image, by);
            }
        }

        // The history must first be true to the database, or it proves nothing.
        foreach (var (value, write) in byValue)
        {
            if (write.Outcome is Outcome.Committed && !logged.Contains(value))
                throw new InvalidOperationException($"The test is wrong: {write.How} noted {value} as committed, and the log lacks it.");
            if (write.Outcome is Outcome.RolledBack && logged.Contains(value))
                throw new InvalidOperationException($"The test is wrong: {write.How} noted {value} as rolled back, and the database committed it.");
        }

        foreach (var chain in _chains.Values)
            chain.Complete();
        _tables = _chains.Values.ToLookup(chain => chain.Key.Table);
    }

    /// <summary>The rows after the last commit.</summary>
    public IReadOnlyDictionary<Key, Image> Final => _chains.Values.Where(c => c.Last is not null).ToDictionary(c => c.Key, c => c.Last!);

    /// <summary>Null: the read kept the promise.</summary>
    public Violation? Check(Read read)
    {
        foreach (var claim in read.Claims)
        {
            if (Check(read, claim) is { } reason)
                return new Violation(read, claim, reason);
        }

        return null;
    }

    private string? Check(Read read, Claim claim)
    {
        foreach (var key in claim.Rows.Keys)
        {
            if (!_chains.ContainsKey(key))
                return $"No write that was committed made the row {key}.";
        }

        var concerned = claim.Only is not { } only ? _tables[claim.Table] : _chains.TryGetValue(only, out var single) ? [single] : [];
        HashSet<long> totals = [0];
        foreach (var chain in concerned)
        {
            var (oldest, newest) = chain.Between(read, claim);
            var contributions = chain.Contributions(claim, oldest, newest);
            if (contributions.Count == 0)
                return chain.Tell(read, claim, oldest, newest);
            if (contributions is [0])
                continue;
            totals = [.. totals.SelectMany(_ => contributions, (total, contribution) => total + contribution)];
            if (totals.Count > MostTotals)
                return null;
        }

        return totals.Contains(claim.Total) ? null : $"The rows add up to {string.Join(" or ", totals.Order().Take(20))}, not to {claim.Total}.";
    }

    /// <summary>
    /// Deletes of one row that overlap can't be told apart in the log. The first commit is given to the first that returned, which claims no more
    /// than is promised: whichever of them it was, it was before the one that did return first.
    /// </summary>
    private sealed class DeletesByKey(IEnumerable<Write> writes)
    {
        private readonly Dictionary<Key, Queue<Write>> _returned = writes
            .Where(write => write is { Deletes: not null, Values.Count: 0, Outcome: Outcome.Committed })
            .OrderBy(write => write.Returned)
            .GroupBy(write => write.Deletes!.Value)
            .ToDictionary(group => group.Key, group => new Queue<Write>(group));

        public Write? Next(Key key) => _returned.TryGetValue(key, out var queue) && queue.TryDequeue(out var write) ? write : null;
    }

    /// <summary>The states of a row in the order of their commits.</summary>
    private sealed class Chain(Key key, Image? initial, long bound)
    {
        private readonly List<State> _states = [new(initial, null, long.MinValue, long.MinValue)];

        /// <summary>By node, for each state: when it or a later one was first promised. Who reads after that can't see an older state.</summary>
        private readonly Dictionary<int, long[]> _superseded = [];

        /// <summary>For each state: the last call of it or of an earlier one. Who had read before that can't have seen it.</summary>
        private long[] _possible = [];

        public Key Key => key;

        public Image? Last => _states[^1].Image;

        public void Add(Image? image, Write? by) => _states.Add(new(
            image,
            by,
            // Which delete it was is not certain, see above.
            by is { Values.Count: > 0 } ? by.Invoked : long.MinValue,
            by is { Outcome: Outcome.Committed or Outcome.Unheard } ? by.Returned : long.MaxValue));

        public void Complete()
        {
            _possible = [.. _states.Select(state => state.Invoked)];
            for (var i = 1; i < _states.Count; i++)
                _possible[i] = Math.Max(_possible[i], _possible[i - 1]);
        }

        /// <summary>
        /// The states that may explain a read. A write that finds a row outside of the query, and leaves it there, says nothing of the query: that
        /// the row has left is known when the write has returned that moved it away.
        /// </summary>
        public (int Oldest, int Newest) Between(Read read, Claim claim)
        {
            if (!_superseded.TryGetValue(read.Node, out var superseded))
                _superseded[read.Node] = superseded = SupersededOn(read.Node);
            var oldest = CountWhile(superseded, time => time < read.Invoked) - 1;
            while (oldest > 0 && !(_states[oldest].PromisedOn(read.Node, bound) < read.Invoked && IsOf(claim, oldest)))
                oldest--;
            return (oldest, CountWhile(_possible, time => time <= read.Returned) - 1);
        }

        private long[] SupersededOn(int node)
        {
            long[] superseded = [.. _states.Select(state => state.PromisedOn(node, bound))];
            for (var i = superseded.Length - 2; i >= 0; i--)
                superseded[i] = Math.Min(superseded[i], superseded[i + 1]);
            return superseded;
        }

        private bool IsOf(Claim claim, int state) => claim.Matches(key, _states[state].Image) || claim.Matches(key, _states[state - 1].Image);

        /// <summary>What the row may have added to the total; none: no state explains the answer.</summary>
        public List<long> Contributions(Claim claim, int oldest, int newest)
        {
            var contributions = new List<long>(1);
            for (var i = oldest; i <= newest; i++)
            {
                if (claim.ContributionOf(key, _states[i].Image) is { } contribution && !contributions.Contains(contribution))
                    contributions.Add(contribution);
            }

            return contributions;
        }

        /// <summary>The part of the history that matters to a read that no state explains.</summary>
        public string Tell(Read read, Claim claim, int oldest, int newest)
        {
            const int Around = 4;
            var explaining = _states.FindLastIndex(oldest, state => claim.ContributionOf(key, state.Image) is not null);
            var text = new StringBuilder(explaining < 0
                ? _states.Exists(state => claim.ContributionOf(key, state.Image) is not null)
                    ? $"{key} was in that state only after the read had returned."
                    : $"{key} was never committed in that state."
                : $"{key} had left that state when the read was called.");
            text.AppendLine($" Its states in the order of their commits; call and return of their writes in ms from the call of the read:");
            var from = Math.Max(0, explaining < 0 ? oldest - Around : explaining - 1);
            for (var i = from; i < _states.Count && i <= newest + Around; i++)
            {
                if (i > from + Around && i < oldest - Around)
                    continue;
                var mark = i == explaining ? "<- read"
                    : i == oldest ? "<- the oldest that was allowed"
                    : i == newest ? "<- the newest that was allowed"
                    : "";
                text.AppendLine($"  {_states[i].Tell(read.Invoked)} {mark}");
            }

            return text.ToString();
        }

        private static int CountWhile(long[] ascending, Func<long, bool> holds)
        {
            var (low, high) = (0, ascending.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = holds(ascending[middle]) ? (middle + 1, high) : (low, middle);
            }

            return low;
        }
    }

    private sealed record State(Image? Image, Write? By, long Invoked, long Returned)
    {
        public long PromisedOn(int node, long bound)
            => By is null || By.Node == node || Returned == long.MaxValue ? Returned : Returned + bound;

        public string Tell(long origin)
        {
            var image = $"{Image?.ToString() ?? "(absent)",-28}";
            return By is null
                ? $"{image} at the start, or by whom is not known"
                : $"{image} {Milliseconds(By.Invoked)}..{Milliseconds(By.Returned)} {By.How} on node {By.Node}, {By.Outcome}";

            string Milliseconds(long time) => $"{Stopwatch.GetElapsedTime(origin, time).TotalMilliseconds,9:N3}";
        }
    }
}

/// <summary>A read that broke the promise.</summary>
internal sealed record Violation(Read Read, Claim Claim, string Reason)
{
    public override string ToString()
        => $"{Read.How} on node {Read.Node}, which took {Stopwatch.GetElapsedTime(Read.Invoked, Read.Returned).TotalMilliseconds:N3} ms, read {Claim}\n{Reason}";
}
