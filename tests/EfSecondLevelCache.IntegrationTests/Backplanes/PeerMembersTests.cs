using EfSecondLevelCache.Backplanes.Peers;
using EfSecondLevelCache.IntegrationTests.Support;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>How nodes find each other where nobody lists them.</summary>
public sealed class PeerMembersTests(PostgresServer server) : IAsyncLifetime
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
        Assert.Equal(1L, await ScalarAsync("SELECT count(*) FROM ef_second_level_cache_nodes"));
        Assert.Equal(BackplaneState.Live, a.Broadcast.Status.State);
    }

    [Fact]
    public async Task Whose_lease_has_run_out_is_not_waited_for_and_who_has_one_is()
    {
        await using var a = Start(peers => peers.MembersFromDatabase(_database.ConnectionString));
        await Eventually.TrueAsync(() => a.Broadcast.Status.State is BackplaneState.Live);

        await ExecuteAsync(
            "INSERT INTO ef_second_level_cache_nodes (endpoint, incarnation, lease_until) VALUES ('127.0.0.1:1', gen_random_uuid(), clock_timestamp() + interval '1 h')");
        await Eventually.TrueAsync(() => a.Broadcast.Status is { State: BackplaneState.Lost, Detail: "not connected: 127.0.0.1:1" });

        await ExecuteAsync("UPDATE ef_second_level_cache_nodes SET lease_until = clock_timestamp() - interval '1 s' WHERE endpoint = '127.0.0.1:1'");
        await Eventually.TrueAsync(() => a.Broadcast.Status.State is BackplaneState.Live);
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

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var database = NpgsqlDataSource.Create(_database.ConnectionString);
        await using var command = database.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    private Task ExecuteAsync(string sql) => ScalarAsync(sql);
}
