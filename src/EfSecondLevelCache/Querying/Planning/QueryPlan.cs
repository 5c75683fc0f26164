using EfSecondLevelCache.Invalidation;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>
/// What is known of one SQL text when EF Core has compiled it: made once for each compiled query (and pattern of null parameters).
/// Two plans of equal content stand for the same query, whichever compilation made them.
/// </summary>
internal sealed class QueryPlan
{
    private ResolvedPolicy? _resolved;

    /// <summary>Of a command that nothing is known of.</summary>
    public static QueryPlan Unknown(string commandText)
        => new() { CommandText = commandText, Columns = PlannedColumns.None, ContentHash = 0, ReadsUnknownTables = true };

    /// <summary>As PostgreSQL sees it: our own tag is not in it.</summary>
    public required string CommandText { get; init; }

    /// <summary>What the query says of its caching; null: nothing.</summary>
    public QueryCachePolicy? Policy { get; init; }

    /// <summary>The name of the query parameter whose value the key varies by; null: none.</summary>
    public string? VaryByParameter { get; init; }

    /// <summary>The tables that it reads, each once.</summary>
    public IReadOnlyList<TableName> Reads { get; init; } = [];

    /// <summary>It may read more tables of the database than <see cref="Reads"/> names.</summary>
    public bool ReadsUnknownTables { get; init; }

    /// <summary>The tables that it writes (ExecuteUpdate, ExecuteDelete, raw SQL that is no plain query).</summary>
    public IReadOnlyList<TableName> Writes { get; init; } = [];

    /// <summary>It may write more tables of the database than <see cref="Writes"/> names.</summary>
    public bool WritesUnknownTables { get; init; }

    public bool MayWrite => WritesUnknownTables || Writes.Count > 0;

    /// <summary>It removes rows, so that foreign keys may cascade.</summary>
    public bool Deletes { get; init; }

    /// <summary>Why it can't be cached, as far as its text tells; null: it can.</summary>
    public QueryCacheRefusal? Refusal { get; init; }

    /// <summary>The columns in the order of the projection; by name for raw SQL, whose order is the database's.</summary>
    public required PlannedColumns Columns { get; init; }

    public PlannedParameters Parameters { get; init; } = PlannedParameters.None;

    /// <summary>Of everything that makes two plans the same.</summary>
    public required ulong ContentHash { get; init; }

    /// <summary>What it takes beside the results, in bytes: the text, mostly.</summary>
    public int Bytes => 512 + (2 * CommandText.Length);

    /// <summary>Whether a pool has counted its bytes.</summary>
    public bool IsPooled { get; set; }

    /// <summary>Equal text is not enough: the same text can be read as other types.</summary>
    public bool HasSameContentAs(QueryPlan other)
        => ReferenceEquals(this, other)
            || (ContentHash == other.ContentHash
                && CommandText == other.CommandText
                && Columns.Equals(other.Columns)
                && Parameters.HasSameTypesAs(other.Parameters));

    /// <summary>The policy that a cache's rules make of the plan; one is remembered, as a plan nearly always meets one cache.</summary>
    public ResolvedPolicy PolicyIn(SecondLevelCache cache, IModel model)
    {
        var resolved = _resolved;
        if (resolved is null || !resolved.IsOf(cache, model))
            _resolved = resolved = ResolvedPolicy.Of(this, cache, model);
        return resolved;
    }
}
