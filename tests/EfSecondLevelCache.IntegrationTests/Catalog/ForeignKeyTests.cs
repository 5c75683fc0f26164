using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class ForeignKeyTests(ForeignKeyTests.Database database) : IClassFixture<ForeignKeyTests.Database>
{
    [Theory]
    [InlineData("cascading", "cascading,chain_2,chain_3")]
    [InlineData("nulling", "nulling,nulling_child")]
    [InlineData("defaulting", "defaulting,defaulting_child")]
    [InlineData("restricting", "restricting")]
    [InlineData("doing_nothing", "doing_nothing")]
    [InlineData("chain_2", "chain_2,chain_3")]
    [InlineData("chain_3", "chain_3")]
    [InlineData("cycle_a", "cycle_a,cycle_b")]
    [InlineData("cycle_b", "cycle_a,cycle_b")]
    [InlineData("tree", "tree")]
    [InlineData("nulled_then_cascading", "leaf_of_key,middle_of_key,nulled_then_cascading")]
    [InlineData("partitioned", "partition_1,partition_2,partitioned,partitioned_child")]
    [InlineData("partition_1", "partition_1,partitioned,partitioned_child")]
    [InlineData("owner_of_parts", "owner_of_parts,part_1,parts")]
    [InlineData("public.same", "other.same,same")]
    public async Task A_delete_reaches_what_its_foreign_keys_change(string table, string reached)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(reached, string.Join(',', seen.Reached(table, WriteOperations.Delete)));
    }

    [Theory]
    [InlineData("updating", "id", "updating,updating_child,updating_grandchild")]
    [InlineData("updating", "name", "updating")]
    [InlineData("updating", "code", "updating,updating_by_code")]
    [InlineData("updating", "id,code", "updating,updating_by_code,updating_child,updating_grandchild")]
    [InlineData("updating", null, "updating,updating_by_code,updating_child,updating_grandchild")]
    [InlineData("updating_child", "note", "updating_child")]
    [InlineData("cascading", "id", "cascading")]
    [InlineData("computing", "base", "computing,computing_child")]
    public async Task An_update_of_a_key_reaches_who_refers_to_it(string table, string? columns, string reached)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(reached, string.Join(',', seen.Reached(table, WriteOperations.Update, columns?.Split(','))));
    }

    [Fact]
    public async Task An_insert_reaches_nobody_else()
    {
        var seen = await database.ReadAsync();

        Assert.Equal(["cascading"], seen.Reached("cascading", WriteOperations.Insert));
    }

    [Fact]
    public async Task A_truncate_reaches_everybody_who_refers_to_it()
    {
        var seen = await database.ReadAsync();

        Assert.Equal(["doing_nothing", "doing_nothing_child"], seen.Reached("doing_nothing", WriteOperations.Truncate));
    }

    [Fact]
    public async Task A_foreign_key_tells_its_columns_and_whether_it_holds()
    {
        var seen = await database.ReadAsync();

        var key = Assert.Single(seen.Catalog.ForeignKeysOf(seen["pairs_child"]));
        Assert.Equal(("pairs_child", "pairs"), (key.Table.Name.Name, key.Principal.Name.Name));
        Assert.Equal(["y", "x"], key.Columns);
        Assert.Equal(["b", "a"], key.PrincipalColumns);
        Assert.Equal((ReferentialAction.SetNull, ReferentialAction.Cascade, true), (key.OnDelete, key.OnUpdate, key.IsValidated));
        Assert.Same(key, Assert.Single(seen.Catalog.ForeignKeysTo(seen["pairs"])));
        Assert.False(Assert.Single(seen.Catalog.ForeignKeysOf(seen["unchecked_child"])).IsValidated);
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE TABLE cascading (id int PRIMARY KEY);
        CREATE TABLE chain_2 (id int PRIMARY KEY, up int REFERENCES cascading ON DELETE CASCADE);
        CREATE TABLE chain_3 (id int PRIMARY KEY, up int REFERENCES chain_2 ON DELETE CASCADE);
        CREATE TABLE nulling (id int PRIMARY KEY);
        CREATE TABLE nulling_child (id int PRIMARY KEY, up int REFERENCES nulling ON DELETE SET NULL);
        CREATE TABLE nulling_grandchild (id int PRIMARY KEY, up int REFERENCES nulling_child ON DELETE CASCADE ON UPDATE CASCADE);
        CREATE TABLE defaulting (id int PRIMARY KEY);
        CREATE TABLE defaulting_child (id int PRIMARY KEY, up int DEFAULT 0 REFERENCES defaulting ON DELETE SET DEFAULT);
        CREATE TABLE restricting (id int PRIMARY KEY);
        CREATE TABLE restricting_child (up int REFERENCES restricting ON DELETE RESTRICT);
        CREATE TABLE doing_nothing (id int PRIMARY KEY);
        CREATE TABLE doing_nothing_child (up int REFERENCES doing_nothing);
        CREATE TABLE cycle_a (id int PRIMARY KEY, other int);
        CREATE TABLE cycle_b (id int PRIMARY KEY, other int REFERENCES cycle_a ON DELETE CASCADE);
        ALTER TABLE cycle_a ADD FOREIGN KEY (other) REFERENCES cycle_b ON DELETE CASCADE;
        CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE);

        -- A key that is set to null is itself referred to.
        CREATE TABLE nulled_then_cascading (id int PRIMARY KEY);
        CREATE TABLE middle_of_key (up int UNIQUE REFERENCES nulled_then_cascading ON DELETE SET NULL);
        CREATE TABLE leaf_of_key (up int REFERENCES middle_of_key (up) ON UPDATE CASCADE);

        CREATE TABLE partitioned (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE partition_1 PARTITION OF partitioned FOR VALUES FROM (0) TO (10);
        CREATE TABLE partition_2 PARTITION OF partitioned FOR VALUES FROM (10) TO (20);
        CREATE TABLE partitioned_child (up int REFERENCES partitioned ON DELETE CASCADE);
        CREATE TABLE owner_of_parts (id int PRIMARY KEY);
        CREATE TABLE parts (id int, up int REFERENCES owner_of_parts ON DELETE CASCADE) PARTITION BY RANGE (id);
        CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);

        CREATE TABLE same (id int PRIMARY KEY);
        CREATE SCHEMA other;
        CREATE TABLE other.same (id int REFERENCES public.same ON DELETE CASCADE);

        CREATE TABLE updating (id int PRIMARY KEY, code text UNIQUE, name text);
        CREATE TABLE updating_child (id int PRIMARY KEY REFERENCES updating ON UPDATE CASCADE, note text);
        CREATE TABLE updating_grandchild (id int REFERENCES updating_child ON UPDATE CASCADE);
        CREATE TABLE updating_by_code (code text REFERENCES updating (code) ON UPDATE SET NULL);
        CREATE TABLE computing (base int, id int GENERATED ALWAYS AS (base * 2) STORED PRIMARY KEY);
        CREATE TABLE computing_child (up int REFERENCES computing ON UPDATE CASCADE);

        CREATE TABLE pairs (a int, b int, UNIQUE (b, a));
        CREATE TABLE pairs_child (x int, y int, FOREIGN KEY (y, x) REFERENCES pairs (b, a) ON DELETE SET NULL ON UPDATE CASCADE);
        CREATE TABLE unchecked (id int PRIMARY KEY);
        CREATE TABLE unchecked_child (up int);
        ALTER TABLE unchecked_child ADD FOREIGN KEY (up) REFERENCES unchecked NOT VALID;
        """);
}
