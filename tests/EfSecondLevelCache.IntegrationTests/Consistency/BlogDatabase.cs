using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>Blogs with posts and authors, for tests of what a write removes. Each class has a database of its own.</summary>
public sealed class BlogDatabase(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    public string ConnectionString => _database.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await using var db = Open(null);
        await db.Database.EnsureCreatedAsync();
        await ResetAsync();
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    /// <param name="cache">Null: a context without the cache, another process to it.</param>
    /// <param name="configure">Further options.</param>
    public BlogContext Open(SecondLevelCache? cache, Action<DbContextOptionsBuilder>? configure = null)
    {
        var options = new DbContextOptionsBuilder<BlogContext>().UseNpgsql(ConnectionString);
        if (cache is not null)
            options.AddSecondLevelCache(cache);
        configure?.Invoke(options);
        return new BlogContext(options.Options);
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task UntilSomebodyWaitsAsync()
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var waiting = new NpgsqlCommand(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')", connection);
        while (!(bool)(await waiting.ExecuteScalarAsync())!)
            await Task.Yield();
    }

    /// <summary>Three blogs, each with three posts: posts 1, 4, 7 are of blog 1 and author 1, and so on.</summary>
    public Task ResetAsync() => ExecuteAsync(
        """
        TRUNCATE blogs, authors, posts, tags, post_tags, settings RESTART IDENTITY CASCADE;
        INSERT INTO blogs SELECT i, 'blog ' || i FROM generate_series(1, 3) i;
        INSERT INTO authors SELECT i, 'author ' || i FROM generate_series(1, 3) i;
        INSERT INTO posts ("Id", "BlogId", "AuthorId", "Title", "Likes")
            SELECT i, 1 + (i - 1) % 3, 1 + (i - 1) % 3, 'post ' || i, 0 FROM generate_series(1, 9) i;
        INSERT INTO tags SELECT i, 'tag ' || i FROM generate_series(1, 3) i;
        INSERT INTO post_tags ("PostsId", "TagsId") SELECT i, 1 + i % 3 FROM generate_series(1, 9) i;
        INSERT INTO settings SELECT t, k, t || k FROM unnest('{a,b}'::text[]) t, unnest('{x,y}'::text[]) k;
        SELECT setval(pg_get_serial_sequence('posts', 'Id'), 100);
        """);
}

public class BlogContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Blog> Blogs => Set<Blog>();

    public DbSet<Author> Authors => Set<Author>();

    public DbSet<Post> Posts => Set<Post>();

    public DbSet<Setting> Settings => Set<Setting>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Blog>().ToTable("blogs");
        modelBuilder.Entity<Author>().ToTable("authors");
        modelBuilder.Entity<Tag>().ToTable("tags");
        modelBuilder.Entity<Post>(post =>
        {
            post.ToTable("posts");
            post.Property(p => p.Slug).HasComputedColumnSql("""lower("Title")""", stored: true);
            post.HasMany(p => p.Tags).WithMany(t => t.Posts).UsingEntity("post_tags");
        });
        modelBuilder.Entity<Setting>().ToTable("settings").HasKey(s => new { s.Tenant, s.Key });
    }
}

public class Blog
{
    public int Id { get; set; }

    public string Name { get; set; } = "";

    public List<Post> Posts { get; set; } = [];
}

public class Author
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

public class Tag
{
    public int Id { get; set; }

    public string Name { get; set; } = "";

    public List<Post> Posts { get; set; } = [];
}

public class Post
{
    public int Id { get; set; }

    public int BlogId { get; set; }

    public Blog Blog { get; set; } = null!;

    public int? AuthorId { get; set; }

    public Author? Author { get; set; }

    public string Title { get; set; } = "";

    public string Slug { get; set; } = "";

    public int Likes { get; set; }

    public List<Tag> Tags { get; set; } = [];
}

public class Setting
{
    public string Tenant { get; set; } = "";

    public string Key { get; set; } = "";

    public string Value { get; set; } = "";
}
