using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Planning;

/// <summary>
/// What is known of one SQL text when EF Core has compiled it: made once for each compiled query (and pattern of null parameters).
/// Two plans of equal content stand for the same query, whichever compilation made them.
/// </summary>
internal sealed class QueryPlan
{
    private ResolvedPolicy? _resolved;

    /// <summary>The plan of a command that nothing is known of.</summary>
    public static QueryPlan Unknown(string commandText)
        => new() { CommandText = commandText, Columns = PlannedColumns.None, ContentHash = Values.ContentHash.Of(commandText) };

    /// <summary>The text as PostgreSQL sees it: our own tag is not in it.</summary>
    public required string CommandText { get; init; }

    /// <summary>What the query says of its caching; null: nothing.</summary>
    public QueryCachePolicy? Policy { get; init; }

    /// <summary>The name of the query parameter whose value the key varies by; null: none.</summary>
    public string? VaryByParameter { get; init; }

    /// <summary>The name of the query parameter that holds its <see cref="ChangeToken"/>; null: any result will do.</summary>
    public string? NotOlderThanParameter { get; init; }

    /// <summary>The tables and views that it reads, and which of their rows matter.</summary>
    public IReadOnlyList<TableRead> Reads { get; init; } = [];

    /// <summary>The columns whose values must compare as the model says for <see cref="Reads"/> to tell which rows matter.</summary>
    public IReadOnlyCollection<ComparedColumn> ComparedColumns { get; init; } = [];

    /// <summary>The names in its raw SQL: those that are relations it reads.</summary>
    public IReadOnlyList<TableName> RawNames { get; init; } = [];

    /// <summary>The functions that it calls; the catalog may know those of the user's.</summary>
    public IReadOnlyList<RawSqlFunction> Functions { get; init; } = [];

    /// <summary>There is nothing in it by which it could read a table.</summary>
    public bool NamesNothing
        => Reads.Count == 0 && RawNames.Count == 0 && !CallsUserFunctions && !MayWrite && Refusal?.Reason is not RefusalReason.UnreadableSql;

    /// <summary>The tables that it writes (ExecuteUpdate, ExecuteDelete, raw SQL that is no plain query).</summary>
    public IReadOnlyList<TableName> Writes { get; init; } = [];

    /// <summary>Which rows of its one table it writes, as far as that can be told; null: any.</summary>
    public TableRead? WrittenRows { get; init; }

    /// <summary>The columns that an UPDATE states.</summary>
    public ColumnSet WrittenColumns { get; init; } = ColumnSet.All;

    /// <summary>It may write more tables of the database than <see cref="Writes"/> names.</summary>
    public bool WritesUnknownTables { get; init; }

    public bool MayWrite => WritesUnknownTables || Writes.Count > 0;

    /// <summary>It calls functions of the user's, and what those may do only the catalog tells.</summary>
    public bool CallsUserFunctions { get; init; }

    /// <summary>Its SQL may change the session itself (<c>set_config</c>).</summary>
    public bool ChangesSession { get; init; }

    /// <summary>Its execution has to be observed: it may change more than it reads.</summary>
    public bool IsObserved => MayWrite || ChangesSession || CallsUserFunctions;

    /// <summary>What it does to them.</summary>
    public WriteOperations WriteOperations { get; init; }

    /// <summary>Why it can't be cached, as far as its text tells; null: it can.</summary>
    public QueryCacheRefusal? Refusal { get; init; }

    /// <summary>The columns in the order of the projection; by name for raw SQL, whose order is the database's.</summary>
    public required PlannedColumns Columns { get; init; }

    public PlannedParameters Parameters { get; init; } = PlannedParameters.None;

    /// <summary>The hash of everything that makes two plans the same.</summary>
    public required ulong ContentHash { get; init; }

    /// <summary>What makes it the same query as another plan; what results hold of it.</summary>
    /// <remarks>The text is a copy: by the instance that EF Core has, <see cref="PlansByText"/> keeps the plan.</remarks>
    public QueryShape Shape => field ??= new QueryShape(
        new string(CommandText.AsSpan()), Columns, Parameters.StoreTypes, Policy ?? QueryCachePolicy.Default, ContentHash);

    /// <summary>The policy that a cache's rules make of the plan; one is remembered, as a plan nearly always meets one cache.</summary>
    public ResolvedPolicy PolicyIn(SecondLevelCacheOptions options, DependencySlots slots, IModel model)
    {
        var resolved = _resolved;
        if (resolved is null || !resolved.IsOf(slots, model))
            _resolved = resolved = ResolvedPolicy.Of(this, options, slots, model);
        return resolved;
    }
}
