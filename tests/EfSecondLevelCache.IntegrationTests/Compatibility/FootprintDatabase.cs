using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>Tables of every mapping that a write can have, and cached queries that depend on rows of them by every column.</summary>
public sealed class FootprintDatabase(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    public string Name => _database.Name;

    public string ConnectionString => _database.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await using var db = Open(null);
        await db.Database.EnsureCreatedAsync();
        await ResetAsync();
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    public Task ExecuteAsync(string sql) => _database.ExecuteAsync(sql);

    public Task ResetAsync() => ExecuteAsync(
        """
        TRUNCATE blogs, posts, tags, post_tags, animals, vehicles, cars, before, o RESTART IDENTITY CASCADE;
        INSERT INTO blogs ("Id", "Name", "Code", "Address_City") SELECT i, 'blog ' || i, 'code ' || i, 'city ' || i FROM generate_series(1, 3) i;
        INSERT INTO posts ("Id", "BlogId", "Title") SELECT i, 1 + i % 3, 'post ' || i FROM generate_series(1, 6) i;
        INSERT INTO tags ("Id", "Name") SELECT i, 'tag ' || i FROM generate_series(1, 3) i;
        INSERT INTO post_tags ("PostsId", "TagsId") VALUES (1, 1), (2, 2);
        INSERT INTO animals ("Id", "Name", "Discriminator", "Lives") VALUES (1, 'tom', 'Cat', 9), (2, 'rex', 'Animal', NULL);
        INSERT INTO vehicles ("Id", "Name") VALUES (1, 'car');
        INSERT INTO cars ("Id", "Plate") VALUES (1, 'plate');
        INSERT INTO before ("Id", "Name") VALUES (1, 'one');
        INSERT INTO o ("Id", "Name") VALUES (1, 'one');
        SELECT setval(pg_get_serial_sequence(t, 'Id'), 100) FROM unnest('{blogs,posts,tags,animals,vehicles,before,o}'::text[]) t;
        """);

    public FootprintContext Open(SecondLevelCache? cache, string? connectionString = null, Action<DbContextOptionsBuilder>? configure = null)
    {
        var options = new DbContextOptionsBuilder().UseNpgsql(connectionString ?? ConnectionString);
        if (cache is not null)
            options.AddSecondLevelCache(cache);
        configure?.Invoke(options);
        return new FootprintContext(options.Options);
    }

    /// <summary>From now on results depend on rows by all of these columns.</summary>
    public static async Task WarmAsync(FootprintContext db)
    {
        await db.Blogs.Where(b => b.Name == "blog 1").Cacheable().ToListAsync();
        await db.Blogs.Where(b => b.Code == "code 1").Cacheable().ToListAsync();
        await db.Blogs.Where(b => b.Address!.City == "city 1").Cacheable().ToListAsync();
        await db.Posts.Where(p => p.BlogId == 1).Cacheable().ToListAsync();
        await db.Posts.Where(p => p.Title == "post 1").Cacheable().ToListAsync();
        await db.Tags.Where(t => t.Name == "tag 1").Cacheable().ToListAsync();
        await db.Tags.Where(t => t.Id == 1).Include(t => t.Posts).Cacheable().ToListAsync();
        await db.Animals.Where(a => a.Name == "tom").Cacheable().ToListAsync();
        await db.Cats.Where(c => c.Lives == 9).Cacheable().ToListAsync();
        await db.Vehicles.Where(v => v.Name == "car").Cacheable().ToListAsync();
        await db.Cars.Where(c => c.Plate == "plate").Cacheable().ToListAsync();
        await db.Before.Where(b => b.Name == "one").Cacheable().ToListAsync();
        await db.O.Where(b => b.Name == "one").Cacheable().ToListAsync();
    }

    /// <summary>Has somebody else write, on a connection of its own.</summary>
    public async Task<NpgsqlConnection> ConnectAsync()
    {
        var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        return connection;
    }
}

public class FootprintContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<FootprintBlog> Blogs => Set<FootprintBlog>();

    public DbSet<FootprintPost> Posts => Set<FootprintPost>();

    public DbSet<FootprintTag> Tags => Set<FootprintTag>();

    public DbSet<Animal> Animals => Set<Animal>();

    public DbSet<Cat> Cats => Set<Cat>();

    public DbSet<Vehicle> Vehicles => Set<Vehicle>();

    public DbSet<Car> Cars => Set<Car>();

    public DbSet<NamedBefore> Before => Set<NamedBefore>();

    public DbSet<NamedO> O => Set<NamedO>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<FootprintBlog>(blog =>
        {
            blog.ToTable("blogs").HasIndex(b => b.Code).IsUnique();
            blog.OwnsOne(b => b.Address);
            blog.HasMany(b => b.Posts).WithOne().HasForeignKey(p => p.BlogId);
        });
        modelBuilder.Entity<FootprintPost>().ToTable("posts").HasMany(p => p.Tags).WithMany(t => t.Posts)
            .UsingEntity("post_tags", left => left.HasOne(typeof(FootprintTag)).WithMany().HasForeignKey("TagsId"),
                right => right.HasOne(typeof(FootprintPost)).WithMany().HasForeignKey("PostsId"));
        modelBuilder.Entity<FootprintTag>().ToTable("tags");
        modelBuilder.Entity<Animal>().ToTable("animals");
        modelBuilder.Entity<Cat>();
        modelBuilder.Entity<Vehicle>().UseTptMappingStrategy().ToTable("vehicles");
        modelBuilder.Entity<Car>().ToTable("cars");
        modelBuilder.Entity<NamedBefore>().ToTable("before");
        modelBuilder.Entity<NamedO>().ToTable("o");
    }
}

public class FootprintBlog
{
    public int Id { get; set; }

    public string Name { get; set; } = "";

    public string Code { get; set; } = "";

    public FootprintAddress? Address { get; set; }

    public List<FootprintPost> Posts { get; set; } = [];
}

public class FootprintAddress
{
    public string City { get; set; } = "";
}

public class FootprintPost
{
    public int Id { get; set; }

    public int BlogId { get; set; }

    public string Title { get; set; } = "";

    public List<FootprintTag> Tags { get; set; } = [];
}

public class FootprintTag
{
    public int Id { get; set; }

    public string Name { get; set; } = "";

    public List<FootprintPost> Posts { get; set; } = [];
}

public class Animal
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

public class Cat : Animal
{
    public int? Lives { get; set; }
}

public class Vehicle
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

public class Car : Vehicle
{
    public string Plate { get; set; } = "";
}

public class NamedBefore
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

public class NamedO
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}
