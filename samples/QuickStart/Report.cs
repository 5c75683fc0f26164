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

    /// <param name="queries">In the order of the latencies.</param>
    /// <param name="runs">The first is the one that the others are compared with.</param>
    public static void Compare(IReadOnlyList<ShopQuery> queries, IReadOnlyList<(string Name, Measurement Taken)> runs)
    {
        var table = new Table().Border(Terminal ? TableBorder.Rounded : TableBorder.Ascii).AddColumn("");
        foreach (var run in runs)
            table.AddColumn(new TableColumn(run.Name).RightAligned());

        Row("queries per second", run => run.QueriesPerSecond, Number, value => value / runs[0].Taken.QueriesPerSecond);
        Latency("p50", run => run.Latency, 50);
        Latency("p99", run => run.Latency, 99);
        for (var i = 0; i < queries.Count; i++)
        {
            var query = i;
            Latency($"p50 of {queries[i].Name}", run => run.Latencies[query], 50);
        }

        Row("bytes allocated per query", run => run.BytesPerQuery, Number);
        Row("queries", run => run.Queries, Number);
        Row("database round trips", run => run.RoundTrips, Number);
        Row("hit ratio", run => run.HitRatio, value => value is 0 ? "" : value.ToString("P1", CultureInfo.InvariantCulture));

        // Spectre takes 80 columns for what is not a terminal.
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 110);
        AnsiConsole.Write(table);

        void Latency(string name, Func<Measurement, LatencyHistogram> of, double percent)
        {
            Row(name, Percentile, Milliseconds, value => Percentile(runs[0].Taken) / value);

            double Percentile(Measurement run) => of(run).Percentile(percent).TotalMilliseconds;
        }

        void Row(string name, Func<Measurement, double> of, Func<double, string> format, Func<double, double>? gain = null)
        {
            var values = runs.Select(run => of(run.Taken));
            table.AddRow([name, .. values.Select((value, run) => format(value) + (run > 0 && gain is not null ? Times(gain(value)) : ""))]);
        }
    }

    private static string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Milliseconds(double value) => value.ToString("N3", CultureInfo.InvariantCulture) + " ms";

    private static string Times(double gain) => string.Create(CultureInfo.InvariantCulture, $"{$"({gain:N1}x)",9}");
}
