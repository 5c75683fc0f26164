using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class FamilyTests(FamilyTests.Database database) : IClassFixture<FamilyTests.Database>
{
    [Theory]
    [InlineData("alone", "alone")]
    [InlineData("root", "branch,branch_a,branch_b,leaf,root")]
    [InlineData("branch", "branch,branch_a,branch_b,root")]
    [InlineData("branch_a", "branch,branch_a,root")]
    [InlineData("leaf", "leaf,root")]
    [InlineData("animals", "animals,cats,pets,pets_and_cats")]
    [InlineData("pets", "animals,cats,pets,pets_and_cats")]
    [InlineData("pets_and_cats", "animals,cats,pets,pets_and_cats")]
    [InlineData("cats", "animals,cats,pets,pets_and_cats")]
    [InlineData("stones", "stones")]
    public async Task A_table_has_what_it_is_made_of_and_what_that_is_part_of(string table, string family)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(family, string.Join(',', seen.Family(table)));
    }

    [Fact]
    public async Task An_insert_goes_to_the_partitions_but_not_to_inheriting_tables()
    {
        var seen = await database.ReadAsync();

        Assert.Equal(["branch", "branch_a", "branch_b", "leaf", "root"], seen.Reached("root", WriteOperations.Insert));
        Assert.Equal(["animals"], seen.Reached("animals", WriteOperations.Insert));
        Assert.Equal(["animals", "cats", "pets", "pets_and_cats"], seen.Reached("animals", WriteOperations.Update));
        Assert.Equal(["animals", "pets"], seen.Reached("pets", WriteOperations.Insert));
    }

    [Fact]
    public async Task A_partition_belongs_to_its_root_from_attach_to_detach()
    {
        await database.ExecuteAsync("CREATE TABLE spare (id int); CREATE TABLE holder (id int) PARTITION BY LIST (id)");
        Assert.Equal(["spare"], (await database.ReadAsync()).Family("spare"));

        await database.ExecuteAsync("ALTER TABLE holder ATTACH PARTITION spare FOR VALUES IN (1)");
        Assert.Equal(["holder", "spare"], (await database.ReadAsync()).Family("spare"));

        await database.ExecuteAsync("ALTER TABLE holder DETACH PARTITION spare");
        Assert.Equal(["spare"], (await database.ReadAsync()).Family("spare"));
    }

    [Fact]
    public async Task Inheritance_can_be_given_up()
    {
        await database.ExecuteAsync("CREATE TABLE parent (id int); CREATE TABLE heir (id int) INHERITS (parent)");
        Assert.Equal(["heir", "parent"], (await database.ReadAsync()).Family("heir"));

        await database.ExecuteAsync("ALTER TABLE heir NO INHERIT parent");
        Assert.Equal(["heir"], (await database.ReadAsync()).Family("heir"));
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE TABLE alone (id int);
        CREATE TABLE root (id int, kind text) PARTITION BY LIST (kind);
        CREATE TABLE leaf PARTITION OF root FOR VALUES IN ('x');
        CREATE TABLE branch PARTITION OF root FOR VALUES IN ('a', 'b') PARTITION BY LIST (kind);
        CREATE TABLE branch_a PARTITION OF branch FOR VALUES IN ('a');
        CREATE TABLE branch_b PARTITION OF branch FOR VALUES IN ('b');
        CREATE INDEX ON root (id);
        CREATE TABLE animals (id int);
        CREATE TABLE pets () INHERITS (animals);
        CREATE TABLE cats () INHERITS (animals);
        CREATE TABLE pets_and_cats () INHERITS (pets, cats);
        CREATE TABLE stones (id int);
        """);
}
