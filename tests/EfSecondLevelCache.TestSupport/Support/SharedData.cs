namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>Data that lies beside the project and is no part of it.</summary>
internal static class SharedData
{
    private const string Variable = "EFSLC_SHARED_DATA";

    /// <summary>The file's path; where the data is absent, the test that asks is skipped.</summary>
    public static string Find(params string[] path)
    {
        var folder = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given
            ? given
            : Path.Combine(Root(), "..", "shared", "data");
        var file = Path.GetFullPath(Path.Combine([folder, .. path]));
        Assert.SkipUnless(File.Exists(file), $"{file} is absent; {Variable} names another folder of shared data.");
        return file;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "EfSecondLevelCache.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? AppContext.BaseDirectory;
    }
}
