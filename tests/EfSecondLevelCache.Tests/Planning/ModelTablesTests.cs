using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Tests.Support;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Tests.Planning;

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
