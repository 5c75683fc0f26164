using System.Net;
using EfSecondLevelCache.IntegrationTests.Consistency;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>How nodes find each other where nobody lists them.</summary>
public sealed class PeerMembersTests(PostgresServer server, BlogDatabase blogs) : IClassFixture<BlogDatabase>, IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    public async ValueTask InitializeAsync() => _database = await server.CreateDatabaseAsync();

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Nodes_find_each_other_in_the_table_and_leave_it_when_they_stop()
    {
        await using var a = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));
        await using (var b = Start(peers => peers.MembersFromDatabase(_database.ConnectionString)))
        {
            await Eventually.TrueAsync(() => a.Hears(b) && b.Hears(a));
            Assert.Equal(2L, await ScalarAsync("SELECT count(*) FROM ef_second_level_cache_nodes WHERE lease_until > clock_timestamp()"));
        }

        await Eventually.TrueAsync(() => a.Broadcast.Status.Nodes.Count == 0);
        Assert.Equal(1L, await ScalarAsync("SELECT count(*) FROM ef_second_level_cache_nodes WHERE lease_until > clock_timestamp()"));
        Assert.Equal(BackplaneState.Live, a.Broadcast.Status.State);
    }

    [Fact]
    public async Task The_table_shows_who_has_joined_who_is_live_and_who_has_left()
    {
        await using var a = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));
        await Eventually.TrueAsync(() => IsStateAsync(a, "joined"));
        await using var b = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));
        await Eventually.TrueAsync(async () => await IsStateAsync(a, "live") && await IsStateAsync(b, "live"));

        await b.DisposeAsync();

        Assert.True(await IsStateAsync(b, "left"));
        Assert.Equal(false, await ScalarAsync($"SELECT lease_until > clock_timestamp() FROM ef_second_level_cache_nodes WHERE state = 'left'"));
        Assert.True(await IsStateAsync(a, "live"));
    }

    [Fact]
    public async Task Who_is_not_heard_is_suspect_until_it_is_although_it_renews_its_lease()
    {
        var wires = Enumerable.Range(0, 2).Select(_ => (Port: TcpProxy.FreePort(), Wire: (TcpProxy?)null)).ToArray();
        for (var i = 0; i < wires.Length; i++)
            wires[i].Wire = new TcpProxy(new IPEndPoint(IPAddress.Loopback, wires[i].Port));
        await using var wireOfA = wires[0].Wire;
        await using var wireOfB = wires[1].Wire;
        await using var a = Behind(wires[0]);
        await using var b = Behind(wires[1]);
        await Eventually.TrueAsync(async () => await IsStateAsync(a, "live") && await IsStateAsync(b, "live"));

        foreach (var (_, wire) in wires)
            wire!.Hold();
        await Eventually.TrueAsync(async () => await IsStateAsync(a, "suspect", by: b) && await IsStateAsync(b, "suspect", by: a));
        foreach (var (_, wire) in wires)
            wire!.Restore();

        await Eventually.TrueAsync(async () => await IsStateAsync(a, "live") && await IsStateAsync(b, "live"));

        BackplaneNode Behind((int Port, TcpProxy? Wire) place) => new(PeerOptionsBuilder.Build(peers => peers
            .Listen($"127.0.0.1:{place.Port}").Advertise($"{place.Wire!.Endpoint}").MembersFromDatabase(_database.ConnectionString)));
    }

    /// <summary>The port may be what is wrong: nobody can reach it.</summary>
    [Fact]
    public async Task Who_can_not_listen_suspects_nobody()
    {
        await using var a = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));
        await using var b = new BackplaneNode(PeerOptionsBuilder.Build(peers => peers
            .Listen(a.Broadcast.Status.Node).Advertise("127.0.0.1:2").MembersFromDatabase(_database.ConnectionString)));

        // It has said what it thinks since it was suspected itself.
        await Eventually.TrueAsync(() => IsStateAsync(b, "suspect", by: a));
        await Eventually.TrueAsync(async () => (bool)(await ScalarAsync(
            "SELECT lease_until > since + interval '18 s' FROM ef_second_level_cache_nodes WHERE endpoint = '127.0.0.1:2'"))!);

        Assert.False(await IsStateAsync(a, "suspect", by: b));
    }

    [Fact]
    public async Task A_table_of_the_first_version_gets_the_states()
    {
        await ExecuteAsync(
            """
            CREATE TABLE ef_second_level_cache_nodes (
                endpoint text PRIMARY KEY,
                incarnation uuid NOT NULL,
                joined timestamptz NOT NULL DEFAULT clock_timestamp(),
                lease_until timestamptz NOT NULL)
            """);

        await using var a = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));

        await Eventually.TrueAsync(() => IsStateAsync(a, "live"));
    }

    [Fact]
    public async Task A_user_without_rights_to_the_table_is_told_and_queries_go_on()
    {
        const string Role = "no_member";
        await ExecuteAsync($"DROP ROLE IF EXISTS {Role}; CREATE ROLE {Role} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM PUBLIC");
        var settings = new NpgsqlConnectionStringBuilder(_database.ConnectionString) { Username = Role, Password = "secret", Pooling = false };
        await using (var cache = new SecondLevelCache(options => options.UsePeers(
            peers => peers.Listen($"127.0.0.1:{TcpProxy.FreePort()}").MembersFromDatabase(settings.ConnectionString))))
        {
            await Eventually.TrueAsync(
                () => cache.Backplane!.Detail!.Contains("permission denied for schema public. The user needs SELECT", StringComparison.Ordinal));

            for (var i = 0; i < 2; i++)
            {
                await using var db = blogs.Open(cache);
                await db.Posts.Where(p => p.Id == 7).Cacheable().ToListAsync(TestContext.Current.CancellationToken);
            }

            Assert.Equal(1, cache.Statistics.Hits);
        }

        await ExecuteAsync($"DROP ROLE {Role}");
    }

    [Fact]
    public async Task Whose_lease_has_run_out_is_not_waited_for_and_who_has_one_is()
    {
        await using var a = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));
        await Eventually.TrueAsync(() => a.Broadcast.Status.State is BackplaneState.Live);

        await ExecuteAsync(
            "INSERT INTO ef_second_level_cache_nodes (endpoint, incarnation, lease_until) VALUES ('127.0.0.1:1', gen_random_uuid(), clock_timestamp() + interval '1 h')");
        await Eventually.TrueAsync(() => a.Broadcast.Status is { State: BackplaneState.Lost, Detail: "not connected: 127.0.0.1:1" });
        await Eventually.TrueAsync(async () => await StateAsync("127.0.0.1:1") == ("suspect", a.Broadcast.Status.Node));

        await ExecuteAsync("UPDATE ef_second_level_cache_nodes SET lease_until = clock_timestamp() - interval '1 s' WHERE endpoint = '127.0.0.1:1'");
        await Eventually.TrueAsync(() => a.Broadcast.Status.State is BackplaneState.Live);
        Assert.Equal(("suspect", a.Broadcast.Status.Node), await StateAsync("127.0.0.1:1"));
    }

    [Fact]
    public async Task Every_address_of_a_name_is_a_node()
    {
        var port = TcpProxy.FreePort();
        await using var a = new BackplaneNode(PeerOptionsBuilder.Build(peers => peers.Listen($"127.0.0.1:{port}")));
        await using var b = Start(peers => peers.MembersFromDns($"localhost:{port}"));

        await Eventually.TrueAsync(() => a.Hears(b) && b.Hears(a));
    }

    /// <summary>The same list goes to all.</summary>
    [Fact]
    public async Task A_node_finds_itself_in_the_list()
    {
        var port = TcpProxy.FreePort();
        await using var a = new BackplaneNode(PeerOptionsBuilder.Build(
            peers => peers.Listen($"127.0.0.1:{port}").Advertise($"localhost:{port}").Members($"127.0.0.1:{port}", $"localhost:{port}")));

        await Eventually.TrueAsync(() => a.Broadcast.Status.State is BackplaneState.Live);
        Assert.Empty(a.Broadcast.Status.Nodes);
        Assert.Equal(0, a.Broadcast.Status.Rejected);
    }

    private static BackplaneNode Start(Action<PeerOptionsBuilder> configure)
        => new(PeerOptionsBuilder.Build(peers => configure(peers.Listen($"127.0.0.1:{TcpProxy.FreePort()}"))));

    private async Task<bool> IsStateAsync(BackplaneNode node, string state, BackplaneNode? by = null)
        => await StateAsync(node.Broadcast.Status.Node) == (state, by?.Broadcast.Status.Node);

    private async Task<(string? State, string? SuspectedBy)> StateAsync(string endpoint)
    {
        await using var database = NpgsqlDataSource.Create(_database.ConnectionString);
        await using var command = database.CreateCommand("SELECT state, suspected_by FROM ef_second_level_cache_nodes WHERE endpoint = $1");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = endpoint });
        try
        {
            await using var reader = await command.ExecuteReaderAsync();
            return await reader.ReadAsync() ? (reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1)) : default;
        }
        catch (PostgresException fault) when (fault.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn)
        {
            return default;
        }
    }

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(_database.ConnectionString);
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    private Task ExecuteAsync(string sql) => ScalarAsync(sql);
}
