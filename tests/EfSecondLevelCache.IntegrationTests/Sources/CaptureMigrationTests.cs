using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>Capture that is installed by a migration of the application, and taken away by its way back.</summary>
public sealed class CaptureMigrationTests(PostgresServer server)
{
    [Fact]
    public async Task A_migration_installs_it_and_its_way_back_takes_it_away()
    {
        await using var database = await server.CreateDatabaseAsync();
        await using var cache = new SecondLevelCache(c => c.UseNotifications());
        await using var db = Open(database.ConnectionString, cache);
        await db.Database.MigrateAsync(TestContext.Current.CancellationToken);
        await SeesOthersWritesAsync(db, cache);

        await db.Database.MigrateAsync("20260101000001_notes", TestContext.Current.CancellationToken);
        await cache.ActiveSources.All.Single().CatchUpAsync(TestContext.Current.CancellationToken);
        Assert.Contains("NotCaptured", $"{Assert.Single(await db.ExplainCacheAsync(() => db.Notes.Cacheable().CountAsync()))}");
        await using var connection = new NpgsqlConnection(database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'notes'::regclass", connection);
        Assert.Equal(0L, await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_idempotent_script_installs_it_however_often_it_is_executed()
    {
        await using var database = await server.CreateDatabaseAsync();
        await using var cache = new SecondLevelCache(c => c.UseNotifications());
        await using var db = Open(database.ConnectionString, cache);
        var script = db.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent);
        Assert.Contains("add_capture", script);
        await using (var connection = new NpgsqlConnection(database.ConnectionString))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await SourceDatabase.ExecuteAsync(connection, script);
            await SourceDatabase.ExecuteAsync(connection, script);
        }

        await SeesOthersWritesAsync(db, cache);
    }

    private static async Task SeesOthersWritesAsync(NotesContext db, SecondLevelCache cache)
    {
        Assert.Equal(0, await CountAsync());
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        // It may have been live before there were triggers.
        await cache.ActiveSources.All.Single().CatchUpAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await CountAsync());
        Assert.Equal(0, await CountAsync());
        Assert.NotEqual(0, cache.Statistics.Hits);

        await using (var connection = new NpgsqlConnection(db.Database.GetConnectionString()))
        {
            await connection.OpenAsync();
            await SourceDatabase.ExecuteAsync(connection, "INSERT INTO notes VALUES (1, 'new')");
        }

        await cache.ActiveSources.All.Single().CatchUpAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, await CountAsync());

        Task<int> CountAsync() => db.Notes.Cacheable().CountAsync();
    }

    private static NotesContext Open(string connectionString, SecondLevelCache cache)
        => new(new DbContextOptionsBuilder<NotesContext>().UseNpgsql(connectionString).AddSecondLevelCache(cache)
            // There is no snapshot of the model.
            .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning)).Options);

    public sealed class NotesContext(DbContextOptions<NotesContext> options) : DbContext(options)
    {
        public DbSet<Note> Notes => Set<Note>();

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Note>(note =>
        {
            note.ToTable("notes");
            note.Property(n => n.Id).HasColumnName("id");
            note.Property(n => n.Text).HasColumnName("text");
        });
    }

    public sealed class Note
    {
        public int Id { get; set; }

        public string Text { get; set; } = "";
    }

    [DbContext(typeof(NotesContext))]
    [Migration("20260101000001_notes")]
    public sealed class AddNotes : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.CreateTable(
            "notes",
            table => new { id = table.Column<int>(), text = table.Column<string>() },
            constraints: table => table.PrimaryKey("pk_notes", note => note.id));

        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.DropTable("notes");
    }

    [DbContext(typeof(NotesContext))]
    [Migration("20260101000002_capture")]
    public sealed class CaptureNotes : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.AddChangeCapture("notes");

        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.DropChangeCapture("notes");
    }
}
