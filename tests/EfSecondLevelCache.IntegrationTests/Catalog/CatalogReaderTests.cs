using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class CatalogReaderTests(CatalogReaderTests.Database database) : IClassFixture<CatalogReaderTests.Database>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_reads_the_same_whether_asynchronously_or_not(bool async)
    {
        await using var connection = await database.OpenAsync();

        var reading = CatalogReader.ReadAsync(async, connection, CancellationToken.None);
        Assert.True(async || reading.IsCompleted);
        var catalog = await reading;
        var session = await CatalogReader.ReadSessionAsync(async, connection, CancellationToken.None);

        var seen = new SeenCatalog(catalog, session);
        Assert.Equal(["t"], seen.Reads("v"));
        Assert.Equal(["child", "t"], seen.Reached("t", WriteOperations.Delete));
    }

    [Fact]
    public async Task It_leaves_the_connection_as_it_was()
    {
        await using var connection = await database.OpenAsync("SET search_path = public; SET lock_timeout = '7s'");

        await CatalogDatabase.ReadAsync(connection);
        await CatalogReader.ReadFingerprintAsync(async: true, connection, CancellationToken.None);

        Assert.Equal("7s", await database.ScalarAsync<string>(connection, "SHOW lock_timeout"));
        Assert.Equal("read committed", await database.ScalarAsync<string>(connection, "SHOW transaction_isolation"));
        await using var transaction = await connection.BeginTransactionAsync();
    }

    [Fact]
    public async Task A_user_without_any_rights_reads_the_same()
    {
        await database.ExecuteAsync("CREATE ROLE {role}_nobody NOSUPERUSER NOINHERIT");
        await using var connection = await database.OpenAsync("SET ROLE {role}_nobody");
        await Assert.ThrowsAsync<PostgresException>(() => database.ScalarAsync<object>(connection, "SELECT count(*) FROM hidden.t"));

        var seen = await CatalogDatabase.ReadAsync(connection);

        var all = await database.ReadAsync();
        Assert.Equal(all.Catalog.Fingerprint, seen.Catalog.Fingerprint);
        Assert.Equal(all.Catalog.Fingerprint, await CatalogReader.ReadFingerprintAsync(async: true, connection, CancellationToken.None));
        Assert.Equal(["hidden.t"], seen.Reads("hidden.v"));
        Assert.Equal(["hidden.child", "hidden.t"], seen.Reached("hidden.t", WriteOperations.Delete));
        Assert.True(seen.Reach("hidden.t", WriteOperations.Insert).MayWriteElsewhere);
        Assert.Equal("int4", seen.Catalog.ColumnOf(seen["hidden.t"], "id")?.Type.ToString());
        Assert.NotEmpty(seen.Catalog.ReadsOf(seen["hidden.secured"], seen.Session).RowSecurity);
        Assert.EndsWith("_nobody", seen.Session.User, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", seen.Session.SearchPath);
    }

    [Fact]
    public async Task A_catalog_that_the_user_may_not_read_is_an_error()
    {
        await using var other = await database.OpenAsync("CREATE ROLE {role}_locked_out NOSUPERUSER");
        await using var transaction = await other.BeginTransactionAsync();
        await database.ExecuteAsync(other, "REVOKE SELECT ON pg_catalog.pg_policy FROM PUBLIC; SET ROLE {role}_locked_out");

        var error = await Assert.ThrowsAsync<PostgresException>(
            () => CatalogReader.ReadFingerprintAsync(async: true, other, CancellationToken.None).AsTask());

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, error.SqlState);
    }

    [Fact]
    public async Task It_waits_for_nobody_who_holds_a_table_alone()
    {
        await using var migration = await database.OpenAsync();
        await using var transaction = await migration.BeginTransactionAsync();
        await database.ExecuteAsync(migration, "LOCK TABLE t, hidden.secured IN ACCESS EXCLUSIVE MODE");
        await using var connection = await database.OpenAsync("SET lock_timeout = '100ms'");

        var seen = await CatalogDatabase.ReadAsync(connection);

        Assert.Equal(["t"], seen.Reads("v"));
        Assert.Null(Assert.Single(seen.Catalog.PoliciesOf(seen["hidden.secured"])).Text);
        await transaction.RollbackAsync();
        var calm = await CatalogDatabase.ReadAsync(connection);
        Assert.Equal("(id > 0)", Assert.Single(calm.Catalog.PoliciesOf(calm["hidden.secured"])).Text);
    }

    /// <summary>Tables, their keys and triggers that come in one transaction are seen all or none.</summary>
    [Fact]
    public async Task It_reads_one_moment_while_others_change_the_catalog()
    {
        using var enough = new CancellationTokenSource();
        var migrating = MigrateAsync(enough.Token);
        await using var connection = await database.OpenAsync("SET search_path = moving");

        var seen = 0;
        for (var read = 0; read < 20 || seen < 100; read++)
        {
            var moment = await CatalogDatabase.ReadAsync(connection);
            for (var i = 0; moment.Find($"moving.t{i}") is { } table; i++, seen++)
            {
                Assert.Equal("int4", moment.Catalog.ColumnOf(table, "id")?.Type.ToString());
                Assert.Single(moment.Catalog.ForeignKeysOf(moment[$"moving.c{i}"]));
                Assert.Single(moment.Catalog.HooksOf(table));
                Assert.Equal([$"moving.t{i}"], moment.Reads($"moving.v{i}"));
            }
        }

        await enough.CancelAsync();
        await migrating;
    }

    private async Task MigrateAsync(CancellationToken enough)
    {
        await using var connection = await database.OpenAsync("CREATE SCHEMA moving");
        for (var i = 0; !enough.IsCancellationRequested && i < 500; i++)
        {
            await database.ExecuteAsync(
                connection,
                $"""
                 BEGIN;
                 CREATE TABLE moving.t{i} (id int PRIMARY KEY);
                 CREATE TABLE moving.c{i} (id int REFERENCES moving.t{i} ON DELETE CASCADE);
                 CREATE TRIGGER t AFTER INSERT ON moving.t{i} EXECUTE FUNCTION hidden.writes();
                 CREATE VIEW moving.v{i} AS SELECT id FROM moving.t{i};
                 COMMIT;
                 """);
        }
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE TABLE t (id int PRIMARY KEY);
        CREATE TABLE child (id int REFERENCES t ON DELETE CASCADE);
        CREATE VIEW v AS SELECT id FROM t;
        CREATE SCHEMA hidden;
        CREATE TABLE hidden.t (id int PRIMARY KEY);
        CREATE TABLE hidden.child (id int REFERENCES hidden.t ON DELETE CASCADE);
        CREATE VIEW hidden.v AS SELECT id FROM hidden.t;
        CREATE FUNCTION hidden.writes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM t; RETURN NULL; END';
        CREATE TRIGGER t AFTER INSERT ON hidden.t EXECUTE FUNCTION hidden.writes();
        CREATE TABLE hidden.secured (id int);
        ALTER TABLE hidden.secured ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON hidden.secured USING (id > 0);
        REVOKE ALL ON ALL TABLES IN SCHEMA hidden FROM PUBLIC;
        """);
}
