using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Types;

/// <summary>What holds for the values of every type, as columns and as parameters.</summary>
public abstract class TypeSpecification(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    /// <summary>EF Core builds services anew for each that it can't tell to be the same.</summary>
    private DbContextOptions? _options;

    protected string ConnectionString => _database.ConnectionString;

    /// <summary>What the database needs before it has the types; null: it has them.</summary>
    protected virtual string? Setup => null;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        if (Setup is not { } setup)
            return;
        try
        {
            await _database.ExecuteAsync(setup);
        }
        catch (PostgresException missing) when (missing.SqlState is "0A000" or "58P01")
        {
            Assert.Skip($"The server has no such extension: {missing.MessageText}");
        }
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _database.DisposeAsync();
    }

    protected abstract void Configure(DbContextOptionsBuilder options);

    /// <summary>Everything that can be told of a value.</summary>
    protected abstract string TextOf(object value);

    /// <summary>Changes a value in place; false where nobody can.</summary>
    protected abstract bool TryChange(object value);

    protected async Task AssertCachedAsync<T>(string? storeType, params T[] values)
    {
        await using var cache = new SecondLevelCache();
        await using (var db = Open<T>(null, storeType))
        {
            await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS holders");
            await db.Database.ExecuteSqlRawAsync(db.Database.GenerateCreateScript());
            db.AddRange(values.Select((value, i) => new Holder<T> { Id = i, Value = value }));
            if (default(T) is null)
                db.Add(new Holder<T> { Id = values.Length });
            await db.SaveChangesAsync();
        }

        await AssertColumnAsync<T>(cache, storeType);
        await AssertParametersAsync(cache, storeType, values);
        Assert.Equal(0, cache.Statistics.Refusals);
    }

    /// <summary>A hit gives what the database gives, and what is done to it reaches nobody else.</summary>
    private async Task AssertColumnAsync<T>(SecondLevelCache cache, string? storeType)
    {
        var expected = await ReadAsync<T>(null, storeType, db => db.Holders.OrderBy(h => h.Id).AsNoTracking());
        for (var i = 0; i < 4; i++)
        {
            var isTracked = i == 3;
            var (texts, wasHit) = await CountHitsAsync(cache, () => ReadAsync<T>(
                cache, storeType, db => (isTracked ? db.Holders : db.Holders.AsNoTracking()).OrderBy(h => h.Id).Cacheable()));
            Assert.Equal(expected, texts);
            Assert.Equal(i > 0, wasHit);
        }
    }

    /// <summary>Each value finds its own rows, by LINQ and by SQL, and finds them again in the cache.</summary>
    private async Task AssertParametersAsync<T>(SecondLevelCache cache, string? storeType, T[] values)
    {
        foreach (var ofSql in (bool[])[false, true])
        {
            for (var round = 0; round < 2; round++)
            {
                foreach (var value in values)
                {
                    var expected = await FindAsync(null, value, ofSql);
                    Assert.NotEmpty(expected);
                    var (found, wasHit) = await CountHitsAsync(cache, () => FindAsync(cache, value, ofSql));
                    Assert.Equal(expected, found);
                    Assert.True(wasHit == (round > 0), $"{TextOf(value!)} by {(ofSql ? "SQL" : "LINQ")}, round {round}");
                }
            }
        }

        async Task<List<int>> FindAsync(SecondLevelCache? keptBy, T value, bool ofSql)
        {
            await using var db = Open<T>(keptBy, storeType);
            var rows = ofSql
                ? db.Holders.FromSql($"""SELECT * FROM holders h WHERE h."Value"::text = ({value})::text""").AsNoTracking()
                : Equal(db.Holders, value).AsNoTracking();
            return await (keptBy is null ? rows : rows.Cacheable()).Select(h => h.Id).OrderBy(id => id).ToListAsync();
        }
    }

    /// <summary>The rows with a value; not every type has an operator for that.</summary>
    protected virtual IQueryable<Holder<T>> Equal<T>(IQueryable<Holder<T>> rows, T value) => rows.Where(h => h.Value!.Equals(value));

    protected HolderContext<T> Open<T>(SecondLevelCache? cache, string? storeType)
    {
        if (_options is null)
        {
            var configured = new DbContextOptionsBuilder();
            Configure(configured);
            _options = configured.Options;
        }

        var options = new DbContextOptionsBuilder(_options)
            .ConfigureWarnings(warnings => warnings.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning));
        if (cache is not null)
            options.AddSecondLevelCache(cache);
        return new HolderContext<T>(options.Options, storeType);
    }

    private async Task<List<string>> ReadAsync<T>(
        SecondLevelCache? cache, string? storeType, Func<HolderContext<T>, IQueryable<Holder<T>>> query)
    {
        await using var db = Open<T>(cache, storeType);
        var holders = await query(db).ToListAsync();
        var texts = holders.ConvertAll(holder => holder.Value is null ? "null" : TextOf(holder.Value));
        foreach (var holder in holders.Where(holder => holder.Value is not null))
        {
            var before = TextOf(holder.Value!);
            if (TryChange(holder.Value!))
                Assert.NotEqual(before, TextOf(holder.Value!));
        }

        return texts;
    }

    private static async Task<(T Result, bool WasHit)> CountHitsAsync<T>(SecondLevelCache cache, Func<Task<T>> query)
    {
        var hits = cache.Statistics.Hits;
        var result = await query();
        return (result, cache.Statistics.Hits > hits);
    }
}
