using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class FingerprintTests(FingerprintTests.Database database) : IClassFixture<FingerprintTests.Database>
{
    [Theory]
    [InlineData("CREATE TABLE created (id int)")]
    [InlineData("DROP TABLE dropped")]
    [InlineData("ALTER TABLE t RENAME TO renamed; ALTER TABLE s RENAME TO t; ALTER TABLE renamed RENAME TO s")]
    [InlineData("ALTER TABLE t SET SCHEMA other")]
    [InlineData("ALTER SCHEMA other RENAME TO another")]
    [InlineData("CREATE SCHEMA created")]
    [InlineData("ALTER TABLE t OWNER TO {role}_owner")]
    [InlineData("CREATE SEQUENCE created")]
    [InlineData("CREATE MATERIALIZED VIEW created AS SELECT 1 AS one")]
    [InlineData("ALTER TABLE t ADD COLUMN x int")]
    [InlineData("ALTER TABLE t RENAME COLUMN a TO z; ALTER TABLE t RENAME COLUMN b TO a; ALTER TABLE t RENAME COLUMN z TO b")]
    [InlineData("ALTER TABLE t ALTER COLUMN b TYPE varchar(10)")]
    [InlineData("ALTER TABLE t ALTER COLUMN b TYPE text COLLATE \"C\"")]
    [InlineData("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1")]
    [InlineData("ALTER TABLE t ALTER COLUMN id SET NOT NULL, ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY")]
    [InlineData("ALTER TABLE t ADD COLUMN x int GENERATED ALWAYS AS (a * 2) STORED")]
    [InlineData("ALTER TABLE t ALTER COLUMN a SET DEFAULT counts()")]
    [InlineData("ALTER TABLE t ADD CHECK (counts() > 0)")]
    [InlineData("CREATE TABLE created PARTITION OF parts FOR VALUES IN (2)")]
    [InlineData("ALTER TABLE parts DETACH PARTITION part")]
    [InlineData("ALTER TABLE parts ATTACH PARTITION spare FOR VALUES IN (2)")]
    [InlineData("ALTER TABLE heir NO INHERIT s")]
    [InlineData("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES k ON DELETE CASCADE")]
    [InlineData("ALTER TABLE s DROP CONSTRAINT s_k_fkey")]
    [InlineData("ALTER TABLE s DROP CONSTRAINT s_k_fkey, ADD CONSTRAINT s_k_fkey FOREIGN KEY (k) REFERENCES k ON DELETE CASCADE")]
    [InlineData("ALTER TABLE s VALIDATE CONSTRAINT later")]
    [InlineData("CREATE TRIGGER created AFTER INSERT ON t EXECUTE FUNCTION hook()")]
    [InlineData("ALTER TABLE s DISABLE TRIGGER existing")]
    [InlineData("DROP TRIGGER existing ON s")]
    [InlineData("CREATE RULE created AS ON DELETE TO t DO INSTEAD NOTHING")]
    [InlineData("CREATE VIEW created AS SELECT 1 AS one")]
    [InlineData("CREATE OR REPLACE VIEW v AS SELECT id FROM s")]
    [InlineData("CREATE OR REPLACE FUNCTION hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'")]
    [InlineData("ALTER FUNCTION counts() IMMUTABLE")]
    [InlineData("DROP FUNCTION unused()")]
    [InlineData("CREATE DOMAIN created AS int")]
    [InlineData("ALTER TABLE t ENABLE ROW LEVEL SECURITY")]
    [InlineData("ALTER TABLE t FORCE ROW LEVEL SECURITY")]
    [InlineData("CREATE POLICY created ON t USING (true)")]
    [InlineData("ALTER POLICY p ON s USING (k > 1)")]
    [InlineData("DROP POLICY p ON s")]
    [InlineData("ALTER ROLE {role}_viewing BYPASSRLS")]
    [InlineData("GRANT {role}_securing TO {role}_viewing")]
    [InlineData("ALTER VIEW v OWNER TO {role}_viewing")]
    public async Task It_changes_with_what_the_catalog_tells(string sql)
    {
        await using var connection = await database.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var before = await ReadAsync(connection);

        await database.ExecuteAsync(connection, sql);

        Assert.NotEqual(before, await ReadAsync(connection));
        await transaction.RollbackAsync();
        Assert.Equal(before, await ReadAsync(connection));
    }

    [Fact]
    public async Task It_changes_with_the_rights_that_a_view_is_read_with()
    {
        await using var connection = await database.OpenAsync();
        Assert.SkipUnless(connection.PostgreSqlVersion.Major >= 15, "security_invoker came with PostgreSQL 15.");
        await using var transaction = await connection.BeginTransactionAsync();
        var before = await ReadAsync(connection);

        await database.ExecuteAsync(connection, "ALTER VIEW v SET (security_invoker = true)");

        Assert.NotEqual(before, await ReadAsync(connection));
    }

    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("INSERT INTO t VALUES (1); UPDATE t SET a = 2; DELETE FROM t")]
    [InlineData("TRUNCATE t")]
    [InlineData("ANALYZE t")]
    [InlineData("CREATE INDEX ON t (a)")]
    [InlineData("REINDEX TABLE k")]
    [InlineData("CLUSTER k USING k_pkey")]
    [InlineData("GRANT SELECT ON t TO PUBLIC")]
    [InlineData("GRANT SELECT (a) ON t TO PUBLIC")]
    [InlineData("COMMENT ON TABLE t IS 'x'")]
    [InlineData("ALTER TABLE t ALTER COLUMN a SET STATISTICS 10")]
    [InlineData("REFRESH MATERIALIZED VIEW m")]
    [InlineData("SELECT nextval('numbers')")]
    [InlineData("ALTER ROLE {role}_owner BYPASSRLS; GRANT {role}_viewing TO {role}_owner")]
    [InlineData("CREATE TEMP TABLE not_seen (id serial PRIMARY KEY, b text)")]
    public async Task It_does_not_change_with_rows_and_what_is_beside_the_point(string sql)
    {
        await using var connection = await database.OpenAsync();
        var before = await ReadAsync(connection);

        await database.ExecuteAsync(connection, sql);

        Assert.Equal(before, await ReadAsync(connection));
    }

    [Fact]
    public async Task It_changes_while_a_temporary_table_hides_another()
    {
        await using var connection = await database.OpenAsync();
        var before = await ReadAsync(connection);

        await database.ExecuteAsync(connection, "CREATE TEMP TABLE t (id int)");
        Assert.NotEqual(before, await ReadAsync(connection));

        await database.ExecuteAsync(connection, "DROP TABLE pg_temp.t");
        Assert.Equal(before, await ReadAsync(connection));
    }

    [Fact]
    public async Task It_is_that_of_the_catalog_read_at_the_same_moment()
    {
        await using var connection = await database.OpenAsync();
        var (catalog, _) = await CatalogDatabase.ReadAsync(connection);

        Assert.Equal(catalog.Fingerprint, await ReadAsync(connection));
        Assert.Equal(catalog.Fingerprint, await CatalogReader.ReadFingerprintAsync(async: false, connection, CancellationToken.None));
    }

    private static ValueTask<CatalogFingerprint> ReadAsync(NpgsqlConnection connection)
        => CatalogReader.ReadFingerprintAsync(async: true, connection, CancellationToken.None);

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE ROLE {role}_owner;
        CREATE ROLE {role}_securing;
        CREATE ROLE {role}_viewing;
        CREATE SCHEMA other;
        CREATE TABLE k (id int PRIMARY KEY);
        CREATE TABLE t (id int, a int, b text);
        CREATE TABLE s (id int, k int REFERENCES k);
        ALTER TABLE s ADD CONSTRAINT later FOREIGN KEY (k) REFERENCES k NOT VALID;
        CREATE TABLE heir () INHERITS (s);
        CREATE TABLE dropped (id int);
        CREATE TABLE parts (id int) PARTITION BY LIST (id);
        CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);
        CREATE TABLE spare (id int);
        CREATE VIEW v AS SELECT id FROM t;
        CREATE MATERIALIZED VIEW m AS SELECT id, repeat('x', 10000) AS long FROM t;
        CREATE SEQUENCE numbers;
        CREATE FUNCTION hook() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE FUNCTION counts() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TRIGGER existing BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION hook();
        CREATE POLICY p ON s USING (k > 0);
        CREATE TABLE secured (id int);
        ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
        ALTER TABLE secured OWNER TO {role}_securing;
        CREATE VIEW of_another AS SELECT 1 AS one;
        ALTER VIEW of_another OWNER TO {role}_viewing;
        """);
}
