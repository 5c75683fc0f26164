using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>What PostgreSQL's catalog tells beside the model: what else a write changes, what else a query reads, and what rules caching out.</summary>
public sealed class CatalogTests(PostgresServer server) : IAsyncLifetime
{
    private const string Schema =
        """
        CREATE EXTENSION citext;
        CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
        CREATE TABLE details (id int PRIMARY KEY, item_id int REFERENCES items ON DELETE CASCADE, name text NOT NULL);
        CREATE TABLE others (id int PRIMARY KEY, name text NOT NULL);
        CREATE TABLE logs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
        CREATE VIEW named_items AS SELECT id, name FROM items;
        CREATE VIEW views_of_views AS SELECT id, name FROM named_items;
        CREATE VIEW recent_items AS SELECT id, name FROM items WHERE now() > '2000-01-01';
        CREATE MATERIALIZED VIEW stored_items AS SELECT id, name FROM items;
        CREATE TABLE parts (id int, name text NOT NULL) PARTITION BY RANGE (id);
        CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (100);
        CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (100) TO (200);
        CREATE TABLE words (id int PRIMARY KEY, name citext NOT NULL);
        CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE collated (id int PRIMARY KEY, name text COLLATE blind NOT NULL);
        CREATE TABLE padded (id int PRIMARY KEY, name character(5) NOT NULL);
        CREATE FUNCTION doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
        CREATE FUNCTION counted() RETURNS int LANGUAGE sql STABLE AS 'SELECT count(*)::int FROM items';
        CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL);
        ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY mine ON tenants USING (name = current_setting('app.tenant', true));
        INSERT INTO items VALUES (1, 'one'), (2, 'two');
        INSERT INTO details VALUES (1, 1, 'first'), (2, 2, 'second');
        INSERT INTO others VALUES (1, 'other');
        INSERT INTO parts VALUES (1, 'low'), (101, 'high');
        INSERT INTO words VALUES (1, 'Word'), (2, 'Other');
        INSERT INTO collated VALUES (1, 'Word'), (2, 'Other');
        INSERT INTO tenants VALUES (1, 'a');
        INSERT INTO padded VALUES (1, 'ab');
        """;

    private readonly SecondLevelCache _cache = new();
    private PostgresDatabase _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await ExecuteAsync(Schema);
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Theory]
    [InlineData("named_items")]
    [InlineData("views_of_views")]
    public async Task A_view_depends_on_the_tables_behind_it(string view)
    {
        await AssertDependsAsync(db => db.Set<Named>(view), "items", on: true);
        await AssertDependsAsync(db => db.Set<Named>(view), "others", on: false);
    }

    [Fact]
    public async Task Raw_SQL_depends_on_what_its_names_are_in_the_database()
    {
        await AssertDependsAsync(db => db.Set<Named>("items").FromSqlRaw("SELECT id, name FROM named_items"), "items", on: true);
        await AssertDependsAsync(db => db.Set<Named>("items").FromSqlRaw("SELECT id, name FROM named_items"), "others", on: false);
    }

    [Fact]
    public async Task A_delete_reaches_what_the_databases_foreign_keys_delete()
    {
        await ReadAsync(db => db.Set<Named>("details"));
        await using var db = Open();
        await db.Set<Named>("items").Where(i => i.Id == 2).ExecuteDeleteAsync();
        Assert.False(await IsHitAsync(d => d.Set<Named>("details")));
    }

    [Fact]
    public async Task A_write_of_a_partition_reaches_its_root_and_the_other_way_round()
    {
        await AssertDependsAsync(db => db.Set<Named>("parts"), "parts_low", on: true, id: 2);
        await AssertDependsAsync(db => db.Set<Named>("parts_low"), "parts", on: true, id: 3);
        await AssertDependsAsync(db => db.Set<Named>("parts_low"), "parts_high", on: false, id: 102);
    }

    [Fact]
    public async Task A_row_of_a_partition_is_a_row_of_its_root()
    {
        Assert.False(await IsHitAsync(One));
        await SaveAsync("parts_low", 1);
        Assert.False(await IsHitAsync(One));
        await SaveAsync("parts_high", 101);
        Assert.True(await IsHitAsync(One));

        static IQueryable<Named> One(CatalogContext db) => db.Set<Named>("parts").Where(p => p.Id == 1);
    }

    [Fact]
    public async Task A_trigger_that_may_write_any_table_makes_a_write_reach_all_of_them()
    {
        await ExecuteAsync(
            """
            CREATE FUNCTION write_elsewhere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE others SET name = name'; RETURN NULL; END $$;
            CREATE TRIGGER elsewhere AFTER UPDATE ON items FOR EACH ROW EXECUTE FUNCTION write_elsewhere();
            """);
        Assert.False(await IsHitAsync(db => db.Set<Named>("others")));
        await SaveAsync("items", 1);
        Assert.False(await IsHitAsync(db => db.Set<Named>("others")));
    }

    [Theory]
    [InlineData("words")]
    [InlineData("collated")]
    public async Task Text_that_equals_what_looks_different_depends_on_the_whole_table(string table)
    {
        Assert.False(await IsHitAsync(Word));
        await SaveAsync(table, 2, "WORD");
        Assert.False(await IsHitAsync(Word));

        IQueryable<Named> Word(CatalogContext db) => db.Set<Named>(table).Where(w => w.Name == "word");
    }

    [Theory]
    [InlineData("words")]
    [InlineData("collated")]
    public async Task Values_do_not_travel_through_such_a_column(string table)
    {
        await ExecuteAsync("INSERT INTO items VALUES (3, 'x')");
        Assert.False(await IsHitAsync(Joined));
        await SaveAsync("items", 3, "WORD");
        Assert.False(await IsHitAsync(Joined));

        IQueryable<Named> Joined(CatalogContext db)
            => from word in db.Set<Named>(table)
               join item in db.Set<Named>("items") on word.Name equals item.Name
               where word.Name == "word"
               select item;
    }

    /// <summary>The driver sends such a value without its blanks.</summary>
    [Fact]
    public async Task A_padded_value_is_looked_up_as_it_is_sent()
    {
        var name = "ab  ";
        Assert.False(await IsHitAsync(Padded));
        Assert.True(await IsHitAsync(Padded));

        IQueryable<Named> Padded(CatalogContext db) => db.Set<Named>("padded").Where(p => p.Name == name);
    }

    [Theory]
    [InlineData("recent_items", RefusalReason.UnknownFunction)]
    [InlineData("stored_items", RefusalReason.UntoldChanges)]
    public async Task What_nobody_tells_of_is_refused_unless_it_is_stated(string relation, RefusalReason reason)
    {
        Assert.Equal(reason, await RefusalAsync(db => db.Set<Named>(relation)));
        await AssertDependsAsync(db => db.Set<Named>(relation), "others", on: true, dependsOn: "others");
    }

    [Fact]
    public async Task Row_level_security_is_refused_unless_the_key_varies()
    {
        await ExecuteAsync($"CREATE ROLE {_database.Name}_r LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {_database.Name}_r");
        var user = new NpgsqlConnectionStringBuilder(_database.ConnectionString) { Username = $"{_database.Name}_r", Password = "x" }.ConnectionString;
        try
        {
            Assert.Equal(RefusalReason.RowSecurity, await RefusalAsync(db => db.Set<Named>("tenants"), user));
            Assert.Null(await RefusalAsync(db => db.Set<Named>("items"), user));

            await using var varying = new SecondLevelCache(cache => cache.VaryBy(_ => "a"));
            await using var db = Open(user, varying);
            await db.Set<Named>("tenants").Cacheable().ToListAsync();
            Assert.Equal(1, varying.Statistics.Fills);
        }
        finally
        {
            NpgsqlConnection.ClearAllPools();
            await ExecuteAsync($"DROP OWNED BY {_database.Name}_r; DROP ROLE {_database.Name}_r");
        }
    }

    [Fact]
    public async Task A_function_of_the_users_is_refused_unless_it_is_immutable()
    {
        Assert.Null(await RefusalAsync(db => db.Set<Named>("items").Where(i => CatalogContext.Doubled(i.Id) == 2)));
        Assert.Equal(RefusalReason.UnknownFunction, await RefusalAsync(db => db.Set<Named>("items").Where(i => CatalogContext.Counted() == 2)));
        Assert.Null(await RefusalAsync(db => db.Set<Named>("items").FromSqlRaw("SELECT id, name FROM items WHERE doubled(id) = 2")));
        Assert.Equal(RefusalReason.UnknownFunction, await RefusalAsync(
            db => db.Set<Named>("items").FromSqlRaw("SELECT id, name FROM items WHERE counted() = 2")));
    }

    [Fact]
    public async Task DDL_through_EF_Core_is_seen_at_once()
    {
        Assert.False(await IsHitAsync(db => db.Set<Named>("named_items")));
        await using (var db = Open())
            await db.Database.ExecuteSqlRawAsync("CREATE OR REPLACE VIEW named_items AS SELECT id, name FROM others");

        await AssertDependsAsync(db => db.Set<Named>("named_items"), "others", on: true);
    }

    [Fact]
    public async Task DDL_of_others_is_seen_when_the_catalog_is_compared_the_next_time()
    {
        var time = new FakeTimeProvider();
        await using var cache = new SecondLevelCache(c => c.UseTimeProvider(time).DefaultTimeToLive(TimeSpan.FromDays(1)));
        await ReadAsync(cache);
        await ExecuteAsync("CREATE OR REPLACE VIEW named_items AS SELECT id, name FROM others");
        time.Advance(TimeSpan.FromMinutes(1));
        await using (var db = Open(cache: cache))
            await db.Set<Named>("details").Cacheable().ToListAsync();

        Assert.Equal("other", await ReadAsync(cache));

        async Task<string> ReadAsync(SecondLevelCache cache)
        {
            await using var db = Open(cache: cache);
            return (await db.Set<Named>("named_items").OrderBy(n => n.Id).Cacheable().ToListAsync())[0].Name;
        }
    }

    [Fact]
    public async Task Without_rights_to_the_catalog_every_write_removes_everything()
    {
        await ExecuteAsync("REVOKE SELECT ON pg_catalog.pg_trigger FROM PUBLIC");
        await ExecuteAsync($"CREATE ROLE {_database.Name}_p LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {_database.Name}_p");
        var user = new NpgsqlConnectionStringBuilder(_database.ConnectionString) { Username = $"{_database.Name}_p", Password = "x" }.ConnectionString;
        try
        {
            Assert.False(await IsHitAsync(One, user));
            Assert.True(await IsHitAsync(One, user));
            await using (var db = Open(user))
            {
                db.Set<Named>("others").Attach(new Named { Id = 1, Name = "x" }).State = EntityState.Modified;
                await db.SaveChangesAsync();
            }

            Assert.False(await IsHitAsync(One, user));
            Assert.Equal(RefusalReason.UnknownFunction, await RefusalAsync(db => db.Set<Named>("items").Where(i => CatalogContext.Doubled(i.Id) == 2), user));
        }
        finally
        {
            NpgsqlConnection.ClearAllPools();
            await ExecuteAsync($"DROP OWNED BY {_database.Name}_p; DROP ROLE {_database.Name}_p");
        }

        static IQueryable<Named> One(CatalogContext db) => db.Set<Named>("items").Where(i => i.Id == 1);
    }

    /// <summary>Whether a write of a table removes what a query returned.</summary>
    private async Task AssertDependsAsync(
        Func<CatalogContext, IQueryable<Named>> query, string table, bool on, int id = 1, string? dependsOn = null)
    {
        await IsHitAsync(query, dependsOn: dependsOn);
        Assert.True(await IsHitAsync(query, dependsOn: dependsOn));
        await using (var db = Open())
        {
            var sql = $"INSERT INTO {table} VALUES ({id}, 'new') ON CONFLICT DO NOTHING; UPDATE {table} SET name = 'new'";
            await db.Database.ExecuteSqlRawAsync(sql);
        }

        Assert.Equal(!on, await IsHitAsync(query, dependsOn: dependsOn));
    }

    private async Task SaveAsync(string table, int id, string name = "new")
    {
        await using var db = Open();
        (await db.Set<Named>(table).SingleAsync(n => n.Id == id)).Name = name;
        await db.SaveChangesAsync();
    }

    private Task ReadAsync(Func<CatalogContext, IQueryable<Named>> query) => IsHitAsync(query);

    private async Task<bool> IsHitAsync(
        Func<CatalogContext, IQueryable<Named>> query, string? connectionString = null, string? dependsOn = null)
    {
        await using var db = Open(connectionString);
        var hits = _cache.Statistics.Hits;
        var marked = dependsOn is null ? query(db).Cacheable() : query(db).Cacheable(q => q.DependsOn(dependsOn));
        var cached = await marked.ToListAsync();
        await using var plain = new CatalogContext(
            new DbContextOptionsBuilder().UseNpgsql(connectionString ?? _database.ConnectionString).Options);
        Assert.Equal(GraphText.Of(await query(plain).ToListAsync()), GraphText.Of(cached));
        return _cache.Statistics.Hits > hits;
    }

    private async Task<RefusalReason?> RefusalAsync(Func<CatalogContext, IQueryable<Named>> query, string? connectionString = null)
    {
        await using var db = Open(connectionString);
        return Assert.Single(await db.ExplainCacheAsync(() => query(db).Cacheable().ToListAsync())).Refusal?.Reason;
    }

    private CatalogContext Open(string? connectionString = null, SecondLevelCache? cache = null)
        => new(new DbContextOptionsBuilder().UseNpgsql(connectionString ?? _database.ConnectionString).AddSecondLevelCache(cache ?? _cache).Options);

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(_database.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
        await connection.ReloadTypesAsync();
    }

    private sealed class CatalogContext(DbContextOptions options) : DbContext(options)
    {
        private static readonly string[] Tables = ["items", "details", "others", "parts", "parts_low", "parts_high", "words", "collated", "tenants", "padded"];
        private static readonly string[] Views = ["named_items", "views_of_views", "recent_items", "stored_items"];

        public static int Doubled(int value) => throw new NotSupportedException($"{value}");

        public static int Counted() => throw new NotSupportedException();

        protected override void OnModelCreating(ModelBuilder modelBuilder)
        {
            foreach (var name in Tables)
                Map(name, entity => entity.ToTable(name));
            foreach (var name in Views)
                Map(name, entity => entity.ToView(name));
            modelBuilder.SharedTypeEntity<Named>("padded").Property(e => e.Name).HasColumnType("character(5)");
            modelBuilder.HasDbFunction(() => Doubled(0)).HasName("doubled");
            modelBuilder.HasDbFunction(() => Counted()).HasName("counted");

            void Map(string name, Action<Microsoft.EntityFrameworkCore.Metadata.Builders.EntityTypeBuilder<Named>> to)
                => modelBuilder.SharedTypeEntity<Named>(name, entity =>
                {
                    to(entity);
                    entity.Property(e => e.Id).HasColumnName("id").ValueGeneratedNever();
                    entity.Property(e => e.Name).HasColumnName("name");
                });
        }
    }

    private sealed class Named
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";
    }
}
