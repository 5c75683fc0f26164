using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>What was tried, so that nobody takes a test for one that tries nothing, and what of the cache survived.</summary>
internal sealed partial class Report
{
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (int Count, string Example)> _losses = new(StringComparer.Ordinal);
    private readonly Dictionary<(QueryShape Shape, WriteKind Kind), (int Survived, int All)> _survival = [];

    public int Answers { get; private set; }

    public int CachedAnswers { get; private set; }

    public void CountAnswer(Answer answer, Scenario scenario)
    {
        Answers++;
        CachedAnswers += answer.IsCached ? 1 : 0;
        Count(answer switch
        {
            { Failure: { } failure } => $"query failed: {failure.GetType().Name} {FirstLine(failure)}",
            { IsCached: false } => $"query refused: {string.Join("\n", answer.Commands)}\n({scenario})",
            _ => $"query cached: {answer.Shape}",
        });
    }

    public void CountWrite(RandomWrite write, bool isEmpty)
        => Count(write.Failure is { } failure
            ? $"write failed: {failure.GetType().Name}"
            : $"write: {write.Kind}{(isEmpty ? " that changed nothing" : "")}");

    /// <summary>
    /// A write changed one row of a table that a result had been read from, and the database's answer is still what it was:
    /// was the result served?
    /// </summary>
    public void AddSurvival(Answer answer, RandomWrite write, string table, Scenario scenario)
    {
        var (survived, all) = _survival.GetValueOrDefault((answer.Shape, write.Kind));
        _survival[(answer.Shape, write.Kind)] = (survived + (answer.IsHit ? 1 : 0), all + 1);
        if (answer.IsHit || !write.Kind.IsTracked() || answer.Shape >= QueryShape.OtherInclude)
            return;
        var dependencies = Values().Replace(string.Join(" + ", answer.Commands.SelectMany(command => command.Dependencies).Distinct()), "?");
        var loss = $"{answer.Shape} of {dependencies} by {write.Kind} in {table}";
        var (count, example) = _losses.GetValueOrDefault(loss, (0, scenario.ToString()));
        _losses[loss] = (count + 1, example);
    }

    /// <summary>After writes by SaveChanges; ExecuteUpdate, ExecuteDelete and SQL are of the whole table by design.</summary>
    public double SurvivalOf(QueryShape shape) => Sum(shape, kind => kind.IsTracked()) is (var survived, > 0 and var all) ? (double)survived / all : 1;

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (what, count) in _counts)
            text.AppendLine(CultureInfo.InvariantCulture, $"{count,6} {what}");
        WriteKind[] kinds = [.. _survival.Keys.Select(key => key.Kind).Distinct().Order()];
        text.AppendLine("Results that survived the write of another row in a table that they read, by SaveChanges:");
        foreach (var shape in Enum.GetValues<QueryShape>())
        {
            text.Append(CultureInfo.InvariantCulture, $"{shape,-18}{SurvivalOf(shape),7:P1} of {Sum(shape, kind => kind.IsTracked()).All,5}:")
                .AppendJoin(',', kinds.Select(kind => (Kind: kind, Sum: Sum(shape, k => k == kind))).Select(part => $" {part.Kind} {part.Sum.Survived}/{part.Sum.All}"))
                .AppendLine();
        }

        text.AppendLine("What was lost of these shapes:");
        foreach (var (loss, (count, example)) in _losses.OrderByDescending(loss => loss.Value.Count).Take(20))
            text.AppendLine(CultureInfo.InvariantCulture, $"{count,6} {loss} ({example})");
        return text.ToString();
    }

    [GeneratedRegex(@"(?<== )[^\]]*?(?=\]| and )|(?<=in \()[^)]*")]
    private static partial Regex Values();

    private (int Survived, int All) Sum(QueryShape shape, Func<WriteKind, bool> of)
        => _survival.Where(count => count.Key.Shape == shape && of(count.Key.Kind))
            .Aggregate((0, 0), (sum, count) => (sum.Item1 + count.Value.Survived, sum.Item2 + count.Value.All));

    private static string FirstLine(Exception failure)
        => failure.Message.ReplaceLineEndings("\n").Split('\n') is [.., var line] ? line[..Math.Min(line.Length, 160)] : "";

    private void Count(string what) => _counts[what] = _counts.GetValueOrDefault(what) + 1;
}
