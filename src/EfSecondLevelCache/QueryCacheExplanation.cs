using System.Text;

namespace EfSecondLevelCache;

/// <summary>What the cache knows of a command: whether it is cached, for how long, what its result depends on, or why it is not.</summary>
public sealed class QueryCacheExplanation
{
    internal QueryCacheExplanation(
        string commandText,
        QueryCacheOutcome outcome,
        QueryCacheRefusal? refusal,
        IReadOnlyList<string> dependencies,
        TimeSpan? timeToLive)
    {
        CommandText = commandText;
        Outcome = outcome;
        Refusal = refusal;
        Dependencies = dependencies;
        TimeToLive = timeToLive;
    }

    /// <summary>Whether the result of the command is kept.</summary>
    public bool IsCacheable => Refusal is null;

    /// <summary>Why it is not; null where it is.</summary>
    public QueryCacheRefusal? Refusal { get; }

    /// <summary>What its result depends on: <c>products</c> is any row of a table. A change of these removes the result.</summary>
    public IReadOnlyList<string> Dependencies { get; }

    /// <summary>How long its result is served at most; null where it is not kept.</summary>
    public TimeSpan? TimeToLive { get; }

    /// <summary>The SQL, as PostgreSQL sees it.</summary>
    public string CommandText { get; }

    /// <summary>What happened to the command, or, for a query that was only asked about, what would happen now.</summary>
    public QueryCacheOutcome Outcome { get; }

    /// <summary>A readable paragraph.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(Outcome switch
        {
            QueryCacheOutcome.Hit => "Hit: served from the cache.",
            QueryCacheOutcome.Miss => "Miss: read from the database and kept.",
            _ => $"Not cached. {Refusal}.",
        });
        if (TimeToLive is { } timeToLive)
            text.Append($" Kept for at most {timeToLive:c}.");
        if (Dependencies.Count > 0)
            text.Append($" Depends on {string.Join(", ", Dependencies)}.");
        return text.AppendLine().Append(CommandText).ToString();
    }
}
