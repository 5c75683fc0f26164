using System.Diagnostics;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>That the tests catch the mutants is shown by <c>eng/mutants.sh</c>; here, that they still fit the sources.</summary>
public sealed class MutantTests
{
    private static readonly string Root = FindRoot();
    private static readonly string Mutants = Path.Combine(Root, "tests", "EfSecondLevelCache.IntegrationTests", "Consistency", "Mutants");

    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(Mutants, "*.patch").Select(path => Path.GetFileNameWithoutExtension(path)!)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_mutant_fits_the_sources(string name)
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["apply", "--check", Path.Combine(Mutants, $"{name}.patch")])
        {
            WorkingDirectory = Root,
            RedirectStandardError = true,
        })!;
        var errors = await git.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await git.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(git.ExitCode == 0, errors);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "EfSecondLevelCache.sln")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests do not run inside of the repository.");
        return folder.FullName;
    }
}
