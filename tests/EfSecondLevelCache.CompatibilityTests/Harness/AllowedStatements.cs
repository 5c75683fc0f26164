using System.Text.RegularExpressions;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>
/// The statements that the cache may send over the application's connections beside the application's own, each with its reason. What is in no
/// rule here, and was not sent without the cache, fails a scenario.
/// </summary>
internal static partial class AllowedStatements
{
    /// <summary>Sent in addition.</summary>
    public static readonly (Regex Text, string Reason)[] Added =
    [
        (LeadingSnapshot(), "with logical replication a query that misses tells by its snapshot whether it sees what was told; it costs no round trip"),
    ];

    /// <summary>Sent in the place of another one: what the replaced one begins with is the first group.</summary>
    public static readonly (Regex Text, string Reason)[] Changed =
    [
        (ReturningUpdate(), "an UPDATE of SaveChanges returns the columns by which cached results depend on rows of its table"),
        (ReturningDelete(), "a DELETE of SaveChanges does the same"),
    ];

    /// <summary>Whether a statement that the cache changed stands for one of the application's.</summary>
    /// <param name="sent">With the cache.</param>
    /// <param name="original">Without it.</param>
    public static bool IsChangeOf(string sent, string original)
        => Changed.Any(rule => rule.Text.Match(sent) is { Success: true } match
            && original.StartsWith(match.Groups[1].Value, StringComparison.Ordinal));

    public static bool IsAdded(string sent) => Added.Any(rule => rule.Text.IsMatch(sent));

    /// <summary>What a hit may leave out.</summary>
    public static bool IsQuery(string statement) => Query().IsMatch(statement);

    [GeneratedRegex(@"^SELECT pg_catalog\.pg_current_snapshot\(\)::text AS \S+$")]
    private static partial Regex LeadingSnapshot();

    [GeneratedRegex(@"\A(UPDATE \S+ SET .*?)\n(?:FROM|WHERE) .*\nRETURNING ", RegexOptions.Singleline)]
    private static partial Regex ReturningUpdate();

    [GeneratedRegex(@"\A(DELETE FROM \S+)\nWHERE .*\nRETURNING ", RegexOptions.Singleline)]
    private static partial Regex ReturningDelete();

    [GeneratedRegex(@"\A(--[^\n]*\n|\s)*(SELECT|WITH|TABLE|VALUES|\()", RegexOptions.IgnoreCase)]
    private static partial Regex Query();
}
