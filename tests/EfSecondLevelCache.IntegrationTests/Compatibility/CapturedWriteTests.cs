using EfSecondLevelCache.ChangeSources.Notifications;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>The capture triggers fail no write, whatever its values, types, settings and rights, and tell of it all the same.</summary>
public sealed class CapturedWriteTests(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;
    private NpgsqlConnection _connection = null!;
    private readonly List<string> _told = [];

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        _connection = new NpgsqlConnection(_database.ConnectionString);
        _connection.Notification += (_, notification) => _told.Add(notification.Payload);
        await _connection.OpenAsync();
        await ExecuteAsync("LISTEN second_level_cache");
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task A_cast_to_json_that_raises()
    {
        await ExecuteAsync(
            """
            CREATE TYPE secret AS ENUM ('a', 'b');
            CREATE FUNCTION refuse(secret) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'never to json'; END $$;
            CREATE CAST (secret AS json) WITH FUNCTION refuse(secret);
            CREATE TABLE t (id int PRIMARY KEY, kind secret, key_kind secret UNIQUE, list secret[], composed secret[] UNIQUE)
            """);
        await CaptureAsync("t");
        await WritesAsync("INSERT INTO t VALUES (1, 'a', 'b', '{a}', '{b}')", """{"id": 1, "key_kind": "b"}""");
        await WritesAsync("UPDATE t SET kind = 'b', key_kind = 'a'", """{"id": 1, "key_kind": "a"}""");
        await WritesAsync("DELETE FROM t", """{"id": 1, "key_kind": "a"}""");
    }

    [Fact]
    public async Task A_value_that_no_JSON_can_hold()
    {
        await ExecuteAsync("CREATE TABLE t (id int PRIMARY KEY, data bytea)");
        await CaptureAsync("t");
        await WritesAsync("INSERT INTO t SELECT 1, decode(repeat('ab', 140000000), 'hex')", """{"id": 1}""");
    }

    [Theory]
    [InlineData("SELECT repeat('x', 100000000)")]
    [InlineData("SELECT string_agg(md5(i::text), '') FROM generate_series(1, 100000) i")]
    public async Task A_long_value_of_a_column_that_is_told_is_any_value(string value)
    {
        await ExecuteAsync("CREATE TABLE t (id int PRIMARY KEY, name text); CREATE INDEX ON t USING hash (name)");
        await CaptureAsync("t");
        await WritesAsync($"INSERT INTO t VALUES (1, ({value}))", """{"id": 1, "name": {}}""");
        await WritesAsync("UPDATE t SET name = name || 'y'", """{"id": 1, "name": {}}""");
    }

    [Fact]
    public async Task A_column_with_another_name_or_type_or_none()
    {
        await ExecuteAsync("CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE, team int UNIQUE)");
        await CaptureAsync("t");
        await ExecuteAsync("ALTER TABLE t RENAME team TO \"The \"\"team\"\"\"");
        await WritesAsync("INSERT INTO t VALUES (1, 'x', 7)", """{"id": 1, "name": "x"}""");
        await ExecuteAsync("ALTER TABLE t DROP COLUMN name");
        await WritesAsync("INSERT INTO t VALUES (2, 8)", """{"id": 2}""");
        await ExecuteAsync("ALTER TABLE t ALTER id TYPE int[] USING ARRAY[id]");
        await WritesAsync("INSERT INTO t VALUES ('{3}', 9)", "[{}]");
    }

    [Fact]
    public async Task Settings_of_the_writer()
    {
        await ExecuteAsync("CREATE DOMAIN day AS date; CREATE TABLE t (id int PRIMARY KEY, on_day day UNIQUE, at timestamptz UNIQUE, \"r\" int UNIQUE)");
        await CaptureAsync("t");
        await ExecuteAsync("CREATE SCHEMA evil; CREATE FUNCTION evil.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'");
        await WritesAsync(
            "SET search_path = evil, public; SET DateStyle = German; SET TimeZone = UTC; SET session_replication_role = replica;"
            + "INSERT INTO t VALUES (1, '2024-02-03', '2024-02-03 04:05:06', 5)",
            """{"r": 5, "at": "2024-02-03T04:05:06+00:00", "id": 1, "on_day": "2024-02-03"}""");
    }

    [Fact]
    public async Task A_role_that_may_not_use_the_schema_of_the_functions()
    {
        await ExecuteAsync(
            """
            CREATE TABLE t (id int PRIMARY KEY, team int UNIQUE);
            DO $$ BEGIN CREATE ROLE small_writer; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT INSERT ON t TO small_writer
            """);
        await CaptureAsync("t");
        await ExecuteAsync("SET ROLE small_writer");
        await WritesAsync("INSERT INTO t VALUES (1, 2)", """{"id": 1, "team": 2}""");
        await ExecuteAsync("RESET ROLE; ALTER TABLE t RENAME team TO side; SET ROLE small_writer");
        await WritesAsync("INSERT INTO t VALUES (2, 3)", "null]");
    }

    [Fact]
    public async Task More_indexed_columns_than_a_function_has_arguments()
    {
        await ExecuteAsync(
            $"CREATE TABLE t (id int PRIMARY KEY, {string.Join(", ", Enumerable.Range(1, 70).Select(i => $"c{i} int UNIQUE"))})");
        await CaptureAsync("t");
        await WritesAsync("INSERT INTO t (id, c1, c70) VALUES (1, 2, 3)", "\"c1\": 2");
    }

    [Fact]
    public async Task Statements_of_every_kind()
    {
        await ExecuteAsync(
            """
            CREATE TABLE t (id int PRIMARY KEY, name text) PARTITION BY LIST (id);
            CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE rest (name text, id int NOT NULL); ALTER TABLE t ATTACH PARTITION rest DEFAULT
            """);
        await CaptureAsync("t");
        await WritesAsync("INSERT INTO t VALUES (1, 'x'), (2, 'y')", """{"id": 1}""");
        await WritesAsync("INSERT INTO t VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = 'z'", """{"id": 1}""");
        await WritesAsync("INSERT INTO rest VALUES ('q', 3)", """{"id": 3}""");
        await WritesAsync("UPDATE t SET id = 4 WHERE id = 1", """{"id": 4}""");
        await WritesAsync("MERGE INTO t USING (VALUES (4)) v(id) ON t.id = v.id WHEN MATCHED THEN DELETE", """{"id": 4}""");
        await WritesAsync("TRUNCATE t", "null]");
    }

    [Fact]
    public async Task An_installation_of_another_version_is_noticed_and_is_replaced()
    {
        await ExecuteAsync("CREATE TABLE t (id int PRIMARY KEY, team int UNIQUE)");
        await CaptureAsync("t");
        // As the first version had them.
        await ExecuteAsync(
            """
            COMMENT ON SCHEMA second_level_cache IS 'EfSecondLevelCache 0';
            DROP TRIGGER second_level_cache_insert ON t;
            CREATE TRIGGER second_level_cache_insert AFTER INSERT ON t REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION second_level_cache.notify_change('id', 'team');
            ALTER TABLE t ENABLE ALWAYS TRIGGER second_level_cache_insert
            """);
        await WritesAsync("INSERT INTO t VALUES (1, 2)", """{"id": 1, "team": 2}""");
        Assert.Equal(true, await ScalarAsync(CaptureScript.IsOutdatedSql));
        await CaptureAsync("t");
        Assert.Equal(false, await ScalarAsync(CaptureScript.IsOutdatedSql));
        Assert.Contains("r.team", $"{await ScalarAsync(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = 'second_level_cache_insert' AND tgrelid = 't'::regclass")}", StringComparison.Ordinal);
        await WritesAsync("INSERT INTO t VALUES (3, 4)", """{"id": 3, "team": 4}""");
    }

    private Task CaptureAsync(string table)
        => ExecuteAsync(CaptureScript.Install([new TableName("public", table)]));

    private async Task WritesAsync(string sql, string told)
    {
        _told.Clear();
        await ExecuteAsync(sql);
        // What this session has notified comes with the answer, or just behind it.
        await ExecuteAsync("SELECT 1");
        Assert.Contains(told, string.Join('\n', _told), StringComparison.Ordinal);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = 300 };
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
