using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>The application that is attacked. Its tables are in every database of an attack.</summary>
internal sealed class AttackContext(DbContextOptions<AttackContext> options) : DbContext(options)
{
    /// <summary>
    /// The schemas t1 and t2 have items of their own. bump() changes items and touch(others) does, go() changes the search path of the session.
    /// </summary>
    private const string Tables =
        """
        CREATE TABLE items (id int PRIMARY KEY, grp int NOT NULL, price int NOT NULL, name text NOT NULL);
        CREATE TABLE others (id int PRIMARY KEY, name text NOT NULL);
        CREATE TABLE details (id int PRIMARY KEY, item_id int NOT NULL CONSTRAINT details_item REFERENCES items, name text NOT NULL);
        CREATE TABLE moments (id int PRIMARY KEY, at timestamp NOT NULL, atz timestamptz NOT NULL);
        CREATE VIEW item_names AS SELECT id, name FROM items;
        CREATE SCHEMA t1 CREATE TABLE items (LIKE public.items INCLUDING ALL);
        CREATE SCHEMA t2 CREATE TABLE items (LIKE public.items INCLUDING ALL);
        INSERT INTO items VALUES (1, 1, 10, 'one'), (2, 1, 20, 'two'), (3, 10, 1, 'three');
        INSERT INTO t1.items VALUES (1, 1, 10, 'one of t1'), (2, 2, 20, 'two of t1');
        INSERT INTO t2.items VALUES (1, 1, 10, 'one of t2'), (2, 2, 20, 'two of t2');
        INSERT INTO others VALUES (1, 'first'), (2, 'second');
        INSERT INTO details VALUES (1, 1, 'detail of one'), (2, 2, 'detail of two');
        INSERT INTO moments VALUES (1, '2024-02-29 12:00', '2024-02-29 12:00+00');
        CREATE FUNCTION bump(by int) RETURNS int LANGUAGE plpgsql AS
            $$ BEGIN UPDATE public.items SET price = price + by; RETURN by; END $$;
        CREATE FUNCTION bumped() RETURNS SETOF items LANGUAGE sql AS $$ UPDATE public.items SET price = price + 1 RETURNING * $$;
        CREATE FUNCTION touch(o others) RETURNS int LANGUAGE sql AS $$ SELECT public.bump(1) $$;
        CREATE FUNCTION go(path text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', path, false) $$;
        """;

    /// <summary>Whose rows it is to see, where a schema is a tenant's.</summary>
    public string Tenant { get; set; } = "";

    public DbSet<Item> Items => Set<Item>();

    public DbSet<Other> Others => Set<Other>();

    public DbSet<Detail> Details => Set<Detail>();

    public DbSet<Moment> Moments => Set<Moment>();

    public DbSet<ItemName> ItemNames => Set<ItemName>();

    public static async Task CreateTablesAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(Tables, connection);
        await command.ExecuteNonQueryAsync();
    }

    public static int Bump(int by) => throw new NotSupportedException($"{by}");

    public static string Go(string schema) => throw new NotSupportedException(schema);

    public static string Pick(int id) => throw new NotSupportedException($"{id}");

    public IQueryable<Item> Bumped() => FromExpression(() => Bumped());

    /// <summary>The values of an expression in SQL.</summary>
    public IQueryable<T> Values<T>(string expression, string rest = "", params object[] parameters)
    {
        var sql = $"SELECT {expression} AS \"Value\" {rest}";
        return Database.SqlQueryRaw<T>(sql, parameters);
    }

    /// <summary>SQL that the application sends over its connection past EF Core, by ADO.NET or Dapper.</summary>
    public async Task Ado(string sql)
    {
        await using var command = Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }

    public Task Sql(string sql) => Database.ExecuteSqlRawAsync(sql);

    public Task Save<T>(T row, EntityState state = EntityState.Modified)
        where T : class
    {
        ChangeTracker.Clear();
        Entry(row).State = state;
        return SaveChangesAsync();
    }

    /// <summary>Loads it, changes it, saves it.</summary>
    public async Task Rename(int id, string name)
    {
        (await Items.AsTracking().SingleAsync(item => item.Id == id)).Name = name;
        await SaveChangesAsync();
    }

    protected override void OnConfiguring(DbContextOptionsBuilder options) => options.UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking);

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Item>().ToTable("items");
        model.Entity<Other>().ToTable("others");
        model.Entity<Detail>().ToTable("details").HasOne(detail => detail.Item).WithMany(item => item.Details).IsRequired();
        model.Entity<Moment>().ToTable("moments").Property(moment => moment.At).HasColumnType("timestamp");
        model.Entity<ItemName>().ToView("item_names").HasNoKey();
        model.HasDbFunction(() => Bump(0)).HasName("bump");
        model.HasDbFunction(() => Go("")).HasName("go");
        model.HasDbFunction(() => Pick(0)).HasName("pick");
        model.HasDbFunction(() => Bumped()).HasName("bumped");
        foreach (var property in model.Model.GetEntityTypes().SelectMany(type => type.GetProperties()))
        {
            property.ValueGenerated = Microsoft.EntityFrameworkCore.Metadata.ValueGenerated.Never;
            property.SetColumnName(property.Name is nameof(Detail.ItemId) ? "item_id" : property.Name.ToLowerInvariant());
        }
    }
}

internal sealed class Item
{
    public int Id { get; set; }

    public int Grp { get; set; }

    public int Price { get; set; }

    public string Name { get; set; } = "";

    public List<Detail> Details { get; set; } = [];
}

internal sealed class Other
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

internal sealed class Detail
{
    public int Id { get; set; }

    public int ItemId { get; set; }

    public Item Item { get; set; } = null!;

    public string Name { get; set; } = "";
}

internal sealed class Moment
{
    public int Id { get; set; }

    public DateTime At { get; set; }

    public DateTime Atz { get; set; }
}

internal sealed class ItemName
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}
