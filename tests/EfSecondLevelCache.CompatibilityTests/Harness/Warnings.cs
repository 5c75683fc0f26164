using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What EF Core, Npgsql and the cache log at Warning or above.</summary>
internal sealed class Warnings : ILoggerProvider
{
    private readonly ConcurrentQueue<string> _all = new();

    public IReadOnlyList<string> Take()
    {
        var taken = new List<string>();
        while (_all.TryDequeue(out var warning))
            taken.Add(warning);
        return taken;
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose()
    {
    }

    private sealed class Logger(Warnings warnings) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                warnings._all.Enqueue($"{logLevel} {eventId.Name ?? $"{eventId.Id}"}: {Text(formatter(state, exception), exception)}");
        }

        // A failed command's message begins with how long it took, and has its text, which is compared where it is sent.
        private static string Text(string message, Exception? exception)
        {
            var line = message.Split('\n')[0].Split("ms)")[^1].Trim();
            return exception is null ? line : $"{line} {exception.GetType().Name}";
        }
    }
}
