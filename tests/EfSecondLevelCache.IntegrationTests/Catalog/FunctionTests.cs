using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class FunctionTests(FunctionTests.Database database) : IClassFixture<FunctionTests.Database>
{
    [Theory]
    [InlineData(null, "always_the_same", true)]
    [InlineData(null, "reads_perhaps", false)]
    [InlineData(null, "may_do_anything", false)]
    [InlineData(null, "one_bad_overload", false)]
    [InlineData(null, "in_two_schemas", false)]
    [InlineData("public", "in_two_schemas", true)]
    [InlineData("other", "in_two_schemas", false)]
    [InlineData("other", "only_there", true)]
    [InlineData(null, "Mixed.Case", true)]
    [InlineData(null, "good_aggregate", true)]
    [InlineData(null, "bad_aggregate", false)]
    [InlineData(null, "a_procedure", false)]
    [InlineData(null, "lower", false)]
    public async Task A_users_function_is_as_good_as_its_worst_overload(string? schema, string name, bool isImmutable)
    {
        var seen = await database.ReadAsync("SET search_path = public, other");

        Assert.Equal(isImmutable, seen.Catalog.FunctionNamed(schema, name, seen.Session)?.IsImmutable);
    }

    [Theory]
    [InlineData(null, "no_such_function")]
    [InlineData(null, "only_there")]
    [InlineData(null, "MAY_DO_ANYTHING")]
    [InlineData("other", "may_do_anything")]
    [InlineData(null, "upper")]
    [InlineData("pg_catalog", "lower")]
    public async Task What_is_no_users_function_on_the_search_path_is_none(string? schema, string name)
    {
        var seen = await database.ReadAsync("SET search_path = public");

        Assert.Null(seen.Catalog.FunctionNamed(schema, name, seen.Session));
    }

    [Fact]
    public async Task The_languages_of_all_overloads_are_told()
    {
        var seen = await database.ReadAsync("SET search_path = public, other");

        Assert.Equal(["plpgsql", "sql"], seen.Catalog.FunctionNamed(null, "one_bad_overload", seen.Session)!.Languages.Order());
        Assert.Equal(["sql"], seen.Catalog.FunctionNamed(null, "always_the_same", seen.Session)!.Languages);
    }

    [Theory]
    [InlineData("of_a_row", true)]
    [InlineData("of_anything", true)]
    [InlineData("of_a_row_and_more", false)]
    [InlineData("of_a_row_and_an_option", true)]
    [InlineData("always_the_same", false)]
    [InlineData("of_nothing", false)]
    public async Task A_function_that_can_be_written_like_a_column_is_told(string name, bool takesRow)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(takesRow, seen.Catalog.FunctionNamed(null, name, seen.Session)!.TakesRow);
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE SCHEMA other;
        CREATE TABLE posts (id int);
        CREATE FUNCTION always_the_same(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION reads_perhaps(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM posts';
        CREATE FUNCTION may_do_anything(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION one_bad_overload(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION one_bad_overload(text) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
        CREATE FUNCTION in_two_schemas(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION other.in_two_schemas(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION other.only_there(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION "Mixed.Case"(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION adds(int, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 + $2';
        CREATE FUNCTION adds_anything(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2';
        CREATE AGGREGATE good_aggregate(int) (SFUNC = adds, STYPE = int);
        CREATE AGGREGATE bad_aggregate(int) (SFUNC = adds_anything, STYPE = int);
        CREATE PROCEDURE a_procedure() LANGUAGE sql AS 'DELETE FROM posts';
        CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
        CREATE FUNCTION of_a_row(posts) RETURNS int LANGUAGE sql AS 'SELECT $1.id';
        CREATE FUNCTION of_anything(anyelement) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION of_a_row_and_more(posts, int) RETURNS int LANGUAGE sql AS 'SELECT $1.id';
        CREATE FUNCTION of_a_row_and_an_option(posts, int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT $1.id';
        CREATE FUNCTION of_nothing() RETURNS int LANGUAGE sql AS 'SELECT 1';
        """);
}
