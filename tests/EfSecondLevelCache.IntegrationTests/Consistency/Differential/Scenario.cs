using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>A schema, a pool of queries and a row of writes, all of them seeds: what is left out does not change the others.</summary>
internal sealed record Scenario(int Schema, int[] Queries, int[] Writes)
{
    private const int Shapes = 20;

    public static Arbitrary<Scenario> Any { get; } = Arb.From(
        from schema in Gen.Choose(0, 1_000_000)
        from queries in Gen.Choose(0, 1_000_000).ArrayOf(2 * Shapes)
        from writes in Gen.Choose(0, 1_000_000).ArrayOf(24)
        select new Scenario(schema, queries, writes),
        Shrink);

    /// <summary>The queries of a scenario share a few shapes, so that each comes with several values.</summary>
    public Random ShapeOf(int query) => new(unchecked((Schema * 397) + (query % Shapes)));

    public static Random ValuesOf(int query) => new(query);

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static Scenario Parse(string text)
    {
        int[][] parts = [.. text.Split(':').Select(part => part.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Number).ToArray())];
        return new Scenario(parts[0][0], parts[1], parts[2]);

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }

    public override string ToString() => $"{Schema}:{string.Join(',', Queries)}:{string.Join(',', Writes)}";

    private static IEnumerable<Scenario> Shrink(Scenario scenario)
        => Shorter(scenario.Queries).Select(queries => scenario with { Queries = queries })
            .Concat(Shorter(scenario.Writes).Select(writes => scenario with { Writes = writes }));

    /// <summary>Halves first, single ones last.</summary>
    private static IEnumerable<int[]> Shorter(int[] items)
    {
        for (var length = (items.Length + 1) / 2; length > 0; length = length == 1 ? 0 : (length + 1) / 2)
        {
            for (var start = 0; start < items.Length; start += length)
                yield return [.. items[..start], .. items[Math.Min(start + length, items.Length)..]];
        }
    }
}
