using System.Globalization;

namespace QuickStart;

/// <summary>The command line.</summary>
internal sealed record DemoOptions(int Products, int Seconds, int Readers)
{
    public const string Usage = """
        QuickStart [--products N] [--seconds S] [--readers R]
          --products N   the size of the shop, 1,000 to 1,000,000; it has ten times as many order lines (default: 100000)
          --seconds S    how long each of the three runs lasts, 1 to 600 (default: 15)
          --readers R    how many readers ask at the same time, 1 to 100 (default: 8)
        The server is taken from the environment variable ConnectionStrings__Demo.
        """;

    /// <exception cref="UsageException">An option is unknown or out of its range; the message is for the user.</exception>
    public static DemoOptions Parse(string[] args)
    {
        if (args is ["--help" or "-h", ..])
            throw new UsageException(Usage);

        var options = new DemoOptions(Products: 100_000, Seconds: 15, Readers: 8);
        for (var i = 0; i < args.Length; i += 2)
        {
            var value = i + 1 < args.Length ? args[i + 1] : "";
            options = args[i] switch
            {
                "--products" => options with { Products = Number(args[i], value, 1_000, 1_000_000) },
                "--seconds" => options with { Seconds = Number(args[i], value, 1, 600) },
                "--readers" => options with { Readers = Number(args[i], value, 1, 100) },
                _ => throw new UsageException($"'{args[i]}' is not an option.\n{Usage}"),
            };
        }

        return options;
    }

    private static int Number(string option, string value, int least, int most)
        => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture,
                $"{option} is '{value}'; give a whole number from {least} to {most}, for example {option} {least}."));
}
