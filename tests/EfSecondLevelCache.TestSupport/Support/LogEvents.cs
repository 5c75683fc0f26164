using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>Records what the cache logs.</summary>
public sealed class LogEvents : ILoggerProvider, ILogger
{
    private readonly Lock _lock = new();
    private readonly List<(EventId Id, string Text)> _events = [];
    private readonly List<LogLevel> _levels = [];

    /// <summary>Of the <see cref="Events"/>, in their order.</summary>
    public IReadOnlyList<LogLevel> Levels
    {
        get
        {
            lock (_lock)
                return [.. _levels];
        }
    }

    public IReadOnlyList<(EventId Id, string Text)> Events
    {
        get
        {
            lock (_lock)
                return [.. _events];
        }
    }

    public ILogger CreateLogger(string categoryName)
        => categoryName.StartsWith(nameof(EfSecondLevelCache), StringComparison.Ordinal) ? this : NullLogger.Instance;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lock)
        {
            _events.Add((eventId, formatter(state, exception)));
            _levels.Add(logLevel);
        }
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Dispose()
    {
    }
}
