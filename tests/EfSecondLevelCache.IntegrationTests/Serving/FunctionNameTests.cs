using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving;

/// <summary>A function is the one that PostgreSQL finds by the name as it was written, and is as good as its worst overload.</summary>
public sealed class FunctionNameTests(PostgresServer server) : IAsyncLifetime
{
    private const string LongName = "A_Name_That_Is_Longer_Than_The_Sixty_Three_Bytes_That_PostgreSQL_Keeps";

    private readonly SecondLevelCache _cache = new();
    private PostgresDatabase _database = null!;

    public static TheoryData<string, bool> InLinq { get; } = new()
    {
        { nameof(Functions.Folded), true },
        { nameof(Functions.Quoted), true },
        { nameof(Functions.QuotedByTheUser), true },
        { nameof(Functions.InSchema), true },
        { nameof(Functions.Cut), true },
        { nameof(Functions.NotAscii), true },
        { nameof(Functions.MappedToPostgres), true },
        { nameof(Functions.FoldedAndStable), false },
        { nameof(Functions.QuotedAndVolatile), false },
        { nameof(Functions.BadOverload), false },
        { nameof(Functions.OverloadOfPostgres), false },
    };

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await _database.ExecuteAsync(
            $"""
            CREATE SCHEMA "App";
            CREATE SCHEMA app;
            CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
            INSERT INTO items VALUES (1, 'one'), (2, 'two');
            CREATE TYPE word AS (w text);
            CREATE FUNCTION my_twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2';
            CREATE FUNCTION "My_Twice"(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT count(*)::int FROM items';
            CREATE FUNCTION "My_Other"(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 3';
            CREATE FUNCTION my_other(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM items';
            CREATE FUNCTION app.my_other(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 4';
            CREATE FUNCTION "GrÖsse"(int) RETURNS int VOLATILE LANGUAGE sql AS 'SELECT count(*)::int FROM items';
            CREATE FUNCTION "grÖsse"(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 5';
            CREATE FUNCTION {LongName[..63]}(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 6';
            CREATE FUNCTION overloaded(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
            CREATE FUNCTION overloaded(text) RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM items';
            CREATE FUNCTION reverse(int) RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM items';
            CREATE FUNCTION rows_up_to(int) RETURNS TABLE (id int, name text) IMMUTABLE LANGUAGE sql
                AS 'SELECT i, ''n''::text FROM generate_series(1, $1) i';
            CREATE FUNCTION rows_of_items(int) RETURNS TABLE (id int, name text) STABLE LANGUAGE sql AS 'SELECT id, name FROM items';
            CREATE AGGREGATE My_Sum(int) (SFUNC = int4_sum, STYPE = bigint);
            CREATE VIEW twice AS SELECT my_twice(id) AS id, name FROM items;
            CREATE VIEW other AS SELECT my_other(id) AS id, name FROM items;
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(InLinq))]
    public async Task A_function_of_the_model(string name, bool isCacheable)
        => await AssertAsync(isCacheable, db => name switch
        {
            nameof(Functions.Folded) => ListAsync(db.Items.Select(i => Functions.Folded(i.Id))),
            nameof(Functions.Quoted) => ListAsync(db.Items.Select(i => Functions.Quoted(i.Id))),
            nameof(Functions.QuotedByTheUser) => ListAsync(db.Items.Select(i => Functions.QuotedByTheUser(i.Id))),
            nameof(Functions.InSchema) => ListAsync(db.Items.Select(i => Functions.InSchema(i.Id))),
            nameof(Functions.Cut) => ListAsync(db.Items.Select(i => Functions.Cut(i.Id))),
            nameof(Functions.NotAscii) => ListAsync(db.Items.Select(i => Functions.NotAscii(i.Id))),
            nameof(Functions.MappedToPostgres) => ListAsync(db.Items.Select(i => Functions.MappedToPostgres(i.Id))),
            nameof(Functions.FoldedAndStable) => ListAsync(db.Items.Select(i => Functions.FoldedAndStable(i.Id))),
            nameof(Functions.QuotedAndVolatile) => ListAsync(db.Items.Select(i => Functions.QuotedAndVolatile(i.Id))),
            nameof(Functions.BadOverload) => ListAsync(db.Items.Select(i => Functions.BadOverload(i.Id))),
            _ => ListAsync(db.Items.Select(i => Functions.OverloadOfPostgres(i.Id))),
        });

    [Theory]
    [InlineData("SELECT MY_Twice(id) AS \"Value\" FROM items", true)]
    [InlineData("SELECT \"My_Twice\"(id) AS \"Value\" FROM items", false)]
    [InlineData("SELECT \"My_Other\"(id) AS \"Value\" FROM items", true)]
    [InlineData("SELECT My_Other(id) AS \"Value\" FROM items", false)]
    [InlineData("SELECT APP.My_Other(id) AS \"Value\" FROM items", true)]
    [InlineData("SELECT GRÖSSE(id) AS \"Value\" FROM items", true)]
    [InlineData("SELECT \"GrÖsse\"(id) AS \"Value\" FROM items", false)]
    [InlineData($"SELECT {LongName}(id) AS \"Value\" FROM items", true)]
    [InlineData("SELECT overloaded(id) AS \"Value\" FROM items", false)]
    [InlineData("SELECT reverse(id) AS \"Value\" FROM items", false)]
    [InlineData("SELECT pg_catalog.length(pg_catalog.reverse(name)) AS \"Value\" FROM items", true)]
    [InlineData("SELECT my_SUM(id)::int AS \"Value\" FROM items", true)]
    [InlineData("SELECT id AS \"Value\" FROM rows_up_to(3)", true)]
    [InlineData("SELECT id AS \"Value\" FROM ROWS_of_items(3)", false)]
    [InlineData("SELECT (My_Sum(id) OVER (ORDER BY id))::int AS \"Value\" FROM items", true)]
    [InlineData("SELECT id AS \"Value\" FROM twice", true)]
    [InlineData("SELECT id AS \"Value\" FROM other", false)]
    public async Task A_function_in_SQL(string sql, bool isCacheable)
        => await AssertAsync(isCacheable, db => db.Database.SqlQueryRaw<int>(sql).Cacheable().ToListAsync());

    [Fact]
    public async Task A_function_in_FROM()
    {
        await AssertAsync(true, db => ListAsync(db.RowsUpTo(3).Select(row => row.Id)));
        await AssertAsync(false, db => ListAsync(db.RowsOfItems(3).Select(row => row.Id)));
    }

    private static Task<List<int>> ListAsync(IQueryable<int> query) => query.Cacheable().ToListAsync();

    private async Task AssertAsync(bool isCacheable, Func<ItemContext, Task<List<int>>> query)
    {
        await using var plain = Open(null);
        var expected = (await query(plain)).Order();
        for (var i = 0; i < 2; i++)
        {
            await using var db = Open(_cache);
            IEnumerable<int> actual = [];
            var explanation = Assert.Single(await db.ExplainCacheAsync(async () => actual = (await query(db)).Order()));
            Assert.Equal(expected, actual);
            Assert.Equal(
                isCacheable ? i == 0 ? QueryCacheOutcome.Miss : QueryCacheOutcome.Hit : QueryCacheOutcome.Refused, explanation.Outcome);
            Assert.Equal(isCacheable ? null : RefusalReason.UnknownFunction, explanation.Refusal?.Reason);
        }
    }

    private ItemContext Open(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder<ItemContext>().UseNpgsql(_database.ConnectionString);
        return new ItemContext((cache is null ? options : options.AddSecondLevelCache(cache)).Options);
    }

    public class Item
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";
    }

    public static class Functions
    {
        public static int Folded(int value) => throw new NotSupportedException();

        public static int Quoted(int value) => throw new NotSupportedException();

        public static int QuotedByTheUser(int value) => throw new NotSupportedException();

        public static int InSchema(int value) => throw new NotSupportedException();

        public static int Cut(int value) => throw new NotSupportedException();

        public static int NotAscii(int value) => throw new NotSupportedException();

        public static int MappedToPostgres(int value) => throw new NotSupportedException();

        public static int FoldedAndStable(int value) => throw new NotSupportedException();

        public static int QuotedAndVolatile(int value) => throw new NotSupportedException();

        public static int BadOverload(int value) => throw new NotSupportedException();

        public static int OverloadOfPostgres(int value) => throw new NotSupportedException();
    }

    public sealed class ItemContext(DbContextOptions options) : DbContext(options)
    {
        public DbSet<Item> Items => Set<Item>();

        public IQueryable<Item> RowsUpTo(int value) => FromExpression(() => RowsUpTo(value));

        public IQueryable<Item> RowsOfItems(int value) => FromExpression(() => RowsOfItems(value));

        protected override void OnModelCreating(ModelBuilder model)
        {
            model.Entity<Item>(item =>
            {
                item.ToTable("items");
                item.Property(i => i.Id).HasColumnName("id");
                item.Property(i => i.Name).HasColumnName("name");
            });
            model.HasDbFunction(typeof(ItemContext).GetMethod(nameof(RowsUpTo))!).HasName("ROWS_Up_To").IsBuiltIn();
            model.HasDbFunction(typeof(ItemContext).GetMethod(nameof(RowsOfItems))!).HasName("Rows_Of_Items").IsBuiltIn();
            Map(nameof(Functions.Folded), "My_Twice");
            Map(nameof(Functions.QuotedByTheUser), "\"My_Other\"");
            Map(nameof(Functions.InSchema), "App.My_Other");
            Map(nameof(Functions.Cut), LongName);
            Map(nameof(Functions.NotAscii), "GRÖSSE");
            Map(nameof(Functions.FoldedAndStable), "My_Other");
            Map(nameof(Functions.BadOverload), "overloaded");
            Map(nameof(Functions.OverloadOfPostgres), "REVERSE");
            Map(nameof(Functions.Quoted), "My_Other", isBuiltIn: false);
            Map(nameof(Functions.QuotedAndVolatile), "My_Twice", isBuiltIn: false);
            Map(nameof(Functions.MappedToPostgres), "abs", isBuiltIn: false);

            void Map(string method, string name, bool isBuiltIn = true)
                => model.HasDbFunction(typeof(Functions).GetMethod(method)!).HasName(name).IsBuiltIn(isBuiltIn);
        }
    }
}
