using System.Globalization;
using System.Text.RegularExpressions;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using static EfSecondLevelCache.IntegrationTests.Consistency.HistoryRows;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>The rows, and the log of what was committed, which PostgreSQL keeps by itself (logical decoding).</summary>
internal sealed partial class HistoryDatabase : IAsyncDisposable
{
    private readonly PostgresDatabase _database;
    private readonly string _slot;

    private HistoryDatabase(PostgresDatabase database)
    {
        _database = database;
        _slot = $"{database.Name}_history";
    }

    public string ConnectionString => _database.ConnectionString;

    public Dictionary<Key, Image> Initial { get; } = [];

    public static async Task<HistoryDatabase> CreateAsync(PostgresServer server)
    {
        var history = new HistoryDatabase(await server.CreateDatabaseAsync());
        await using (var db = history.OpenUncached())
        {
            await db.Database.EnsureCreatedAsync();
            db.AddRange(Enumerable.Range(1, Groups).Select(id => new AccountGroup { Id = id, Value = id }));
            db.AddRange(Enumerable.Range(1, Accounts).Select(id => new Account { Id = id, GroupId = 1 + (id % LastingGroups), Value = 100 + id }));
            await db.SaveChangesAsync();
            foreach (var group in await db.Groups.ToListAsync())
                history.Initial[KeyOf(group)] = ImageOf(group);
            foreach (var account in await db.Accounts.ToListAsync())
                history.Initial[KeyOf(account)] = ImageOf(account);
        }

        await history._database.ExecuteAsync($"SELECT pg_create_logical_replication_slot('{history._slot}', 'test_decoding')");
        return history;
    }

    /// <summary>The database itself, without any cache.</summary>
    public BankContext OpenUncached() => new(new DbContextOptionsBuilder<BankContext>().UseNpgsql(ConnectionString).Options);

    /// <summary>Writes past EF Core.</summary>
    public Task ExecuteAsync(string sql) => _database.ExecuteAsync(sql);

    /// <summary>Every transaction that was committed since the beginning, in the order of the log.</summary>
    public async Task<IReadOnlyList<Commit>> CommitsAsync()
    {
        var commits = new List<Commit>();
        var changes = new List<(Key, Image?)>();
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT data FROM pg_logical_slot_peek_changes('{_slot}', NULL, NULL)", connection);
        await using var lines = await command.ExecuteReaderAsync();
        while (await lines.ReadAsync())
        {
            var line = lines.GetString(0);
            if (ChangeLine().Match(line) is { Success: true } change)
            {
                var columns = ColumnOfChange().Matches(line)
                    .ToDictionary(c => c.Groups["name"].Value, c => long.Parse(c.Groups["value"].Value, CultureInfo.InvariantCulture));
                var image = change.Groups["operation"].Value is "DELETE"
                    ? null
                    : new Image(columns.GetValueOrDefault("group_id"), columns["value"]);
                changes.Add((new Key(change.Groups["table"].Value, columns["id"]), image));
            }
            else if (line.StartsWith("COMMIT", StringComparison.Ordinal) && changes.Count > 0)
            {
                commits.Add(new Commit([.. changes]));
                changes.Clear();
            }
        }

        return commits;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.ExecuteAsync($"SELECT pg_drop_replication_slot('{_slot}')");
        await _database.DisposeAsync();
    }

    // table public.accounts: UPDATE: id[bigint]:7 group_id[bigint]:2 value[bigint]:1234
    [GeneratedRegex(@"^table public\.(?<table>accounts|groups): (?<operation>INSERT|UPDATE|DELETE):")]
    private static partial Regex ChangeLine();

    [GeneratedRegex(@" (?<name>\w+)\[bigint\]:(?<value>\d+)")]
    private static partial Regex ColumnOfChange();
}
