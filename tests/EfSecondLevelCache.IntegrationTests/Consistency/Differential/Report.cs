using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>What was tried, so that nobody takes a test for one that tries nothing, and what of the cache survived.</summary>
internal sealed partial class Report
{
    private const string Refused = "query refused";
    private const int MostLosses = 20;

    private readonly SortedDictionary<string, (int Times, Scenario Example)> _tried = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Times, Scenario Example)> _lost = [];
    private readonly Dictionary<(QueryShape Shape, WriteKind Kind), (int Survived, int All)> _survival = [];

    public int Answers { get; private set; }

    public int CachedAnswers { get; private set; }

    public void CountAnswer(Answer answer, Scenario scenario)
    {
        Answers++;
        CachedAnswers += answer.IsCached ? 1 : 0;
        Count(_tried, scenario, answer switch
        {
            { Failure: { } failure } => $"query failed: {failure.GetType().Name} {FirstLine(failure)}",
            { IsCached: false } => $"{Refused}: {string.Join(", ", answer.Commands.Select(c => $"{c.Refusal?.Reason}").Distinct())}",
            _ => $"query cached: {answer.Shape}",
        });
    }

    public void CountWrite(RandomWrite write, bool isEmpty, Scenario scenario)
        => Count(_tried, scenario, write.Failure is { } failure
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
        var dependencies = Values().Replace(string.Join(", ", answer.Commands.SelectMany(command => command.Dependencies).Distinct()), "?");
        Count(_lost, scenario, $"{answer.Shape} of {dependencies} by {write.Kind} in {table}");
    }

    /// <summary>After writes by SaveChanges; ExecuteUpdate, ExecuteDelete and SQL are of the whole table by design.</summary>
    public double SurvivalOf(QueryShape shape)
        => Sum(shape, kind => kind.IsTracked()) is (var survived, > 0 and var all) ? (double)survived / all : 1;

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (what, (times, example)) in _tried)
        {
            var where = what.StartsWith(Refused, StringComparison.Ordinal) ? $" ({example})" : "";
            text.AppendLine(CultureInfo.InvariantCulture, $"{times,6} {what}{where}");
        }

        WriteKind[] kinds = [.. _survival.Keys.Select(key => key.Kind).Distinct().Order()];
        text.AppendLine("Results that survived the write of another row in a table that they read, by SaveChanges:");
        foreach (var shape in Enum.GetValues<QueryShape>())
        {
            text.Append(CultureInfo.InvariantCulture, $"{shape,-18}{SurvivalOf(shape),7:P1} of {Sum(shape, kind => kind.IsTracked()).All,5}:")
                .AppendJoin(',', kinds.Select(kind => Sum(shape, k => k == kind) is var (survived, all) ? $" {kind} {survived}/{all}" : ""))
                .AppendLine();
        }

        text.AppendLine("What took most of the others:");
        foreach (var (loss, (times, example)) in _lost.OrderByDescending(loss => loss.Value.Times).Take(MostLosses))
            text.AppendLine(CultureInfo.InvariantCulture, $"{times,6} {loss} ({example})");
        return text.ToString();
    }

    [GeneratedRegex(@"(?<== )[^\]]*?(?=\]| and )|(?<=in \()[^)]*")]
    private static partial Regex Values();

    private static void Count(IDictionary<string, (int Times, Scenario Example)> counts, Scenario scenario, string what)
        => counts[what] = counts.TryGetValue(what, out var count) ? (count.Times + 1, count.Example) : (1, scenario);

    private (int Survived, int All) Sum(QueryShape shape, Func<WriteKind, bool> of)
        => _survival.Where(count => count.Key.Shape == shape && of(count.Key.Kind))
            .Aggregate((0, 0), (sum, count) => (sum.Item1 + count.Value.Survived, sum.Item2 + count.Value.All));

    private static string FirstLine(Exception failure) => failure.Message.Split('\n')[0].Trim();
}
