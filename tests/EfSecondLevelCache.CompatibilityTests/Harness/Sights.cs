using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What was seen in one run, as text that two runs are compared by. What differs between any two runs is left out.</summary>
internal sealed partial class Sights(App app)
{
    private readonly StringBuilder _text = new();

    public void Add(string what, string text)
    {
        lock (_text)
            _text.Append(CultureInfo.InvariantCulture, $"## {what}\n{Neutral(text).TrimEnd()}\n");
    }

    public override string ToString()
    {
        lock (_text)
            return _text.ToString();
    }

    /// <summary>Without the names that only this run has.</summary>
    public string Neutral(string text)
    {
        var port = new NpgsqlConnectionStringBuilder(app.ConnectionString).Port;
        var neutral = text.Replace(app.Database, "<database>", StringComparison.Ordinal).Replace($"127.0.0.1:{port}", "<server>", StringComparison.Ordinal);
        return TemporaryKey().Replace(RandomGuid().Replace(neutral, "<guid>"), "<temporary>");
    }

    // Version 4 and 7; those that scenarios choose themselves have no version.
    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", RegexOptions.IgnoreCase)]
    private static partial Regex RandomGuid();

    // EF Core counts them for the whole process.
    [GeneratedRegex("-21474[0-9]{5}")]
    private static partial Regex TemporaryKey();
}
