using System.Globalization;
using Spectre.Console;

namespace QuickStart;

/// <summary>What the demo prints: bars and a table in a terminal, plain lines and an ASCII table elsewhere.</summary>
internal static class Report
{
    private static readonly bool Terminal =
        !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true };

    /// <param name="title">What is being done.</param>
    /// <param name="work">Takes what it calls now and then, with the share that is done, and a word on how it goes.</param>
    public static async Task<T> ProgressAsync<T>(string title, Func<Action<double, string>, Task<T>> work)
    {
        if (!Terminal)
        {
            Console.WriteLine($"{title} ...");
            return await work(static (_, _) => { });
        }

        return await AnsiConsole.Progress()
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async display =>
            {
                var bar = display.AddTask(Markup.Escape(title), maxValue: 1);
                var result = await work((share, note) =>
                {
                    bar.Value = share;
                    bar.Description = Markup.Escape($"{title}: {note}");
                });
                bar.Value = 1;
                return result;
            });
    }

    public static void Compare(IReadOnlyList<ShopQuery> queries, Measurement without, Measurement with, double hitRatio)
    {
        var table = new Table().Border(Terminal ? TableBorder.Rounded : TableBorder.Ascii).AddColumn("");
        foreach (var heading in (string[])["without", "with the cache", ""])
            table.AddColumn(new TableColumn(heading).RightAligned());

        Row("queries per second", Number(without.QueriesPerSecond), Number(with.QueriesPerSecond), with.QueriesPerSecond / without.QueriesPerSecond);
        Times("p50", without.Latency, with.Latency, 50);
        Times("p99", without.Latency, with.Latency, 99);
        for (var i = 0; i < queries.Count; i++)
            Times($"p50 of {queries[i].Name}", without.Latencies[i], with.Latencies[i], 50);
        Row("bytes allocated per query", Number(without.BytesPerQuery), Number(with.BytesPerQuery), without.BytesPerQuery / with.BytesPerQuery);
        Row("queries", Number(without.Queries), Number(with.Queries));
        Row("database round trips", Number(without.RoundTrips), Number(with.RoundTrips));
        Row("hit ratio", "", hitRatio.ToString("P1", CultureInfo.InvariantCulture));

        // Spectre takes 80 columns for what is not a terminal.
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 100);
        AnsiConsole.Write(table);

        void Times(string name, LatencyHistogram slow, LatencyHistogram fast, double percent)
            => Row(name, Time(slow.Percentile(percent)), Time(fast.Percentile(percent)), slow.Percentile(percent) / fast.Percentile(percent));

        void Row(string name, string left, string right, double? gain = null)
            => table.AddRow(name, left, right, gain is { } times ? string.Create(CultureInfo.InvariantCulture, $"{times:N1}x") : "");
    }

    private static string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Time(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:N3} ms");
}
