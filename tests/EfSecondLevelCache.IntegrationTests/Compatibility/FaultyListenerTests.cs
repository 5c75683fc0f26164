using System.Diagnostics.Metrics;
using EfSecondLevelCache.IntegrationTests.Sources;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>What fails beside the cache (a logger, a listener of metrics, a delegate of the settings) fails no query and no write.</summary>
public sealed class FaultyListenerTests(SourceDatabase database) : IClassFixture<SourceDatabase>
{
    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public async Task A_logger_that_throws(bool whenMade, bool whenAsked, bool whenTold)
    {
        using var loggers = new FaultyLoggers(whenMade, whenAsked, whenTold);
        await using var cache = new SecondLevelCache();
        await UseAsync(cache, options => options.UseLoggerFactory(loggers));
        Assert.True(whenMade || loggers.Thrown > 0, "The logger was not even asked.");
    }

    [Fact]
    public async Task A_setting_of_VaryBy_that_throws_sends_the_query_to_the_database()
    {
        await using var cache = new SecondLevelCache(c => c.VaryBy(_ => throw new InvalidOperationException("no tenant")));
        await UseAsync(cache, _ => { });
        Assert.Equal(0, cache.Statistics.Entries);
        Assert.Contains(RefusalReason.Fault, cache.Statistics.RefusalsByReason.Keys);
    }

    [Fact]
    public async Task A_listener_of_metrics_that_throws()
    {
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == "EfSecondLevelCache" && Throws.Value)
                    throw new InvalidOperationException("a faulty listener");
            },
        };
        listener.Start();
        Throws.Value = true;
        await using var cache = new SecondLevelCache();
        await UseAsync(cache, _ => { });
        Assert.NotEqual(0, cache.Statistics.Hits);
    }

    /// <summary>Other tests make caches at the same time.</summary>
    private static readonly AsyncLocal<bool> Throws = new();

    private async Task UseAsync(SecondLevelCache cache, Action<DbContextOptionsBuilder<SourceContext>> configure)
    {
        await database.ResetAsync();
        var options = new DbContextOptionsBuilder<SourceContext>().UseNpgsql(database.ConnectionString).AddSecondLevelCache(cache);
        configure(options);
        await using var db = new SourceContext(options.Options);
        for (var repeat = 0; repeat < 3; repeat++)
        {
            Assert.Equal(4, (await db.Items.AsNoTracking().OrderBy(i => i.Id).Cacheable().ToListAsync(TestContext.Current.CancellationToken)).Count);
            Assert.Equal(4, db.Items.AsNoTracking().OrderBy(i => i.Id).Cacheable().ToList().Count);
        }

        (await db.Items.SingleAsync(i => i.Id == 1, TestContext.Current.CancellationToken)).Name = "by SaveChanges";
        Assert.Equal(1, await db.SaveChangesAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, await db.Items.Where(i => i.Id == 2).ExecuteUpdateAsync(
            set => set.SetProperty(i => i.Name, "by ExecuteUpdate"), TestContext.Current.CancellationToken));
        Assert.Equal(1, await db.Database.ExecuteSqlAsync($"UPDATE items SET name = 'by SQL' WHERE id = 3", TestContext.Current.CancellationToken));
        var names = await db.Items.AsNoTracking().OrderBy(i => i.Id).Cacheable().Select(i => i.Name).ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["by SaveChanges", "by ExecuteUpdate", "by SQL", "item 4"], names);
    }

    /// <summary>Only the cache's own category is faulty: EF Core guards nothing.</summary>
    private sealed class FaultyLoggers(bool whenMade, bool whenAsked, bool whenTold) : ILoggerFactory
    {
        private int _thrown;

        public int Thrown => Volatile.Read(ref _thrown);

        public ILogger CreateLogger(string categoryName)
        {
            if (categoryName != "EfSecondLevelCache")
                return Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;
            if (whenMade)
                throw new InvalidOperationException("a faulty factory");
            return new FaultyLogger(this, whenAsked, whenTold);
        }

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }

        private void Throw(bool isFaulty)
        {
            if (!isFaulty)
                return;
            Interlocked.Increment(ref _thrown);
            throw new InvalidOperationException("a faulty logger");
        }

        private sealed class FaultyLogger(FaultyLoggers owner, bool whenAsked, bool whenTold) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel)
            {
                owner.Throw(whenAsked);
                return true;
            }

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
                => owner.Throw(whenTold);
        }
    }
}
