using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Databases;

/// <summary>EF Core empties every pool of the process when it drops a database, so nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(EmptiesPools), DisableParallelization = true)]
public sealed class EmptiesPools;

/// <summary>Databases that are made, migrated and dropped.</summary>
[Collection(nameof(EmptiesPools))]
public sealed class LifecycleTests(PostgresServer server) : ScenarioTests<LifecycleTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<LibraryContext>("library")
    {
        {
            "EnsureDeleted and EnsureCreated, twice each, with rows", Expect.OwnDatabase | Expect.NoHits, async app =>
            {
                await using var db = app.Open<LibraryContext>();
                app.Saw("can connect", await db.Database.CanConnectAsync());
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("deleted", await db.Database.EnsureDeletedAsync());
                    app.Saw("deleted again", await db.Database.EnsureDeletedAsync());
                    app.Saw("can connect", await db.Database.CanConnectAsync());
                    app.Saw("created", await db.Database.EnsureCreatedAsync());
                    app.Saw("created again", await db.Database.EnsureCreatedAsync());
                    app.Saw("before", await db.Books.CountAsync());
                    await AddAsync(db);
                    app.Saw("after", await db.Books.CountAsync());
                }

                db.ChangeTracker.Clear();
                app.Saw("a hit may be served", await db.Books.AsNoTracking().OrderBy(b => b.Title).Select(b => b.Title).ToListAsync());
                app.Saw("the same", await db.Books.AsNoTracking().OrderBy(b => b.Title).Select(b => b.Title).ToListAsync());
            }
        },
        {
            "the same, synchronously", Expect.OwnDatabase | Expect.NoHits, app =>
            {
                using var db = app.Open<LibraryContext>();
                app.Saw("deleted", db.Database.EnsureDeleted());
                app.Saw("created", db.Database.EnsureCreated());
                app.Saw("created again", db.Database.EnsureCreated());
                db.Add(new Book { Title = "one" });
                app.Saw("rows", db.SaveChanges());
                app.Saw("books", db.Books.Count());
                app.Saw("deleted at the end", db.Database.EnsureDeleted());
                app.Saw("exists", ((IRelationalDatabaseCreator)db.GetService<IDatabaseCreator>()).Exists());
                return Task.CompletedTask;
            }
        },
        {
            "a database of another name that is not there yet", Expect.OwnDatabase | Expect.NoHits, async app =>
            {
                var name = $"{app.Database}_not_there_yet_{app.Pass}";
                var options = new DbContextOptionsBuilder<LibraryContext>();
                app.Configure(options).UseNpgsql(new NpgsqlConnectionStringBuilder(app.ConnectionString) { Database = name }.ConnectionString);
                try
                {
                    await using var db = app.Open<LibraryContext>(options.Options);
                    await app.FailsAsync("query", () => db.Books.ToListAsync());
                    await app.FailsAsync("write", () => AddAsync(db));
                    db.ChangeTracker.Clear();
                    app.Saw("created", await db.Database.EnsureCreatedAsync());
                    await AddAsync(db);
                    app.Saw("books", await db.Books.CountAsync());
                    app.Saw("deleted", await db.Database.EnsureDeletedAsync());
                    // A pool that keeps a connection to a database that was dropped gives it to the next one.
                    app.Saw("created again", await db.Database.EnsureCreatedAsync());
                    app.Saw("nothing is left", await db.Books.CountAsync());
                    app.Saw("deleted", await db.Database.EnsureDeletedAsync());
                }
                finally
                {
                    await app.ElsewhereAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                }
            }
        },
        {
            "migrations to an empty database, up and down and up", Expect.OwnDatabase | Expect.NoHits, async app =>
            {
                await using var db = app.Open<LibraryContext>();
                app.Saw("pending", await db.Database.GetPendingMigrationsAsync());
                await db.Database.MigrateAsync();
                app.Saw("applied", await db.Database.GetAppliedMigrationsAsync());
                app.Saw("books", await db.Books.CountAsync());
                await AddAsync(db);
                var migrator = db.GetService<IMigrator>();
                await migrator.MigrateAsync("20240101000000_First");
                app.Saw("applied, one down", await db.Database.GetAppliedMigrationsAsync());
                await app.FailsAsync("the column is gone", () => db.Books.Where(b => b.Pages > app.Pass).ToListAsync());
                await migrator.MigrateAsync();
                app.Saw("with the column's default", await db.Books.AsNoTracking().OrderBy(b => b.Id).Select(b => b.Pages).ToListAsync());
                await migrator.MigrateAsync("0");
                app.Saw("applied, all down", await db.Database.GetAppliedMigrationsAsync());
                await db.Database.MigrateAsync();
                app.Saw("empty", await db.Books.CountAsync());
                await migrator.MigrateAsync("0");
            }
        },
        {
            "migrations to a database that is not there yet", Expect.OwnDatabase | Expect.NoHits, async app =>
            {
                await using var db = app.Open<LibraryContext>();
                await db.Database.EnsureDeletedAsync();
                app.Saw("pending", await db.Database.GetPendingMigrationsAsync());
                await db.Database.MigrateAsync();
                await db.Database.MigrateAsync();
                app.Saw("books", await db.Books.CountAsync());
                app.Saw("model has changed", db.Database.HasPendingModelChanges());
                await db.Database.EnsureDeletedAsync();
                // dotnet ef database update is synchronous.
                db.Database.Migrate();
                app.Saw("books again", db.Books.Count());
            }
        },
        {
            "the idempotent script, and the script of EnsureCreated", Expect.OwnDatabase | Expect.NoHits, async app =>
            {
                await using var db = app.Open<LibraryContext>();
                app.SawText("script", db.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent));
                app.SawText("creation", db.Database.GenerateCreateScript());
                for (var i = 0; i < 2; i++)
                    await db.Database.ExecuteSqlRawAsync(db.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent));
                app.Saw("applied", await db.Database.GetAppliedMigrationsAsync());
                app.Saw("books", await db.Books.CountAsync());
            }
        },
        {
            "a table that is altered while it is cached", Expect.NoSource, async app =>
            {
                for (var i = 0; i < 2; i++)
                {
                    await using var reader = app.Open<LibraryContext>();
                    app.Saw("books", await app.Cached(reader.Books.AsNoTracking().OrderBy(b => b.Id)).ToListAsync());
                    app.Saw("titles", await app.Cached(reader.Books.OrderBy(b => b.Id).Select(b => b.Title)).ToListAsync());
                }

                await using var db = app.Open<LibraryContext>();
                await AddAsync(db);
                await db.Database.ExecuteSqlRawAsync("""ALTER TABLE "Books" ALTER COLUMN "Title" TYPE varchar(50) USING upper("Title")""");
                app.Saw("altered", await app.Cached(db.Books.AsNoTracking().OrderBy(b => b.Id).Select(b => b.Title)).ToListAsync());
                await db.Database.ExecuteSqlRawAsync("""ALTER TABLE "Books" RENAME TO "Old"; CREATE TABLE "Books" AS TABLE "Old" WITH NO DATA""");
                app.Saw("another table", await app.Cached(db.Books.OrderBy(b => b.Id).Select(b => b.Title)).ToListAsync());
                await db.Database.ExecuteSqlRawAsync("""DROP TABLE "Books"; ALTER TABLE "Old" RENAME TO "Books" """);
                app.Saw("back", await app.Cached(db.Books.OrderBy(b => b.Id).Select(b => b.Title)).ToListAsync());
            }
        },
    };

    private static async Task AddAsync(LibraryContext db)
    {
        db.Add(new Book { Title = "one", Pages = 100 });
        db.Add(new Book { Title = "two", Pages = 200 });
        await db.SaveChangesAsync();
        db.ChangeTracker.Clear();
    }
}
