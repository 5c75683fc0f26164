using System.Collections.Concurrent;

namespace EfSecondLevelCache.Sql;

/// <summary>
/// Remembers what was found in texts, by their content: EF Core makes the text of a command with arguments anew for each execution. Texts
/// with values in them are each other's end: once there are too many, all are forgotten, and those that come again are read again.
/// </summary>
/// <param name="mostTexts">How many are remembered.</param>
/// <param name="mostCharacters">How long all of them may be together. One that is longer than a sixteenth of it is not remembered.</param>
internal sealed class RawSqlMemo(int mostTexts, int mostCharacters)
{
    private volatile Generation _current = new();

    public int Texts => _current.Analyses.Count;

    /// <summary>What is known of a text, else what is read now.</summary>
    public RawSqlAnalysis Of(string sql, Func<string, RawSqlAnalysis> read)
    {
        if (sql.Length > mostCharacters / 16)
            return read(sql);
        var current = _current;
        if (current.Analyses.TryGetValue(sql, out var known))
            return known;
        var analysis = read(sql);
        // Whoever passes a bound begins anew; what is still added to the old generation goes with it.
        if (Interlocked.Increment(ref current.Texts) > mostTexts | Interlocked.Add(ref current.Characters, sql.Length) > mostCharacters)
            _current = new Generation();
        else
            current.Analyses.TryAdd(sql, analysis);
        return analysis;
    }

    private sealed class Generation
    {
        public readonly ConcurrentDictionary<string, RawSqlAnalysis> Analyses = new(StringComparer.Ordinal);
        public int Texts;
        public int Characters;
    }
}
