using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class NameResolutionTests(NameResolutionTests.Database database) : IClassFixture<NameResolutionTests.Database>
{
    [Theory]
    [InlineData("kinds", "a_table", nameof(RelationKind.Table))]
    [InlineData("kinds", "an_unlogged_table", nameof(RelationKind.Table))]
    [InlineData("kinds", "a_partitioned_table", nameof(RelationKind.PartitionedTable))]
    [InlineData("kinds", "a_partition", nameof(RelationKind.Table))]
    [InlineData("kinds", "a_view", nameof(RelationKind.View))]
    [InlineData("kinds", "a_materialized_view", nameof(RelationKind.MaterializedView))]
    [InlineData("kinds", "a_foreign_table", nameof(RelationKind.ForeignTable))]
    [InlineData("kinds", "a_sequence", nameof(RelationKind.Sequence))]
    [InlineData("pg_catalog", "pg_class", nameof(RelationKind.System))]
    [InlineData(null, "pg_stat_activity", nameof(RelationKind.System))]
    [InlineData("information_schema", "tables", nameof(RelationKind.System))]
    public async Task A_name_tells_the_kind_of_its_relation(string? schema, string name, string kind)
    {
        var (catalog, session) = await database.ReadAsync();

        Assert.Equal(kind, catalog.Resolve(new TableName(schema, name), session)?.Kind.ToString());
    }

    [Theory]
    [InlineData(null, "no_such_table")]
    [InlineData("no_such_schema", "a_table")]
    [InlineData("kinds", "A_TABLE")]
    [InlineData("KINDS", "a_table")]
    [InlineData("kinds", "an_index")]
    [InlineData("kinds", "a_row_type")]
    [InlineData(null, "a_table")]
    [InlineData(null, "tables")]
    [InlineData("pg_temp", "a_table")]
    public async Task What_is_no_relation_under_that_name_is_not_resolved(string? schema, string name)
    {
        var (catalog, session) = await database.ReadAsync();

        Assert.Null(catalog.Resolve(new TableName(schema, name), session));
    }

    [Theory]
    [InlineData("Odd.Schema", "Orders")]
    [InlineData("Odd.Schema", "orders")]
    [InlineData("Odd.Schema", "a \"quoted\".name")]
    [InlineData("Odd.Schema", "Größe")]
    public async Task Names_are_compared_as_the_catalog_has_them(string schema, string name)
    {
        var (catalog, session) = await database.ReadAsync();

        Assert.Equal(new TableName(schema, name), catalog.Resolve(new TableName(schema, name), session)?.Name);
    }

    /// <summary>The server itself is asked what it finds.</summary>
    [Theory]
    [InlineData("one, two")]
    [InlineData("two, one")]
    [InlineData("two")]
    [InlineData("missing, two")]
    [InlineData("\"$user\", one")]
    [InlineData("\"Odd.Schema\", one")]
    [InlineData("one, pg_catalog")]
    [InlineData("pg_catalog, one")]
    [InlineData("")]
    public async Task An_unqualified_name_is_found_along_the_search_path(string path)
    {
        await using var connection = await database.OpenAsync($"SET search_path = {(path.Length == 0 ? "''" : path)}");
        var (catalog, session) = await CatalogDatabase.ReadAsync(connection);

        foreach (var name in (string[])["shared", "only_one", "only_two", "Orders", "pg_class", "pg_proc", "orders"])
        {
            var expected = await database.ScalarAsync<long>(
                connection, $"""SELECT coalesce(to_regclass('"{name}"')::oid::int8, 0)""");
            Assert.Equal((name, expected), (name, catalog.Resolve(new TableName(null, name), session)?.Id ?? 0));
        }
    }

    [Fact]
    public async Task A_schema_that_the_user_may_not_use_is_passed_over()
    {
        await database.ExecuteAsync("CREATE ROLE {role}_stranger; GRANT USAGE ON SCHEMA two TO {role}_stranger");

        var seen = await database.ReadAsync("SET ROLE {role}_stranger; SET search_path = one, two");

        Assert.Equal("two.shared", seen["shared"].ToString());
    }

    [Fact]
    public async Task A_temporary_table_of_any_session_hides_a_table_from_unqualified_names()
    {
        await using var other = await database.OpenAsync("CREATE TEMP TABLE only_one (id int)");

        var seen = await database.ReadAsync("SET search_path = one");

        Assert.Equal(RelationKind.Temporary, seen["only_one"].Kind);
        Assert.Equal(RelationKind.Temporary, seen["pg_temp.only_one"].Kind);
        Assert.Equal(RelationKind.Table, seen["one.only_one"].Kind);

        await database.ExecuteAsync(other, "DROP TABLE pg_temp.only_one");
        Assert.Equal(RelationKind.Table, (await database.ReadAsync("SET search_path = one"))["only_one"].Kind);
    }

    [Fact]
    public async Task The_session_that_made_a_temporary_view_finds_it()
    {
        var seen = await database.ReadAsync("CREATE TEMP VIEW fleeting AS SELECT 1 AS one");

        Assert.Equal(RelationKind.Temporary, seen["fleeting"].Kind);
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE SCHEMA kinds;
        CREATE TABLE kinds.a_table (id int);
        CREATE INDEX an_index ON kinds.a_table (id);
        CREATE TYPE kinds.a_row_type AS (id int);
        CREATE UNLOGGED TABLE kinds.an_unlogged_table (id int);
        CREATE TABLE kinds.a_partitioned_table (id int) PARTITION BY LIST (id);
        CREATE TABLE kinds.a_partition PARTITION OF kinds.a_partitioned_table DEFAULT;
        CREATE VIEW kinds.a_view AS SELECT * FROM kinds.a_table;
        CREATE MATERIALIZED VIEW kinds.a_materialized_view AS SELECT * FROM kinds.a_table;
        CREATE FOREIGN DATA WRAPPER nothing;
        CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
        CREATE FOREIGN TABLE kinds.a_foreign_table (id int) SERVER nowhere;
        CREATE SEQUENCE kinds.a_sequence;

        CREATE SCHEMA "Odd.Schema";
        CREATE TABLE "Odd.Schema"."Orders" (id int);
        CREATE TABLE "Odd.Schema".orders (id int);
        CREATE TABLE "Odd.Schema"."a ""quoted"".name" (id int);
        CREATE TABLE "Odd.Schema"."Größe" (id int);

        CREATE SCHEMA one;
        CREATE SCHEMA two;
        CREATE TABLE one.shared (id int);
        CREATE TABLE two.shared (id int);
        CREATE TABLE one.only_one (id int);
        CREATE VIEW two.only_two AS SELECT 1 AS id;
        CREATE TABLE one.pg_class (id int);
        """);
}
