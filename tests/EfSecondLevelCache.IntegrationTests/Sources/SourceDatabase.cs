using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>Tables of every kind, for tests of who tells of their changes. Each class has a database of its own.</summary>
public class SourceDatabase(PostgresServer server) : IAsyncLifetime
{
    public const string Tables =
        """
        CREATE TABLE items (id int PRIMARY KEY, group_id int NOT NULL, name text NOT NULL);
        CREATE INDEX ON items (group_id);
        CREATE TABLE parts (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items ON DELETE CASCADE ON UPDATE CASCADE, name text NOT NULL);
        CREATE TABLE events (id int, year int, name text NOT NULL, PRIMARY KEY (id, year)) PARTITION BY LIST (year);
        CREATE TABLE events_2024 PARTITION OF events FOR VALUES IN (2024);
        CREATE TABLE events_2025 PARTITION OF events FOR VALUES IN (2025);
        CREATE TABLE animals (id int PRIMARY KEY, name text NOT NULL);
        CREATE TABLE cats (lives int, PRIMARY KEY (id)) INHERITS (animals);
        CREATE TYPE mood AS ENUM ('happy', 'sad');
        CREATE TABLE keyed (id int PRIMARY KEY, uuid uuid UNIQUE, flag bool, day date UNIQUE, at timestamp UNIQUE, atz timestamptz UNIQUE,
            bytes bytea UNIQUE, label text UNIQUE);
        CREATE INDEX ON keyed (flag);
        CREATE VIEW first_items AS SELECT id, group_id, name FROM items WHERE group_id = 1;
        """;

    private PostgresDatabase _database = null!;

    public string ConnectionString => _database.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await ExecuteAsync(Tables);
        await ResetAsync();
    }

    public async ValueTask DisposeAsync()
    {
        // A database whose log is decoded can't be dropped, and a walsender takes a moment to see that its client has gone.
        await ExecuteAsync(
            """
            DO $$ BEGIN
                WHILE EXISTS (SELECT FROM pg_replication_slots WHERE database = current_database()) LOOP
                    PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database();
                    PERFORM pg_sleep(0.01);
                END LOOP;
            END $$
            """);
        await _database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Items 1 to 4 in the groups 1, 2, 1, 2, each with a part of the same number; an event 1 in 2024 and 2 in 2025.</summary>
    public Task ResetAsync() => ExecuteAsync(
        """
        TRUNCATE items, parts, events, animals, cats, keyed;
        INSERT INTO items SELECT i, 1 + (i - 1) % 2, 'item ' || i FROM generate_series(1, 4) i;
        INSERT INTO parts SELECT i, i, 'part ' || i FROM generate_series(1, 4) i;
        INSERT INTO events VALUES (1, 2024, 'event 1'), (2, 2025, 'event 2');
        INSERT INTO animals VALUES (1, 'animal 1');
        INSERT INTO cats VALUES (2, 'cat 2', 9);
        INSERT INTO keyed SELECT i, ('00000000-0000-0000-0000-00000000000' || i)::uuid, i = 1, date '2024-02-28' + i,
            timestamp '2024-02-28 12:00:00.123456' + i * interval '1 day', timestamptz '2024-02-28 12:00:00.12+02' + i * interval '1 day',
            decode('0' || i, 'hex'), 'l''abel "' || i FROM generate_series(1, 2) i;
        """);

    /// <param name="cache">Null: a context without the cache.</param>
    /// <param name="connectionString">Null: of the database.</param>
    public SourceContext Open(SecondLevelCache? cache, string? connectionString = null)
    {
        var options = new DbContextOptionsBuilder<SourceContext>().UseNpgsql(connectionString ?? ConnectionString);
        if (cache is not null)
            options.AddSecondLevelCache(cache);
        return new SourceContext(options.Options);
    }

    /// <summary>Executes SQL beside EF Core and the cache, as psql would.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, sql);
    }

    /// <summary>On another server.</summary>
    public static async Task CreateTablesAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, Tables);
    }

    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}

public class SourceContext(DbContextOptions<SourceContext> options) : DbContext(options)
{
    public DbSet<Item> Items => Set<Item>();

    public DbSet<Part> Parts => Set<Part>();

    public DbSet<Event> Events => Set<Event>();

    public DbSet<Event2024> Events2024 => Set<Event2024>();

    public DbSet<Animal> Animals => Set<Animal>();

    public DbSet<Keyed> Keyed => Set<Keyed>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Item>().ToTable("items");
        modelBuilder.Entity<Part>().ToTable("parts");
        modelBuilder.Entity<Event>().ToTable("events").HasKey(e => new { e.Id, e.Year });
        modelBuilder.Entity<Event2024>().ToTable("events_2024").HasKey(e => new { e.Id, e.Year });
        modelBuilder.Entity<Animal>().ToTable("animals");
        modelBuilder.Entity<Keyed>().ToTable("keyed").Property(k => k.At).HasColumnType("timestamp");
        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(type => type.GetProperties()))
            property.SetColumnName(property.Name switch { "GroupId" => "group_id", "ItemId" => "item_id", var name => name.ToLowerInvariant() });
    }
}

public class Item
{
    public int Id { get; set; }

    public int GroupId { get; set; }

    public string Name { get; set; } = "";
}

public class Part
{
    public int Id { get; set; }

    public int ItemId { get; set; }

    public string Name { get; set; } = "";
}

public class Event
{
    public int Id { get; set; }

    public int Year { get; set; }

    public string Name { get; set; } = "";
}

public class Event2024
{
    public int Id { get; set; }

    public int Year { get; set; }

    public string Name { get; set; } = "";
}

public class Animal
{
    public int Id { get; set; }

    public string Name { get; set; } = "";
}

public class Keyed
{
    public int Id { get; set; }

    public Guid? Uuid { get; set; }

    public bool? Flag { get; set; }

    public DateOnly? Day { get; set; }

    public DateTime? At { get; set; }

    public DateTimeOffset? Atz { get; set; }

    public byte[]? Bytes { get; set; }

    public string? Label { get; set; }
}
