using EfSecondLevelCache.Results;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Planning;

/// <summary>
/// What makes two plans the same query. Results hold this of their plan and no more, so that the plan can go when EF Core lets go of the
/// compiled query: EF Core forgets the queries that it has not seen for long, and compiles raw SQL with arguments anew for each execution.
/// </summary>
/// <param name="commandText">As PostgreSQL sees it.</param>
/// <param name="columns">What is read of its answer.</param>
/// <param name="parameterTypes">PostgreSQL's names; null: they are not known before the command is made.</param>
/// <param name="policy">What it says of its caching.</param>
/// <param name="contentHash">Of the text.</param>
internal sealed class QueryShape(
    string commandText, PlannedColumns columns, ValueList<string>? parameterTypes, QueryCachePolicy policy, ulong contentHash) : IEquatable<QueryShape>
{
    /// <summary>The objects of a shape, of its columns and layouts, and its place among the kept ones; a test measures it.</summary>
    private const int ObjectBytes = 640;

    /// <summary>The bytes of a column: its places in the arrays, beside its name.</summary>
    private const int ColumnBytes = 112;

    public string CommandText => commandText;

    public PlannedColumns Columns => columns;

    public QueryCachePolicy Policy => policy;

    public ulong ContentHash => contentHash;

    /// <summary>What its results depend on, in words, for operators; as the last result found it.</summary>
    public IReadOnlyList<string> Dependencies { get; set; } = [];

    /// <summary>The memory that it takes.</summary>
    public long Bytes
        => ObjectBytes
            + ObjectSize.OfString(commandText)
            // Once as EF Core calls it, once as the reader does.
            + columns.Names.Sum(name => ColumnBytes + 2 * ObjectSize.OfString(name))
            + Dependencies.Sum(ObjectSize.OfString)
            + policy.Tags.Concat(policy.DependsOn).Sum(ObjectSize.OfString)
            + (parameterTypes is null ? 0 : ObjectSize.OfArray<string>(parameterTypes.Count));

    /// <summary>
    /// Equal text is not enough: the same text can be read as other types, and who asks decides how long its result may be kept, under which tags,
    /// and on which tables it depends.
    /// </summary>
    public bool Equals(QueryShape? other)
        => ReferenceEquals(this, other)
            || (other is not null
                && contentHash == other.ContentHash
                && commandText == other.CommandText
                && columns.Equals(other.Columns)
                && policy == other.Policy
                && other.HasParameters(parameterTypes));

    public override bool Equals(object? obj) => Equals(obj as QueryShape);

    public override int GetHashCode() => (int)contentHash;

    private bool HasParameters(ValueList<string>? types) => Equals(parameterTypes, types);
}
