using EfSecondLevelCache.IntegrationTests.Sources;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>
/// A setting that only the server can tell to be wrong: queries and writes go on as without the cache, what is wrong can be read, and the log has it
/// once.
/// </summary>
public sealed class UnreachableSourceTests(SourceDatabase database) : IClassFixture<SourceDatabase>
{
    [Theory]
    [InlineData("Host=127.0.0.1;Port=1")]
    [InlineData("Host=no.such.host.invalid;Timeout=1")]
    [InlineData("user without a role")]
    [InlineData("a user who may not replicate")]
    public async Task A_source_that_can_not_connect(string way)
    {
        var good = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var replicates = way == "a user who may not replicate";
        if (replicates)
            await database.ExecuteAsync("DO $$ BEGIN CREATE ROLE plain_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        var given = way switch
        {
            "user without a role" => new NpgsqlConnectionStringBuilder(good.ConnectionString) { Username = "nobody_of_that_name" }.ConnectionString,
            "a user who may not replicate" => new NpgsqlConnectionStringBuilder(good.ConnectionString) { Username = "plain_reader" }.ConnectionString,
            _ => way,
        };
        using var log = new LogEvents();
        await using var cache = new SecondLevelCache(c => _ = replicates
            ? c.UseLogicalReplication(r => r.ConnectionString(given))
            : c.UseNotifications(n => n.ConnectionString(given)));
        await database.ResetAsync();
        var options = new DbContextOptionsBuilder<SourceContext>().UseNpgsql(database.ConnectionString).AddSecondLevelCache(cache)
            .UseLoggerFactory(LoggerFactory.Create(logging => logging.AddProvider(log)));
        await using var db = new SourceContext(options.Options);
        for (var repeat = 0; repeat < 3; repeat++)
            Assert.Equal(4, await db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken));
        (await db.Items.SingleAsync(i => i.Id == 1, TestContext.Current.CancellationToken)).Name = "changed";
        Assert.Equal(1, await db.SaveChangesAsync(TestContext.Current.CancellationToken));

        for (var attempt = 0; Assert.Single(cache.Sources) is { Fault: null } or { Reconnects: < 2 }; attempt++)
        {
            Assert.True(attempt < 600, "It never says what is wrong.");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.Equal(ChangeSourceState.Starting, cache.Sources.Single().State);
        Assert.Equal(0, cache.Statistics.Entries);
        Assert.InRange(log.Events.Count(e => e.Id.Name == "SourceFault"), 1, 2);
    }
}
