using System.Collections.Concurrent;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Diagnostics;

/// <summary>What was refused and could be cached, by what was found; and which plan was told of in the log already.</summary>
internal sealed class RefusalCounts
{
    /// <summary>What an exception says may differ each time; what comes after so many is counted by its reason alone.</summary>
    private const int MostFindings = 256;

    /// <summary>The number from which on the log begins anew.</summary>
    private const int MostTold = 2048;

    private readonly ConcurrentDictionary<(RefusalReason Reason, string Detail), Finding> _findings = new();
    private readonly ConcurrentDictionary<ulong, bool> _told = new();

    /// <summary>The most frequent first.</summary>
    public IReadOnlyList<CurableRefusal> Curable
        =>
        [
            .. _findings.Values
                .Select(finding => new CurableRefusal { Refusal = finding.Refusal, Commands = finding.Commands })
                .OrderByDescending(found => found.Commands),
        ];

    public void Add(QueryCacheRefusal refusal)
    {
        if (!Refusals.IsCurable(refusal.Reason))
            return;
        var key = (refusal.Reason, refusal.Detail);
        if (!_findings.TryGetValue(key, out var finding))
        {
            if (_findings.Count >= MostFindings)
                return;
            finding = _findings.GetOrAdd(key, static (_, found) => new Finding(found), refusal);
        }

        finding.Count();
    }

    /// <summary>Whether this is the first time that something is told of a query, among those that are remembered.</summary>
    /// <param name="query">The hash of its text.</param>
    /// <param name="what">What is told.</param>
    public bool IsFirst(ulong query, int what)
    {
        var told = ContentHash.Combine(query, (ulong)what);
        if (_told.ContainsKey(told))
            return false;
        if (_told.Count >= MostTold)
            _told.Clear();
        return _told.TryAdd(told, true);
    }

    private sealed class Finding(QueryCacheRefusal refusal)
    {
        private long _commands;

        public QueryCacheRefusal Refusal => refusal;

        public long Commands => Volatile.Read(ref _commands);

        public void Count() => Interlocked.Increment(ref _commands);
    }
}
