using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Tests.Invalidation;

public class ModelTablesTests
{
    // What a type's mapping consists of.

    [Fact]
    public void An_entity_has_its_table()
        => Assert.Equal(["sales.a"], TablesOf<A>(model => model.Entity<A>().ToTable("a", "sales")));

    [Fact]
    public void A_table_in_the_default_schema_of_the_model_bears_its_name()
    {
        var tables = TablesOf<A>(model =>
        {
            model.HasDefaultSchema("shop");
            model.Entity<A>().ToTable("a");
        });

        Assert.Equal(["shop.a"], tables);
    }

    [Fact]
    public void A_type_that_is_not_mapped_has_none()
        => Assert.Empty(TablesOf<B>(model => model.Entity<A>().ToTable("a")));

    [Fact]
    public void A_view_counts_as_a_table()
        => Assert.Equal(["a", "a_view"], TablesOf<A>(model => model.Entity<A>().ToTable("a").ToView("a_view")));

    [Fact]
    public void A_split_entity_has_each_of_its_tables()
        => Assert.Equal(["a", "a_details"], TablesOf<A>(Split));

    [Fact]
    public void Owned_types_are_included_at_every_depth()
    {
        var tables = TablesOf<Owner>(model => model.Entity<Owner>(owner =>
        {
            owner.ToTable("owners");
            owner.OwnsMany(o => o.Parts, part =>
            {
                part.ToTable("parts");
                part.OwnsMany(p => p.Screws).ToTable("screws", "hardware");
            });
        }));

        Assert.Equal(["hardware.screws", "owners", "parts"], tables);
    }

    [Fact]
    public void Owned_types_in_a_json_column_are_in_the_table_of_their_owner()
    {
        var tables = TablesOf<Owner>(model => model.Entity<Owner>(owner =>
        {
            owner.ToTable("owners");
            owner.OwnsMany(o => o.Parts, part =>
            {
                part.ToJson("parts");
                part.OwnsMany(p => p.Screws);
            });
        }));

        Assert.Equal(["owners"], tables);
    }

    [Fact]
    public void The_join_table_of_a_many_to_many_belongs_to_both_ends()
    {
        static void ManyToMany(ModelBuilder model)
        {
            model.Entity<Post>().ToTable("posts").HasMany(post => post.Tags).WithMany(tag => tag.Posts).UsingEntity("post_tags");
            model.Entity<Tag>().ToTable("tags");
        }

        Assert.Equal(["post_tags", "posts"], TablesOf<Post>(ManyToMany));
        Assert.Equal(["post_tags", "tags"], TablesOf<Tag>(ManyToMany));
    }

    [Fact]
    public void The_join_table_belongs_to_the_end_that_has_no_navigation_too()
    {
        static void OneWay(ModelBuilder model)
        {
            model.Entity<Post>().ToTable("posts").Ignore(post => post.Tags).HasMany<A>().WithMany().UsingEntity("post_a");
            model.Entity<A>().ToTable("a");
        }

        Assert.Equal(["a", "post_a"], TablesOf<A>(OneWay));
        Assert.Equal(["post_a", "posts"], TablesOf<Post>(OneWay));
    }

    [Fact]
    public void A_hierarchy_in_one_table_has_that_table_whichever_type_is_asked_for()
    {
        Assert.Equal(["animals"], TablesOf<Animal>(TablePerHierarchy));
        Assert.Equal(["animals"], TablesOf<Dog>(TablePerHierarchy));
    }

    [Fact]
    public void A_hierarchy_with_a_table_per_type_has_those_of_the_bases_and_of_the_derived_types()
    {
        Assert.Equal(["animals", "cats", "dogs"], TablesOf<Animal>(TablePerType));
        Assert.Equal(["animals", "dogs"], TablesOf<Dog>(TablePerType));
    }

    [Fact]
    public void A_hierarchy_with_a_table_per_concrete_type_has_those_of_the_derived_types()
    {
        Assert.Equal(["animals", "cats", "dogs"], TablesOf<Animal>(TablePerConcreteType));
        Assert.Equal(["dogs"], TablesOf<Dog>(TablePerConcreteType));
    }

    [Fact]
    public void What_a_derived_type_owns_belongs_to_its_base_too()
    {
        static void DerivedOwns(ModelBuilder model)
        {
            model.Entity<Animal>().ToTable("animals");
            model.Entity<Cat>();
            model.Entity<Dog>().OwnsMany(dog => dog.Tricks).ToTable("tricks");
        }

        Assert.Equal(["animals", "tricks"], TablesOf<Animal>(DerivedOwns));
        Assert.Equal(["animals", "tricks"], TablesOf<Dog>(DerivedOwns));
        Assert.Equal(["animals"], TablesOf<Cat>(DerivedOwns));
    }

    // Whether the model knows a table that a user names.

    [Theory]
    [InlineData("a", true)]
    [InlineData("sales.a", true)]
    [InlineData("stock.a", false)]
    [InlineData("public.a", false)]
    [InlineData("A", false)]
    [InlineData("b", true)]
    [InlineData("public.b", true)]
    [InlineData("a_view", true)]
    [InlineData("missing", false)]
    public void The_model_knows_its_tables_and_views_with_and_without_their_schema(string name, bool known)
    {
        var model = ModelContext.ModelOf(builder =>
        {
            builder.Entity<A>().ToTable("a", "sales").ToView("a_view");
            builder.Entity<B>().ToTable("b");
        });

        Assert.Equal(known, ModelTables.Contains(model, TableName.Parse(name)));
    }

    // What a delete reaches.

    [Theory]
    [InlineData(DeleteBehavior.Cascade, true)]
    [InlineData(DeleteBehavior.SetNull, true)]
    [InlineData(DeleteBehavior.Restrict, false)]
    [InlineData(DeleteBehavior.NoAction, false)]
    [InlineData(DeleteBehavior.ClientSetNull, false)]
    [InlineData(DeleteBehavior.ClientCascade, false)]
    [InlineData(DeleteBehavior.ClientNoAction, false)]
    public void A_delete_reaches_what_the_database_itself_changes(DeleteBehavior behavior, bool reached)
        => Assert.Equal(reached ? ["b"] : [], CascadesFrom("a", Reference("b", "a", behavior)));

    [Fact]
    public void A_delete_follows_a_chain_of_cascades()
        => Assert.Equal(["b", "c", "d"], CascadesFrom("a", Cascade("b", "a"), Cascade("c", "b"), Cascade("d", "c"), Cascade("a", "e")));

    [Fact]
    public void A_chain_ends_where_a_key_is_set_to_null()
        => Assert.Equal(["b", "c"], CascadesFrom("a", Cascade("b", "a"), SetNull("c", "b"), Cascade("d", "c")));

    [Fact]
    public void A_chain_ends_where_the_database_refuses_to_delete()
        => Assert.Equal(["b"], CascadesFrom("a", Cascade("b", "a"), Reference("c", "b", DeleteBehavior.Restrict), Cascade("d", "c")));

    /// <summary>Tables come in the order of their names: whichever way is found first must not hide the other.</summary>
    [Theory]
    [InlineData("b", "c")]
    [InlineData("c", "b")]
    public void A_table_that_is_set_null_one_way_and_cascades_another_way_passes_the_delete_on(string way, string target)
        => Assert.Equal(
            new[] { way, target, "z" }.Order(),
            CascadesFrom("a", SetNull(target, "a"), Cascade(way, "a"), Cascade(target, way), Cascade("z", target)));

    [Theory]
    [InlineData(DeleteBehavior.SetNull, DeleteBehavior.Cascade)]
    [InlineData(DeleteBehavior.Cascade, DeleteBehavior.SetNull)]
    public void Of_two_keys_to_one_table_the_one_that_cascades_counts(DeleteBehavior first, DeleteBehavior second)
        => Assert.Equal(["b", "c"], CascadesFrom("a", Reference("b", "a", first), Reference("b", "a", second), Cascade("c", "b")));

    [Fact]
    public void A_table_that_refers_to_itself_is_reached_by_its_own_delete()
        => Assert.Equal(["a"], CascadesFrom("a", Cascade("a", "a")));

    [Fact]
    public void A_cycle_of_cascades_is_walked_once()
    {
        (string, string, DeleteBehavior)[] cycle = [Cascade("b", "a"), Cascade("c", "b"), Cascade("a", "c")];

        Assert.Equal(["a", "b", "c"], CascadesFrom("a", cycle));
        Assert.Equal(["a", "b", "c"], CascadesFrom("b", cycle));
    }

    [Fact]
    public void A_table_without_references_reaches_nothing()
    {
        Assert.Empty(CascadesFrom("b", Cascade("b", "a")));
        Assert.Empty(CascadesFrom("unknown", Cascade("b", "a")));
    }

    [Fact]
    public void Schemas_are_told_apart()
    {
        var model = ModelContext.ModelOf(builder =>
        {
            builder.Entity<A>().ToTable("a", "sales");
            builder.Entity<B>().ToTable("b", "stock").HasOne<A>().WithMany().OnDelete(DeleteBehavior.Cascade);
        });

        Assert.Equal(["stock.b"], Names(ModelTables.CascadesOf(model, new TableName("sales", "a"))));
        Assert.Empty(ModelTables.CascadesOf(model, new TableName("stock", "a")));
    }

    /// <summary>Raw SQL names a table as it likes, and the search_path decides: a name that can be the table has its cascades.</summary>
    [Theory]
    [InlineData("sales", "a")]
    [InlineData(null, "public.a")]
    public void A_delete_that_names_the_schema_otherwise_than_the_model_reaches_the_same(string? schema, string written)
    {
        var model = ModelContext.ModelOf(builder =>
        {
            builder.Entity<A>().ToTable("a", schema);
            builder.Entity<B>().ToTable("b", schema).HasOne<A>().WithMany().OnDelete(DeleteBehavior.Cascade);
        });

        Assert.Single(ModelTables.CascadesOf(model, TableName.Parse(written)));
    }

    [Fact]
    public void A_delete_from_the_join_tables_ends_reaches_the_join_table()
    {
        var model = ModelContext.ModelOf(builder =>
        {
            builder.Entity<Post>().ToTable("posts").HasMany(post => post.Tags).WithMany(tag => tag.Posts).UsingEntity("post_tags");
            builder.Entity<Tag>().ToTable("tags");
        });

        Assert.Equal(["post_tags"], Names(ModelTables.CascadesOf(model, TableName.Parse("posts"))));
        Assert.Equal(["post_tags"], Names(ModelTables.CascadesOf(model, TableName.Parse("tags"))));
    }

    [Fact]
    public void A_delete_from_a_base_table_reaches_the_tables_of_the_derived_types()
        => Assert.Equal(
            ["cats", "dogs"], Names(ModelTables.CascadesOf(ModelContext.ModelOf(TablePerType), TableName.Parse("animals"))));

    [Fact]
    public void A_delete_from_the_main_table_reaches_the_split_one()
        => Assert.Equal(["a_details"], Names(ModelTables.CascadesOf(ModelContext.ModelOf(Split), TableName.Parse("a"))));

    [Fact]
    public void A_delete_from_an_owner_reaches_what_it_owns_at_every_depth()
    {
        var model = ModelContext.ModelOf(builder => builder.Entity<Owner>(owner =>
        {
            owner.ToTable("owners");
            owner.OwnsMany(o => o.Parts, part =>
            {
                part.ToTable("parts");
                part.OwnsMany(p => p.Screws).ToTable("screws");
            });
        }));

        Assert.Equal(["parts", "screws"], Names(ModelTables.CascadesOf(model, TableName.Parse("owners"))));
    }

    private static void Split(ModelBuilder model) => model.Entity<A>(a =>
    {
        a.ToTable("a");
        a.SplitToTable("a_details", table => table.Property(x => x.Name));
    });

    private static void TablePerHierarchy(ModelBuilder model)
    {
        model.Entity<Animal>().UseTphMappingStrategy().ToTable("animals");
        model.Entity<Dog>().Ignore(dog => dog.Tricks);
        model.Entity<Cat>();
    }

    private static void TablePerType(ModelBuilder model)
    {
        model.Entity<Animal>().UseTptMappingStrategy().ToTable("animals");
        model.Entity<Dog>().Ignore(dog => dog.Tricks).ToTable("dogs");
        model.Entity<Cat>().ToTable("cats");
    }

    private static void TablePerConcreteType(ModelBuilder model)
    {
        model.Entity<Animal>().UseTpcMappingStrategy().ToTable("animals");
        model.Entity<Dog>().Ignore(dog => dog.Tricks).ToTable("dogs");
        model.Entity<Cat>().ToTable("cats");
    }

    private static string[] TablesOf<T>(Action<ModelBuilder> build) => Names(ModelTables.Of(ModelContext.ModelOf(build), typeof(T)));

    private static (string Table, string Principal, DeleteBehavior) Cascade(string table, string principal)
        => (table, principal, DeleteBehavior.Cascade);

    private static (string Table, string Principal, DeleteBehavior) SetNull(string table, string principal)
        => (table, principal, DeleteBehavior.SetNull);

    private static (string Table, string Principal, DeleteBehavior) Reference(string table, string principal, DeleteBehavior behavior)
        => (table, principal, behavior);

    /// <summary>Tables with an integer key and these references.</summary>
    private static string[] CascadesFrom(string from, params (string Table, string Principal, DeleteBehavior Behavior)[] references)
    {
        var model = ModelContext.ModelOf(builder =>
        {
            foreach (var name in references.SelectMany(r => new[] { r.Table, r.Principal }).Distinct())
            {
                builder.SharedTypeEntity<Dictionary<string, object>>(name, entity =>
                {
                    entity.ToTable(name);
                    entity.IndexerProperty<int>("Id");
                    entity.HasKey("Id");
                });
            }

            for (var i = 0; i < references.Length; i++)
            {
                var (table, principal, behavior) = references[i];
                var column = $"{i}_{principal}_id";
                builder.SharedTypeEntity<Dictionary<string, object>>(table, entity =>
                {
                    entity.IndexerProperty<int?>(column);
                    entity.HasOne(principal, navigationName: null).WithMany().HasForeignKey(column).OnDelete(behavior);
                });
            }
        });
        return Names(ModelTables.CascadesOf(model, TableName.Parse(from)));
    }

    private static string[] Names(IEnumerable<TableName> tables)
        => [.. tables.Select(table => table.ToString()).Order(StringComparer.Ordinal)];

    private class A
    {
        public int Id { get; set; }

        public string? Name { get; set; }

        public string? Code { get; set; }
    }

    private class B
    {
        public int Id { get; set; }
    }

    private class Owner
    {
        public int Id { get; set; }

        public List<Part> Parts { get; set; } = [];
    }

    private class Part
    {
        public string Name { get; set; } = "";

        public List<Screw> Screws { get; set; } = [];
    }

    private class Screw
    {
        public int Length { get; set; }
    }

    private class Post
    {
        public int Id { get; set; }

        public List<Tag> Tags { get; set; } = [];
    }

    private class Tag
    {
        public int Id { get; set; }

        public List<Post> Posts { get; set; } = [];
    }

    private class Animal
    {
        public int Id { get; set; }
    }

    private class Dog : Animal
    {
        public List<Trick> Tricks { get; set; } = [];
    }

    private class Cat : Animal
    {
        public int Lives { get; set; }
    }

    private class Trick
    {
        public string Name { get; set; } = "";
    }
}
