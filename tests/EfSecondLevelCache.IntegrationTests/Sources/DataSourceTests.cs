using System.Net;
using EfSecondLevelCache.Backplanes;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>Where a setting takes a connection string it takes a data source, whose password is asked for at each connection: tokens that rotate.</summary>
public sealed class DataSourceTests(SourceDatabase database) : IClassFixture<SourceDatabase>
{
    private int _asked;

    [Theory]
    [InlineData(ChangeSourceKind.Notifications)]
    [InlineData(ChangeSourceKind.LogicalReplication)]
    public async Task A_change_source_connects_by_it(ChangeSourceKind kind)
    {
        await using var source = CreateSource();
        await using var cache = new SecondLevelCache(options => _ = kind is ChangeSourceKind.Notifications
            ? options.UseNotifications(n => n.DataSource(source))
            : options.UseLogicalReplication(r => r.DataSource(source)));
        await IsLiveAsync(cache);
        Assert.True(_asked > 0);
    }

    [Fact]
    public async Task A_backplane_connects_by_it()
    {
        await using var source = CreateSource();
        await using var one = new SecondLevelCache(options => options.UsePostgresBackplane(source));
        await using var other = new SecondLevelCache(options => options.UsePostgresBackplane(source));
        await MeetAsync(one, other);
        Assert.True(_asked > 0);
    }

    [Fact]
    public async Task Leases_are_held_by_it()
    {
        await using var source = CreateSource();
        await using var cache = new SecondLevelCache(options => options
            .UseBackplane(new InMemoryBackplane()).SynchronousWrites(source));
        await IsLiveAsync(cache);
        Assert.True(cache.Backplane!.SynchronousWrites!.HoldsLease);
    }

    [Fact]
    public async Task Nodes_enter_themselves_by_it()
    {
        await using var source = CreateSource();
        await using var one = new SecondLevelCache(options => options.UsePeers(Configure));
        await using var other = new SecondLevelCache(options => options.UsePeers(Configure));
        await MeetAsync(one, other);

        void Configure(PeerOptionsBuilder peers)
            => peers.Listen(new IPEndPoint(IPAddress.Loopback, 0).ToString()).MembersFromDatabase(source).SharedSecret("a secret of this test alone");
    }

    /// <summary>Without the password, which its provider tells.</summary>
    private NpgsqlDataSource CreateSource()
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var password = settings.Password!;
        settings.Password = null;
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        builder.UsePasswordProvider(_ => Ask(), (_, _) => new ValueTask<string>(Ask()));
        return builder.Build();

        string Ask()
        {
            Interlocked.Increment(ref _asked);
            return password;
        }
    }

    private async Task IsLiveAsync(SecondLevelCache cache)
    {
        await using var db = database.Open(cache);
        if (cache.Backplane is null)
            await db.Database.EnsureChangeCaptureAsync();
        await db.Items.Cacheable().CountAsync();
        await cache.WaitUntilLiveAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    private static async Task MeetAsync(SecondLevelCache one, SecondLevelCache other)
    {
        for (var attempt = 0; one.Backplane!.Nodes.Count == 0 || other.Backplane!.Nodes.Count == 0; attempt++)
        {
            Assert.True(attempt < 3_000, $"{one.Backplane}; {other.Backplane}");
            await Task.Delay(20);
        }
    }
}
