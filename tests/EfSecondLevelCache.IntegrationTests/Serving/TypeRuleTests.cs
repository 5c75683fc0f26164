using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>A column of a type that nobody knows how to copy: what it costs, and what the application can say of the type.</summary>
public sealed class TypeRuleTests(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;
    private DbContextOptions? _options;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await _database.ExecuteAsync(
            """
            CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL, mutable jsonb NOT NULL, immutable jsonb NOT NULL, compared jsonb NOT NULL);
            INSERT INTO notes VALUES (1, 'one', '{"Words": ["a"]}', '{"Word": "a", "Number": 1}', '{"Words": ["a"]}');
            """);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Only_queries_that_read_the_column_are_refused_and_told_the_way_out()
    {
        await using var cache = new SecondLevelCache();
        await using var db = Open(cache);
        var refused = db.Notes.Cacheable().ExplainCache();
        Assert.Equal((QueryCacheOutcome.Refused, RefusalReason.ColumnType), (refused.Outcome, refused.Refusal?.Reason));
        Assert.Contains("the column mutable is read as", refused.Refusal!.Detail, StringComparison.Ordinal);
        Assert.Contains("TreatAsImmutable<Mutable>()", refused.Refusal.Remedy, StringComparison.Ordinal);
        Assert.Contains("CopyWith<Mutable>(copy, bytes)", refused.Refusal.Remedy, StringComparison.Ordinal);

        Assert.Equal(QueryCacheOutcome.Miss, db.Notes.Select(n => new { n.Id, n.Text, n.Immutable }).Cacheable().ExplainCache().Outcome);
    }

    [Fact]
    public async Task Each_reader_has_a_copy_of_his_own()
    {
        await using var cache = new SecondLevelCache(c => c.CopyWith<Mutable>(m => new Mutable { Words = [.. m.Words] }, m => 100));
        Assert.Equal(["a", "a", "a"], await ChangedAsync(cache));
    }

    [Fact]
    public async Task Readers_share_a_value_that_nobody_is_said_to_change()
    {
        await using var cache = new SecondLevelCache(c => c.TreatAsImmutable<Mutable>());
        // Whoever does it all the same changes it for all.
        Assert.Equal(["a", "a, changed", "a, changed, changed"], await ChangedAsync(cache));
    }

    [Fact]
    public async Task The_bytes_that_the_application_tells_count()
    {
        await using var cache = new SecondLevelCache(c => c.CopyWith<Mutable>(m => new Mutable { Words = [.. m.Words] }, m => 1_000_000));
        await using var db = Open(cache);
        await db.Notes.Cacheable().ToListAsync();
        Assert.InRange(cache.Statistics.Bytes, 1_000_000, 1_010_000);
    }

    [Fact]
    public async Task A_comparer_of_the_model_that_copies_is_taken_at_its_word()
    {
        await using var cache = new SecondLevelCache();
        for (var i = 0; i < 3; i++)
        {
            await using var db = Open(cache);
            var compared = await db.Notes.Select(n => n.Compared).Cacheable().SingleAsync();
            Assert.Equal(["a"], compared.Words);
            compared.Words.Add("changed");
        }

        Assert.Equal(2, cache.Statistics.Hits);
    }

    [Fact]
    public async Task A_copy_that_fails_costs_the_cache_and_not_the_query()
    {
        await using var cache = new SecondLevelCache(c => c.CopyWith<Mutable>(_ => throw new InvalidOperationException("no"), _ => 1));
        await using var db = Open(cache);
        for (var i = 0; i < 2; i++)
            Assert.Equal("one", (await db.Notes.AsNoTracking().Cacheable().SingleAsync()).Text);
        Assert.Equal(0, cache.Statistics.Fills);
    }

    /// <summary>What three readers in turn found, each of whom changed it.</summary>
    private async Task<List<string>> ChangedAsync(SecondLevelCache cache)
    {
        var found = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            await using var db = Open(cache);
            var note = await db.Notes.Cacheable().SingleAsync();
            found.Add(string.Join(", ", note.Mutable.Words));
            note.Mutable.Words.Add("changed");
        }

        Assert.Equal(2, cache.Statistics.Hits);
        return found;
    }

    private NoteContext Open(SecondLevelCache cache)
    {
        _options ??= new DbContextOptionsBuilder<NoteContext>()
            .UseNpgsql(_database.ConnectionString, npgsql => npgsql.ConfigureDataSource(source => source.EnableDynamicJson())).Options;
        return new NoteContext(new DbContextOptionsBuilder<NoteContext>((DbContextOptions<NoteContext>)_options).AddSecondLevelCache(cache).Options);
    }

    public class Note
    {
        public int Id { get; set; }

        public string Text { get; set; } = "";

        public Mutable Mutable { get; set; } = new();

        public Immutable Immutable { get; set; } = new("", 0);

        public Compared Compared { get; set; } = new();
    }

    public class Mutable
    {
        public List<string> Words { get; set; } = [];
    }

    public class Compared
    {
        public List<string> Words { get; set; } = [];
    }

    public record Immutable(string Word, int Number);

    public sealed class NoteContext(DbContextOptions options) : DbContext(options)
    {
        public DbSet<Note> Notes => Set<Note>();

        protected override void OnModelCreating(ModelBuilder model) => model.Entity<Note>(note =>
        {
            note.ToTable("notes");
            note.Property(n => n.Id).HasColumnName("id");
            note.Property(n => n.Text).HasColumnName("text");
            note.Property(n => n.Mutable).HasColumnName("mutable").HasColumnType("jsonb");
            note.Property(n => n.Immutable).HasColumnName("immutable").HasColumnType("jsonb");
            note.Property(n => n.Compared).HasColumnName("compared").HasColumnType("jsonb").Metadata.SetValueComparer(
                new ValueComparer<Compared>(
                    (a, b) => a!.Words.SequenceEqual(b!.Words), c => c.Words.Count, c => new Compared { Words = c.Words.ToList() }));
        });
    }
}
