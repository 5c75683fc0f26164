using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class ColumnTests(ColumnTests.Database database) : IClassFixture<ColumnTests.Database>
{
    [Theory]
    [InlineData("i2", "int2")]
    [InlineData("i4", "int4")]
    [InlineData("i8", "int8")]
    [InlineData("b", "bool")]
    [InlineData("u", "uuid")]
    [InlineData("d", "date")]
    [InlineData("ts", "timestamp")]
    [InlineData("tstz", "timestamptz")]
    [InlineData("by", "bytea")]
    [InlineData("t", "text")]
    [InlineData("vc", "varchar")]
    [InlineData("n", "numeric")]
    [InlineData("f", "float8")]
    [InlineData("c", "bpchar")]
    [InlineData("j", "jsonb")]
    [InlineData("iv", "interval")]
    [InlineData("ci", "extensions.citext")]
    [InlineData("domain_of_int", "int4")]
    [InlineData("domain_of_char", "bpchar")]
    [InlineData("domain_of_domain_of_citext", "extensions.citext")]
    [InlineData("users_int4", "odd.int4")]
    [InlineData("Mixed Case", "int4")]
    [InlineData("an_array", "(unlisted)")]
    [InlineData("domain_of_array", "(unlisted)")]
    [InlineData("a_row", "(unlisted)")]
    public async Task A_column_tells_its_type_with_domains_looked_through(string column, string type)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(type, seen.Catalog.ColumnOf(seen["types"], column)?.Type.ToString());
    }

    [Theory]
    [InlineData("e", ColumnTypeKind.Enum)]
    [InlineData("domain_of_enum", ColumnTypeKind.Enum)]
    [InlineData("r", ColumnTypeKind.Range)]
    [InlineData("i4", ColumnTypeKind.Base)]
    [InlineData("users_int4", ColumnTypeKind.Enum)]
    public async Task A_column_tells_the_kind_of_its_type(string column, object kind)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(kind, seen.Catalog.ColumnOf(seen["types"], column)?.Type.Kind);
    }

    [Theory]
    [InlineData("plain", true)]
    [InlineData("c_collated", true)]
    [InlineData("ignoring_case", false)]
    [InlineData("domain_ignoring_case", false)]
    [InlineData("domain_made_exact", true)]
    [InlineData("number", true)]
    public async Task A_column_tells_whether_equal_strings_have_equal_bytes(string column, bool isDeterministic)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(isDeterministic, seen.Catalog.ColumnOf(seen["collations"], column)?.HasDeterministicCollation);
    }

    [Theory]
    [InlineData("stated", ColumnDefault.Null)]
    [InlineData("serial_number", ColumnDefault.Expression)]
    [InlineData("constant", ColumnDefault.Expression)]
    [InlineData("identity_always", ColumnDefault.Identity)]
    [InlineData("generated", ColumnDefault.Generated)]
    public async Task A_column_tells_who_computes_its_value(string column, object source)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(source, seen.Catalog.ColumnOf(seen["computed"], column)?.Default);
        Assert.Equal(column == "generated", seen.Catalog.GeneratedColumnsOf(seen["computed"]).Contains(column));
    }

    [Fact]
    public async Task A_virtual_generated_column_is_generated()
    {
        await using var connection = await database.OpenAsync();
        Assert.SkipUnless(connection.PostgreSqlVersion.Major >= 18, "Virtual generated columns came with PostgreSQL 18.");
        await database.ExecuteAsync(connection, "CREATE TABLE virtually (id int, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL)");

        var seen = await CatalogDatabase.ReadAsync(connection);

        Assert.True(seen.Catalog.ColumnOf(seen["virtually"], "twice")?.IsGenerated);
    }

    [Theory]
    [InlineData("one.same", "int4")]
    [InlineData("two.same", "text")]
    public async Task Columns_belong_to_the_table_of_their_schema(string table, string type)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(type, seen.Catalog.ColumnOf(seen[table], "id")?.Type.ToString());
    }

    [Theory]
    [InlineData("types", "no_such_column")]
    [InlineData("types", "dropped")]
    [InlineData("types", "I4")]
    [InlineData("types", "xmin")]
    [InlineData("a_view", "i4")]
    public async Task What_is_no_column_of_a_table_is_none(string table, string column)
    {
        var seen = await database.ReadAsync();

        Assert.Null(seen.Catalog.ColumnOf(seen[table], column));
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE SCHEMA extensions;
        CREATE EXTENSION citext SCHEMA extensions;
        CREATE SCHEMA odd;
        CREATE TYPE odd.int4 AS ENUM ('x');
        CREATE TYPE mood AS ENUM ('sad', 'happy');
        CREATE TYPE a_row AS (id int);
        CREATE DOMAIN d_int AS int CHECK (VALUE > 0);
        CREATE DOMAIN d_char AS char(3);
        CREATE DOMAIN d_citext AS extensions.citext;
        CREATE DOMAIN d_d_citext AS d_citext;
        CREATE DOMAIN d_enum AS mood;
        CREATE DOMAIN d_array AS int[];
        CREATE TABLE types (
            dropped int, i2 smallint, i4 int, i8 bigint, b bool, u uuid, d date, ts timestamp, tstz timestamptz, by bytea, t text,
            vc varchar(10), n numeric(10, 2), f float8, c char(3), j jsonb, iv interval, ci extensions.citext, e mood, r int4range,
            domain_of_int d_int, domain_of_char d_char, domain_of_domain_of_citext d_d_citext, domain_of_enum d_enum,
            users_int4 odd.int4, "Mixed Case" int,
            an_array int[], domain_of_array d_array, a_row a_row);
        ALTER TABLE types DROP COLUMN dropped;
        CREATE VIEW a_view AS SELECT i4 FROM types;

        CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE DOMAIN d_ignoring AS text COLLATE ignore_case;
        CREATE TABLE collations (plain text, c_collated text COLLATE "C", ignoring_case text COLLATE ignore_case,
            domain_ignoring_case d_ignoring, domain_made_exact d_ignoring COLLATE "C", number int);

        CREATE TABLE computed (stated int, serial_number serial, constant int DEFAULT 1, identity_always int GENERATED ALWAYS AS IDENTITY,
            generated int GENERATED ALWAYS AS (stated * 2) STORED);
        CREATE SCHEMA one;
        CREATE SCHEMA two;
        CREATE TABLE one.same (id int);
        CREATE TABLE two.same (id text);
        """);
}
