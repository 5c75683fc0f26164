using System.Runtime.CompilerServices;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>One run of an attack: a fresh database, contexts of the application on it, and what they answer.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private const string Template = "adversary";

    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(50);

    private readonly PostgresServer _server;
    private readonly PostgresDatabase _database;
    private readonly bool _withCache;
    private readonly Watch _watch;
    private readonly List<AttackAnswer> _answers = [];
    private readonly SortedDictionary<int, SecondLevelCache> _caches = [];
    private readonly Stack<Func<Task>> _cleanUps = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private Stage(PostgresServer server, PostgresDatabase database, Attack attack, bool withCache)
        => (_server, _database, _withCache, _watch) = (server, database, withCache, attack.Watch);

    /// <summary>Of the caches that are made from now on.</summary>
    public Action<SecondLevelCacheOptionsBuilder> Options { get; set; } = cache => cache.CacheAllQueries();

    /// <summary>Of a superuser, who owns everything.</summary>
    public string ConnectionString => _database.ConnectionString;

    public string Database => _database.Name;

    public bool HasCache => _withCache;

    /// <summary>The role for which <c>{role}</c> stands: it may read and write the tables, and owns nothing.</summary>
    public string Role => $"{_database.Name}_role";

    public string RoleConnectionString => With(settings => (settings.Username, settings.Password) = (Role, "role"));

    public static async Task<Play> PlayAsync(PostgresServer server, Attack attack, bool withCache)
    {
        var database = await server.CreateDatabaseAsync(Template, AttackContext.CreateTablesAsync);
        await using var stage = new Stage(server, database, attack, withCache);
        Exception? fault = null;
        try
        {
            await stage.SetUpAsync(attack);
            await attack.Steps(stage);
        }
        catch (Exception any)
        {
            fault = any;
        }

        return new Play(stage._answers, fault, [.. stage._caches.Values.Select(cache => cache.Statistics)]);
    }

    public string With(Action<NpgsqlConnectionStringBuilder> configure)
    {
        var settings = new NpgsqlConnectionStringBuilder(ConnectionString);
        configure(settings);
        return settings.ConnectionString;
    }

    /// <summary>Another database, with the tables of every attack: its items bear other names.</summary>
    public async Task<string> CreateOtherDatabaseAsync()
    {
        var other = await _server.CreateDatabaseAsync(Template, AttackContext.CreateTablesAsync);
        CleanUp(() => other.DisposeAsync().AsTask());
        await other.ExecuteAsync("UPDATE items SET name = 'other ' || name");
        return other.ConnectionString;
    }

    public void CleanUp(Func<Task> after) => _cleanUps.Push(after);

    /// <summary>Of the application.</summary>
    /// <param name="to">Its connection string; null: of the owner.</param>
    /// <param name="with">What else its options have.</param>
    /// <param name="provider">In the place of a connection string.</param>
    /// <param name="cache">Which of the caches of the process it has; 0: none.</param>
    public AttackContext Open(
        string? to = null, Action<DbContextOptionsBuilder>? with = null, Action<DbContextOptionsBuilder>? provider = null, int cache = 1)
    {
        var options = new DbContextOptionsBuilder<AttackContext>();
        if (provider is null)
            options.UseNpgsql(to ?? ConnectionString);
        else
            provider(options);
        if (_withCache && cache > 0)
            options.AddSecondLevelCache(CacheOf(cache));
        with?.Invoke(options);
        return new AttackContext(options.Options);
    }

    /// <summary>Somebody else, with psql.</summary>
    public async Task Sql(string sql, string? to = null)
    {
        await using var connection = new NpgsqlConnection(to ?? ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(Fill(sql), connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The application reads over a context that is made for it.</summary>
    public async Task Read<T>(Func<AttackContext, IQueryable<T>> query, [CallerArgumentExpression(nameof(query))] string step = "")
    {
        await using var db = Open();
        await Read(db, query, step);
    }

    /// <summary>In whatever order the rows come.</summary>
    public Task Read<T>(AttackContext db, Func<AttackContext, IQueryable<T>> query, [CallerArgumentExpression(nameof(query))] string step = "")
        => Ask(db, async context => string.Join('\n', (await query(context).ToListAsync()).Select(row => GraphText.Of(row)).Order(StringComparer.Ordinal)), step);

    public async Task Ask<T>(Func<AttackContext, Task<T>> question, [CallerArgumentExpression(nameof(question))] string step = "")
    {
        await using var db = Open();
        await Ask(db, question, step);
    }

    public Task Ask<T>(AttackContext db, Func<AttackContext, Task<T>> question, [CallerArgumentExpression(nameof(question))] string step = "")
        => RecordAsync(db, async context => GraphText.Of(await question(context)), step, mayFail: false);

    /// <summary>The same where the database refuses: its error is the answer.</summary>
    public Task Fail<T>(AttackContext db, Func<AttackContext, IQueryable<T>> query, [CallerArgumentExpression(nameof(query))] string step = "")
        => RecordAsync(db, async context => GraphText.Of(await query(context).ToListAsync()), step, mayFail: true);

    public async Task Fail<T>(Func<AttackContext, IQueryable<T>> query, [CallerArgumentExpression(nameof(query))] string step = "")
    {
        await using var db = Open();
        await Fail(db, query, step);
    }

    /// <summary>The application reads, and nobody looks at what: it fills the cache, or is within a bound.</summary>
    public async Task Warm<T>(Func<AttackContext, IQueryable<T>> query)
    {
        await using var db = Open();
        await Warm(db, query);
    }

    public async Task Warm<T>(AttackContext db, Func<AttackContext, IQueryable<T>> query) => await query(db).ToListAsync();

    /// <summary>The application does something: writes, mostly.</summary>
    public async Task Do(Func<AttackContext, Task> action, [CallerArgumentExpression(nameof(action))] string step = "")
    {
        await using var db = Open();
        await Do(db, action, step);
    }

    public Task Do(AttackContext db, Func<AttackContext, Task> action, [CallerArgumentExpression(nameof(action))] string step = "")
        => RecordAsync(db, async context =>
        {
            await action(context);
            return "done";
        }, step, mayFail: false);

    /// <summary>What others have done by now is past every bound that is stated: it must have been noticed.</summary>
    public async Task Settle()
    {
        if (_watch is not Watch.Nobody)
        {
            foreach (var source in _caches.Values.SelectMany(cache => cache.ActiveSources.All))
                await source.CatchUpAsync(TestContext.Current.CancellationToken);
            return;
        }

        for (var second = 0; second < 12; second++)
            await Pass(TimeSpan.FromSeconds(1));
        await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    /// <summary>Time of the cache passes. With a change source that is the real one.</summary>
    public async Task Pass(TimeSpan time)
    {
        _time.Advance(time);
        if (_watch is not Watch.Nobody)
            await Task.Delay(time, TestContext.Current.CancellationToken);
    }

    /// <summary>Something that the application asks of its cache; nothing without one.</summary>
    public Task Cache(Func<SecondLevelCache, ValueTask> ask, int cache = 1) => _withCache ? ask(CacheOf(cache)).AsTask() : Task.CompletedTask;

    /// <summary>Waits until a question has the same answer here and there.</summary>
    public Task UntilSameAsync(string sql, string there)
        => Eventually.TrueAsync(async () => await AskAsync(sql, ConnectionString) == await AskAsync(sql, there), sql);

    public async ValueTask DisposeAsync()
    {
        foreach (var cache in _caches.Values)
            await cache.DisposeAsync();
        while (_cleanUps.TryPop(out var cleanUp))
            await cleanUp();
        await _database.DisposeAsync();
        await _server.ExecuteAsync($"DROP ROLE IF EXISTS {Role}");
    }

    private async Task SetUpAsync(Attack attack)
    {
        // Roles are the server's, and the name of the database is in that of this one.
        if (attack.SetUp.Contains("{role}", StringComparison.Ordinal))
            await Sql("CREATE ROLE {role} LOGIN PASSWORD 'role'; GRANT USAGE ON SCHEMA public, t1, t2 TO {role}");
        if (attack.SetUp.Length > 0)
            await Sql(attack.SetUp);
        if (attack.SetUp.Contains("{role}", StringComparison.Ordinal))
            await Sql("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public, t1, t2 TO {role}");
        if (_watch is Watch.Nobody || !_withCache)
            return;
        await using var db = Open();
        await db.Database.EnsureChangeCaptureAsync();
        await CacheOf(1).WaitUntilLiveAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private SecondLevelCache CacheOf(int number)
        => _caches.TryGetValue(number, out var cache) ? cache : _caches[number] = new SecondLevelCache(Configure);

    private void Configure(SecondLevelCacheOptionsBuilder cache)
    {
        Options(cache);
        // A source tells in real time.
        if (_watch is Watch.Nobody)
            cache.UseTimeProvider(_time);
        else if (_watch is Watch.Notifications)
            cache.UseNotifications(source => source.HeartbeatInterval(Heartbeat));
        else
            cache.UseLogicalReplication(source => source.HeartbeatInterval(Heartbeat));
    }

    private async Task RecordAsync(AttackContext db, Func<AttackContext, Task<string>> step, string text, bool mayFail)
    {
        try
        {
            _answers.Add(new AttackAnswer(text, await step(db), null));
        }
        catch (Exception failure)
        {
            var root = failure is DbUpdateException { InnerException: { } inner } ? inner : failure;
            var message = root is PostgresException { SqlState: var state, MessageText: var error } ? $"{state} {error}" : root.Message;
            _answers.Add(new AttackAnswer(text, $"{root.GetType().Name}: {message}".Replace(Database, "{db}", StringComparison.Ordinal), mayFail ? null : failure));
        }
    }

    private static async Task<string> AskAsync(string sql, string to)
    {
        await using var connection = new NpgsqlConnection(to);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return $"{await command.ExecuteScalarAsync()}";
    }

    private string Fill(string sql) => sql.Replace("{role}", Role, StringComparison.Ordinal).Replace("{db}", Database, StringComparison.Ordinal);
}
