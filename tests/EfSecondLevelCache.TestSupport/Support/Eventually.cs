using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>Waits for what another thread, process or machine does.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
        => TrueAsync(() => Task.FromResult(condition()), what);

    /// <param name="condition">Becomes true.</param>
    /// <param name="state">Tells how far it was.</param>
    public static async Task TrueAsync(Func<bool> condition, Func<string> state)
    {
        try
        {
            await TrueAsync(condition, "the condition holds");
        }
        catch (Xunit.Sdk.FailException)
        {
            Assert.Fail(state());
        }
    }

    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        var end = DateTime.UtcNow + Patience;
        while (!await condition())
        {
            if (DateTime.UtcNow > end)
                Assert.Fail($"After {Patience} it is still not so that {what}");
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }
}
