using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests;

public class PublicApiTests
{
    /// <summary>Set to 1 to accept the public surface as it is now.</summary>
    private const string AcceptVariable = "ACCEPT_PUBLIC_API";

    [Fact]
    public void The_public_surface_is_the_approved_one() => IsApproved("PublicApi.approved.txt", typeof(SecondLevelCache));

    [Fact]
    public void That_of_the_package_for_Redis_is_too()
        => IsApproved("PublicApi.Redis.approved.txt", typeof(RedisSecondLevelCacheOptionsBuilderExtensions));

    private static void IsApproved(string file, Type anyOfIt)
    {
        var path = Path.Combine(ProjectDirectory(), file);
        var actual = PublicSurface.Of(anyOfIt.Assembly);
        if (Environment.GetEnvironmentVariable(AcceptVariable) == "1")
            File.WriteAllText(path, actual);

        var approved = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        Assert.True(
            approved == actual,
            $"""
            The public surface is not the one that {file} shows:
            {Difference(approved, actual)}
            If that is meant, run this test with the environment variable {AcceptVariable}=1: it rewrites the file, which is then
            reviewed and committed with the change.
            """);
    }

    private static string Difference(string approved, string actual)
    {
        var (before, after) = (approved.Split('\n'), actual.Split('\n'));
        var removed = before.Except(after).Select(line => $"  - {line.Trim()}");
        var added = after.Except(before).Select(line => $"  + {line.Trim()}");
        return string.Join(Environment.NewLine, removed.Concat(added).DefaultIfEmpty("  (the same lines in another order)"));
    }

    /// <summary>The tests run from a folder below the project's.</summary>
    private static string ProjectDirectory()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "EfSecondLevelCache.Tests.csproj")))
                return directory.FullName;
        }

        throw new InvalidOperationException(
            $"No folder above {AppContext.BaseDirectory} holds EfSecondLevelCache.Tests.csproj: run the tests from the source tree.");
    }
}
