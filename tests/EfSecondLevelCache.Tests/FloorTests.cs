using ArchUnitNET.Loader;

namespace EfSecondLevelCache.Tests;

/// <summary>The folders of the library are floors: what stands on one knows nothing of those above it.</summary>
public sealed class FloorTests(ITestOutputHelper output)
{
    /// <summary>The public settings, records and enums: the folder of the project itself.</summary>
    private const string Root = "(root)";

    /// <summary>From the ground up. What is public has the namespace of the library or of EF Core, so that its folder is named here.</summary>
    private static readonly string[] Floors =
    [
        "Values", "Threading", Root, "Provider", "Store", "Sql", "Results", "Keys", "Diagnostics", "Catalog", "Versions", "Changes", "Planning", "Session",
        "Querying", "ChangeSources", "Backplanes", "Composition", "EntityFramework",
    ];

    private static readonly string[] Composition =
    [
        nameof(SecondLevelCache), nameof(SecondLevelCacheOptionsBuilder), nameof(PeerOptionsBuilder), nameof(NotificationsBuilder),
        nameof(LogicalReplicationBuilder),
    ];

    [Fact]
    public void No_floor_knows_one_above_it()
    {
        var references = References.Value;
        var known = references.GroupBy(reference => reference.From.Floor).ToDictionary(
            from => from.Key, from => from.Select(reference => reference.To.Floor).Where(floor => floor != from.Key).Distinct().OrderBy(Height));
        foreach (var floor in Floors.Reverse())
            output.WriteLine($"{floor,-16} {string.Join(' ', known.GetValueOrDefault(floor) ?? Enumerable.Empty<string>())}");

        Assert.Empty(references
            .Where(reference => Height(reference.To.Floor) > Height(reference.From.Floor))
            .Select(reference => $"{reference.From.Floor}: {reference.From.Type} knows {reference.To.Type} of {reference.To.Floor}")
            .Distinct());
    }

    [Fact]
    public void Every_folder_is_a_floor()
        => Assert.Equal(Floors.Order(), References.Value.SelectMany(reference => new[] { reference.From.Floor, reference.To.Floor }).Distinct().Order());

    private static int Height(string floor) => Array.IndexOf(Floors, floor);

    private static readonly Lazy<((string Floor, string Type) From, (string Floor, string Type) To)[]> References = new(() => [.. Read()]);

    private static IEnumerable<((string Floor, string Type) From, (string Floor, string Type) To)> Read()
    {
        var library = typeof(SecondLevelCache).Assembly;
        var architecture = new ArchLoader().LoadAssembly(library).Build();
        return from type in architecture.Types
               from dependency in type.Dependencies
               where PlaceOf(type.FullName) is not null && PlaceOf(dependency.Target.FullName) is not null
               select (PlaceOf(type.FullName)!.Value, PlaceOf(dependency.Target.FullName)!.Value);

        (string, string)? PlaceOf(string fullName)
            => library.GetType(OutermostOf(fullName)) is { } type && type.Assembly == library ? (FloorOf(type), type.Name) : null;
    }

    private static string OutermostOf(string fullName) => fullName.Split('+', '/', '<')[0];

    private static string FloorOf(System.Type type) => type.Namespace switch
    {
        "EfSecondLevelCache" => Composition.Contains(type.Name) ? "Composition" : Root,
        { } name when name.StartsWith("EfSecondLevelCache.", StringComparison.Ordinal) => name.Split('.')[1],
        // Extensions of EF Core's and .NET's own types.
        _ => "EntityFramework",
    };
}
