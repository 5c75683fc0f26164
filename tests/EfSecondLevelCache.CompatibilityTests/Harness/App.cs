using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>
/// What a scenario has of its surroundings: a database, a way to make contexts with or without the cache, and somebody to tell what it sees.
/// </summary>
public sealed class App : IAsyncDisposable
{
    private readonly Scenarios _scenarios;
    private readonly SecondLevelCache? _cache;
    private readonly LoggerFactory _loggers;
    private readonly Lock _lock = new();
    private readonly List<DbContext> _contexts = [];
    private readonly List<NpgsqlDataSource> _dataSources = [];
    private readonly Dictionary<Type, object> _once = [];

    internal App(Scenarios scenarios, CacheUse use, SecondLevelCache? cache, Warnings warnings, string connectionString, string directConnectionString)
    {
        (_scenarios, Use, _cache, DirectConnectionString) = (scenarios, use, cache, directConnectionString);
        _loggers = new LoggerFactory([warnings]);
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = ApplicationName,
            IncludeErrorDetail = true,
            MaxPoolSize = 40,
        }.ConnectionString;
        Database = new NpgsqlConnectionStringBuilder(connectionString).Database!;
        Sights = new Sights(this);
    }

    /// <summary>Of all connections that the scenario opens.</summary>
    public const string ApplicationName = "app";

    /// <summary>To the database, over a wire that is looked at.</summary>
    public string ConnectionString { get; }

    /// <summary>To the database, for what is no part of the application.</summary>
    public string DirectConnectionString { get; }

    public string Database { get; }

    public CacheUse Use { get; }

    /// <summary>Null: the run without the cache. What a scenario does may not depend on it.</summary>
    public SecondLevelCache? Cache => _cache;

    /// <summary>0 the first time, 1 the second.</summary>
    public int Pass { get; internal set; }

    internal Sights Sights { get; private set; }

    /// <summary>The provider, and the cache where this run has one; for applications that make their options themselves.</summary>
    public DbContextOptionsBuilder Configure(DbContextOptionsBuilder options) => Configure(options, null);

    /// <param name="dataSource">Where the application has one.</param>
    /// <inheritdoc cref="Configure(DbContextOptionsBuilder)"/>
    public DbContextOptionsBuilder Configure(DbContextOptionsBuilder options, NpgsqlDataSource? dataSource)
    {
        Action<NpgsqlDbContextOptionsBuilder> npgsql = builder => _scenarios.Npgsql?.Invoke(builder);
        if (dataSource is null)
            options.UseNpgsql(ConnectionString, npgsql);
        else
            options.UseNpgsql(dataSource, npgsql);
        // The tests of one process have more kinds of options than an application.
        options.UseLoggerFactory(_loggers).ConfigureWarnings(warnings => warnings.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning));
        _scenarios.Options?.Invoke(options);
        return AddCache(options);
    }

    /// <summary>The cache alone, where this run has one.</summary>
    public DbContextOptionsBuilder AddCache(DbContextOptionsBuilder options) => _cache is null ? options : options.AddSecondLevelCache(_cache);

    public DbContextOptions<TContext> OptionsOf<TContext>(Action<DbContextOptionsBuilder>? more = null)
        where TContext : DbContext
    {
        var options = new DbContextOptionsBuilder<TContext>();
        more?.Invoke(options);
        Configure(options);
        return options.Options;
    }

    /// <summary>A context; the scenario disposes it.</summary>
    public TContext Open<TContext>(Action<DbContextOptionsBuilder>? more = null)
        where TContext : DbContext => Open<TContext>(OptionsOf<TContext>(more));

    public TContext Open<TContext>(DbContextOptions options)
        where TContext : DbContext => Watch((TContext)Activator.CreateInstance(typeof(TContext), options)!);

    /// <summary>Looks at the end whether the context has closed its connection.</summary>
    public TContext Watch<TContext>(TContext context)
        where TContext : DbContext
    {
        lock (_lock)
            _contexts.Add(context);
        return context;
    }

    /// <summary>A data source over the wire that is looked at.</summary>
    public NpgsqlDataSource DataSource(Action<NpgsqlDataSourceBuilder>? configure = null)
    {
        var builder = new NpgsqlDataSourceBuilder(ConnectionString);
        configure?.Invoke(builder);
        var source = builder.Build();
        _dataSources.Add(source);
        return source;
    }

    /// <summary>What an application keeps for all of its life, such as a compiled query: made the first time, one for each type.</summary>
    public T Once<T>(Func<T> make)
        where T : notnull
    {
        lock (_lock)
            return (T)(_once.TryGetValue(typeof(T), out var made) ? made : _once[typeof(T)] = make());
    }

    /// <summary>The query, marked where this application opts in.</summary>
    public IQueryable<T> Cached<T>(IQueryable<T> query) => Use is CacheUse.OptIn ? query.Cacheable() : query;

    /// <summary>What the application sees, to the last digit; it must be the same without the cache.</summary>
    public void Saw(string what, object? value) => Sights.Add(what, GraphText.Of(value));

    public void SawText(string what, string text) => Sights.Add(what, text);

    /// <summary>What a context tracks.</summary>
    public void SawTracked(DbContext context) => Sights.Add("tracked", GraphText.OfTracked(context));

    /// <summary>That something throws, and what.</summary>
    public async Task FailsAsync(string what, Func<Task> run)
    {
        try
        {
            await run();
            Sights.Add(what, "it did not throw");
        }
        catch (Exception fault)
        {
            Sights.Add(what, ExceptionText.Of(fault));
        }
    }

    /// <summary>The locks that the application holds at this moment, or waits for.</summary>
    public async Task SawLocksAsync(string what) => Sights.Add(what, await Locks.ReadAsync(DirectConnectionString));

    /// <summary>SQL of somebody else.</summary>
    public async Task ElsewhereAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(DirectConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var context in _contexts)
        {
            try
            {
                await context.DisposeAsync();
            }
            catch (InvalidOperationException)
            {
                // A scenario that was ended because it hangs leaves contexts at work, and that it hangs is what has to be told.
            }
        }

        foreach (var source in _dataSources)
            await source.DisposeAsync();
        await using (var pool = new NpgsqlConnection(ConnectionString))
            NpgsqlConnection.ClearPool(pool);
        _loggers.Dispose();
    }

    /// <summary>What is left when the scenario has ended.</summary>
    internal IReadOnlyList<string> OpenContexts()
    {
        lock (_lock)
        {
            string[] open = [.. _contexts.Select(ConnectionStateOf).OfType<string>()];
            _contexts.Clear();
            return open;
        }
    }

    internal Sights TakeSights()
    {
        var sights = Sights;
        Sights = new Sights(this);
        return sights;
    }

    // A pooled context that was given back, or one that is disposed, has no connection to ask for.
    private static string? ConnectionStateOf(DbContext context)
    {
        try
        {
            var state = context.Database.GetDbConnection().State;
            return state is System.Data.ConnectionState.Closed ? null : $"{context.GetType().Name}: {state}";
        }
        catch (Exception fault) when (fault is ObjectDisposedException or InvalidOperationException)
        {
            return null;
        }
    }
}
