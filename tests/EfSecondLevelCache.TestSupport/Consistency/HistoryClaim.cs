using System.Text.Json.Serialization;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// What an answer says of the rows of one table, row by row: a returned row had that image; a row that was not returned was absent, or did not
/// match; and what the others contribute adds up (to a count, a sum, the rows that a page skipped). Each row can be checked by itself, so a claim
/// needs no order of commits that touched different rows, which PostgreSQL does not make visible in the order of its log.
/// It is made of data alone: what one process claims is checked by another.
/// </summary>
/// <param name="What">For people.</param>
/// <param name="Table">Whose rows it speaks of.</param>
/// <param name="Filter">Which of them.</param>
/// <param name="Measure">What the others add to the total.</param>
/// <param name="Returned">In their order.</param>
/// <param name="Total">What the others add up to.</param>
/// <param name="PageSize">The most that could be returned; null: all.</param>
internal sealed record Claim(
    string What, string Table, RowFilter Filter, Measure Measure, IReadOnlyList<ClaimedRow> Returned, long Total, int? PageSize = null)
{
    private Dictionary<Key, Image>? _rows;

    /// <summary>Null: it speaks of several rows of the table.</summary>
    [JsonIgnore]
    public Key? Only => Filter.Ids is [var id] ? new Key(Table, id) : null;

    [JsonIgnore]
    public IReadOnlyDictionary<Key, Image> Rows => _rows ??= Returned.ToDictionary(row => row.Key, row => row.Image);

    /// <summary>The row of a key, or that there is none.</summary>
    public static Claim Row(Key key, Image? image) => All($"{key}", key.Table, new RowFilter([key.Id]), image is null ? [] : [(key, image)]);

    /// <summary>All rows that match.</summary>
    public static Claim All(string what, string table, RowFilter filter, IEnumerable<(Key Key, Image Image)> rows)
        => new(what, table, filter, Measure.None, ToRows(rows), 0);

    /// <summary>The rows that match, the newest values first (then by id), without the first ones and no more than so many.</summary>
    public static Claim Page(string what, string table, RowFilter filter, int skip, int take, IReadOnlyList<(Key Key, Image Image)> rows)
        => rows.Count > 0
            ? new(what, table, filter, Measure.Skipped, ToRows(rows), skip, take)
            : throw new ArgumentException("An empty page does not tell how many rows it skipped.");

    /// <summary>How many rows match.</summary>
    public static Claim Count(string what, string table, RowFilter filter, long total) => new(what, table, filter, Measure.Count, [], total);

    /// <summary>What the values of the rows that match add up to.</summary>
    public static Claim Sum(string what, string table, RowFilter filter, long total) => new(what, table, filter, Measure.Sum, [], total);

    /// <summary>Whether the query is about a row with this image.</summary>
    public bool Matches(Key key, Image? image) => image is not null && Filter.Matches(key, image);

    /// <summary>What a row adds to the total if it had this image; null: the answer denies that it had.</summary>
    public long? ContributionOf(Key key, Image? image)
        => Rows.TryGetValue(key, out var returned) ? (image == returned ? 0 : null)
            : !Matches(key, image) ? 0
            : Measure switch
            {
                Measure.Count => 1,
                Measure.Sum => image!.Value,
                Measure.Skipped when IsAhead(new(key, image!), Returned[0]) => 1,
                Measure.Skipped when Returned.Count == PageSize && IsAhead(Returned[^1], new(key, image!)) => 0,
                _ => null,
            };

    public bool HasSameAnswerAs(Claim other)
        => Total == other.Total && Rows.Count == other.Rows.Count && Rows.All(row => other.Rows.GetValueOrDefault(row.Key) == row.Value);

    public override string ToString()
        => $"{What}: {(Rows.Count > 0 ? string.Join(", ", Rows.Select(r => $"{r.Key} {r.Value}")) : $"no rows, total {Total}")}";

    private static ClaimedRow[] ToRows(IEnumerable<(Key Key, Image Image)> rows) => [.. rows.Select(row => new ClaimedRow(row.Key, row.Image))];

    private static bool IsAhead(ClaimedRow one, ClaimedRow other)
        => one.Image.Value > other.Image.Value || (one.Image.Value == other.Image.Value && one.Key.Id < other.Key.Id);
}

/// <summary>Which rows of a table; null: any.</summary>
internal sealed record RowFilter(IReadOnlyList<long>? Ids = null, long? Group = null)
{
    public bool Matches(Key key, Image image) => Ids?.Contains(key.Id) != false && (Group is null || image.Group == Group);
}

/// <summary>What a row that matches and was not returned adds to the total of a claim.</summary>
internal enum Measure
{
    /// <summary>Nothing can: it would have been returned.</summary>
    None,
    Count,
    Sum,

    /// <summary>One if it stands before the page.</summary>
    Skipped,
}

/// <summary>A row as an answer has it.</summary>
internal sealed record ClaimedRow(Key Key, Image Image);
