namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// What an answer says of the rows of one table, row by row: a returned row had that image; a row that was not returned was absent, or did not
/// match; and what the others contribute adds up (to a count, a sum, the rows that a page skipped). Each row can be checked by itself, so a claim
/// needs no order of commits that touched different rows, which PostgreSQL does not make visible in the order of its log.
/// </summary>
internal sealed class Claim
{
    private static readonly Dictionary<Key, Image> NoRows = [];

    private readonly Func<Key, Image, long?> _contributionOfOthers;
    private readonly Func<Key, Image, bool> _matches;

    private Claim(
        string what,
        string table,
        Key? only,
        IReadOnlyDictionary<Key, Image> rows,
        long total,
        Func<Key, Image, bool> matches,
        Func<Key, Image, long?> contributionOfOthers)
    {
        What = what;
        Table = table;
        Only = only;
        Rows = rows;
        Total = total;
        _matches = matches;
        _contributionOfOthers = contributionOfOthers;
    }

    public string What { get; }

    public string Table { get; }

    /// <summary>Null: it speaks of every row of the table.</summary>
    public Key? Only { get; }

    public IReadOnlyDictionary<Key, Image> Rows { get; }

    public long Total { get; }

    /// <summary>The row of a key, or that there is none.</summary>
    public static Claim Row(Key key, Image? image)
        => new($"{key}", key.Table, key, image is null ? NoRows : new Dictionary<Key, Image> { [key] = image }, 0, (_, _) => true, (_, _) => null);

    /// <summary>All rows that match.</summary>
    public static Claim All(string what, string table, Func<Key, Image, bool> matches, IEnumerable<(Key Key, Image Image)> rows)
        => new(what, table, null, rows.ToDictionary(r => r.Key, r => r.Image), 0, matches, (key, image) => matches(key, image) ? null : 0);

    /// <summary>The rows that match, the newest values first (then by id), without the first ones and no more than so many.</summary>
    public static Claim Page(
        string what, string table, Func<Image, bool> matches, int skip, int take, IReadOnlyList<(Key Key, Image Image)> rows)
    {
        if (rows.Count == 0)
            throw new ArgumentException("An empty page does not tell how many rows it skipped.");
        var (first, last) = (rows[0], rows[^1]);
        return new(what, table, null, rows.ToDictionary(r => r.Key, r => r.Image), skip, (_, image) => matches(image), (key, image) =>
            !matches(image) ? 0
            : IsAhead((key, image), first) ? 1
            : rows.Count == take && IsAhead(last, (key, image)) ? 0
            : null);

        static bool IsAhead((Key Key, Image Image) one, (Key Key, Image Image) other)
            => one.Image.Value > other.Image.Value || (one.Image.Value == other.Image.Value && one.Key.Id < other.Key.Id);
    }

    /// <summary>What the rows add up to.</summary>
    public static Claim Sum(string what, string table, Func<Key, Image, long> of, long total)
        => new(what, table, null, NoRows, total, (key, image) => of(key, image) != 0, (key, image) => of(key, image));

    /// <summary>Whether the query is about a row with this image.</summary>
    public bool Matches(Key key, Image? image) => image is not null && _matches(key, image);

    /// <summary>What a row adds to the total if it had this image; null: the answer denies that it had.</summary>
    public long? ContributionOf(Key key, Image? image)
        => Rows.TryGetValue(key, out var returned) ? (image == returned ? 0 : null)
            : image is null ? 0
            : _contributionOfOthers(key, image);

    public bool HasSameAnswerAs(Claim other)
        => Total == other.Total && Rows.Count == other.Rows.Count && Rows.All(row => other.Rows.GetValueOrDefault(row.Key) == row.Value);

    public override string ToString()
        => $"{What}: {(Rows.Count > 0 ? string.Join(", ", Rows.Select(r => $"{r.Key} {r.Value}")) : $"no rows, total {Total}")}";
}
