using System.Collections.Frozen;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>
/// The attacks that succeed as yet, one in a line of <c>KnownWeaknesses/Kind.txt</c>. Whoever mends one takes its line away: the test of a listed
/// attack fails as soon as it holds.
/// </summary>
internal static class KnownWeaknesses
{
    private static readonly FrozenDictionary<WeaknessKind, FrozenSet<string>> Listed = Enum.GetValues<WeaknessKind>().ToFrozenDictionary(kind => kind, Read);

    public static IReadOnlySet<string> Of(WeaknessKind kind) => Listed[kind];

    private static FrozenSet<string> Read(WeaknessKind kind)
    {
        using var lines = new StreamReader(typeof(KnownWeaknesses).Assembly.GetManifestResourceStream($"KnownWeaknesses.{kind}.txt")!);
        return lines.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToFrozenSet();
    }
}
