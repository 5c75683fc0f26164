namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>A type of a column, and the few values that it takes here: few, so that rows meet each other often.</summary>
/// <param name="Type">In the model.</param>
/// <param name="StoreType">In the database; null: what EF Core takes.</param>
/// <param name="Values">Those that PostgreSQL changes when it stores them are among them on purpose.</param>
internal sealed record ColumnKind(Type Type, string? StoreType, params object[] Values)
{
    public static readonly ColumnKind Int = new(typeof(int), null, 0, 1, 2, 3, -1);
    public static readonly ColumnKind Long = new(typeof(long), null, 0L, 1L, 2L, 1L << 40);
    public static readonly ColumnKind Guid = new(typeof(Guid), null, KeyGuid(1), KeyGuid(2), KeyGuid(3));
    public static readonly ColumnKind Text = new(typeof(string), null, "", "a", "A", "b", "a ", "ä");

    /// <summary>Equal values may look different, so that equality can't be told from the values.</summary>
    public static readonly ColumnKind Citext = new(typeof(string), "citext", "a", "A", "b", "B", "c") { IsExact = false };
    public static readonly ColumnKind Numeric = new(typeof(decimal), "numeric", 1m, 1.0m, 1.00m, 2m, -0.5m) { IsExact = false };

    public static readonly IReadOnlyList<ColumnKind> All =
    [
        Int, Long, Guid, Text, Citext, Numeric,
        new(typeof(bool), null, true, false),
        new(typeof(Colour), null, Colour.Red, Colour.Green, Colour.Blue),
        new(typeof(string), "varchar(5)", "abcde", "abcde  ", "a", "a ", ""),
        new(typeof(string), "char(4)", "a", "a ", "ab", "") { IsExact = false },
        new(typeof(DateOnly), null, new DateOnly(2024, 2, 29), new DateOnly(2000, 1, 1), DateOnly.MinValue),
        new(typeof(DateTime), null, Time(0), Time(4), Time(10), Time(TimeSpan.TicksPerDay)),
        // Sums of these are exact, in whatever order.
        new(typeof(double), null, 0.0, -0.0, 0.25, 1.5) { IsExact = false },
    ];

    /// <summary>SQL and .NET agree on which values are equal.</summary>
    public bool IsExact { get; private init; } = true;

    public bool IsOrdered => Type != typeof(bool) && Type != typeof(Guid) && Type != typeof(string) && !Type.IsEnum;

    public bool IsSummable => Type == typeof(int) || Type == typeof(long) || Type == typeof(decimal) || Type == typeof(double);

    /// <summary>The key number <paramref name="index"/> of a table; none is 0, which asks the database for a key.</summary>
    public object KeyAt(int index)
        => this == Int ? index + 1
            : this == Long ? index + 1L
            : this == Guid ? KeyGuid(index)
            : this == Numeric ? index + 1m
            : $"k{index}";

    /// <summary>An equal value that may look different.</summary>
    public object? Respell(object? value, Random random)
        => value switch
        {
            string text when this == Citext => random.Next(2) == 0 ? text.ToUpperInvariant() : text,
            decimal number when this == Numeric => random.Next(2) == 0 ? number + 0.0m : number,
            _ => value,
        };

    private static Guid KeyGuid(int index) => new(index + 1, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);

    // Less than a microsecond is not stored.
    private static DateTime Time(long ticks) => new DateTime(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddTicks(ticks);
}

public enum Colour
{
    Red,
    Green,
    Blue,
}
