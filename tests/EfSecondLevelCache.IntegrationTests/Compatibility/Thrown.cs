namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>What was thrown, in words that can be compared: the types and messages of the exception and of those inside of it.</summary>
internal static class Thrown
{
    /// <returns>Empty: nothing.</returns>
    public static async Task<string> ByAsync(Func<Task> action)
    {
        try
        {
            await action();
            return "";
        }
        catch (Exception thrown)
        {
            return string.Join(" <- ", Chain(thrown).Select(exception => $"{exception.GetType().Name}: {exception.Message}"));
        }
    }

    private static IEnumerable<Exception> Chain(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
            yield return exception;
    }
}
