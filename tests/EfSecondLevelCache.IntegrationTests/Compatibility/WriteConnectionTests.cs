using System.Data;
using System.Data.Common;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>However a write fails, its connection is back in the pool, as without the cache, and the exception is the one without the cache.</summary>
public sealed class WriteConnectionTests(FootprintDatabase database) : IClassFixture<FootprintDatabase>, IAsyncLifetime
{
    private static readonly Dictionary<string, Func<FootprintContext, bool, CancellationToken, Task>> Writes = new()
    {
        ["SaveChanges"] = (db, async, token) => SaveAsync(db, async, token, "blog 1"),
        ["SaveChanges of several"] = (db, async, token) =>
        {
            db.Add(new FootprintTag { Name = "new" });
            return SaveAsync(db, async, token, "blog 1");
        },
        ["ExecuteUpdate"] = async (db, async, token) =>
        {
            if (async)
                await db.Blogs.Where(b => b.Id == 1).ExecuteUpdateAsync(set => set.SetProperty(b => b.Code, "code 2"), token);
            else
                db.Blogs.Where(b => b.Id == 1).ExecuteUpdate(set => set.SetProperty(b => b.Code, "code 2"));
        },
        ["ExecuteSql"] = async (db, async, token) =>
        {
            if (async)
                await db.Database.ExecuteSqlRawAsync(Sql, token);
            else
                db.Database.ExecuteSqlRaw(Sql);
        },
        ["FromSql that writes"] = async (db, async, token) =>
        {
            if (async)
                await db.Tags.FromSqlRaw(Returning).ToListAsync(token);
            else
                _ = db.Tags.FromSqlRaw(Returning).ToList();
        },
        ["scalar"] = async (db, async, token) =>
        {
            var command = db.GetService<IRawSqlCommandBuilder>().Build($"{Sql} RETURNING 1");
            var parameters = new RelationalCommandParameterObject(db.GetService<IRelationalConnection>(), null, null, db, null);
            if (async)
                await command.ExecuteScalarAsync(parameters, token);
            else
                command.ExecuteScalar(parameters);
        },
    };

    private const string Sql = """UPDATE blogs SET "Code" = 'code 2' WHERE "Id" = 1""";

    private const string Returning = $"""{Sql} RETURNING "Id", "Name" """;

    private readonly SecondLevelCache _cache = new(c => c.UniformSessions());
    private WireTap _tap = null!;

    public async ValueTask InitializeAsync()
    {
        await database.ResetAsync();
        _tap = new WireTap($"{database.ConnectionString};Maximum Pool Size=1;Timeout=1;Cancellation Timeout=2000");
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        await _tap.DisposeAsync();
    }

    public static TheoryData<string, string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, bool>();
            foreach (var write in Writes.Keys)
            {
                foreach (var failure in (string[])["refused by the server", "timeout", "no server", "no connection in the pool", "creating", "executing", "opening", "opened"])
                {
                    cases.Add(write, failure, true);
                    cases.Add(write, failure, false);
                }

                foreach (var failure in (string[])["cancelled before", "cancelled on its way"])
                    cases.Add(write, failure, true);
            }

            return [.. FullRun.Of(cases, oneIn: 5)];
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_write_that_fails_leaves_no_connection_open(string write, string failure, bool async)
    {
        var plain = await FailAsync(null, write, failure, async);
        await database.ResetAsync();
        var cold = await FailAsync(_cache, write, failure, async, outdated: true);
        await database.ResetAsync();
        var known = await FailAsync(_cache, write, failure, async);
        Assert.Equal((plain, plain), (cold, known));
    }

    /// <summary>Where a write has the catalog read first, that is cancelled with it.</summary>
    [Theory]
    [InlineData("SaveChanges")]
    [InlineData("SaveChanges of several")]
    [InlineData("ExecuteUpdate")]
    [InlineData("ExecuteSql")]
    [InlineData("scalar")]
    public async Task A_write_that_is_cancelled_while_the_catalog_is_read_leaves_no_connection_open(string write)
    {
        await using var db = Open(_cache);
        await PrepareAsync(db, outdated: true);
        db.ChangeTracker.Clear();
        using var hold = _tap.HoldAnswerTo(statement => statement.StartsWith(CatalogReader.Mark, StringComparison.Ordinal));
        using var cancellation = new CancellationTokenSource();
        var writing = Writes[write](db, true, cancellation.Token);
        await hold.Reached;
        await cancellation.CancelAsync();
        hold.Release();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing);

        Assert.Equal(ConnectionState.Closed, db.Database.GetDbConnection().State);
        await AssertPoolIsFreeAsync();
    }

    [Fact]
    public async Task Of_many_writes_that_are_cancelled_at_any_moment_none_keeps_its_connection()
    {
        var contexts = Enumerable.Range(0, 32).Select(_ => database.Open(_cache, $"{database.ConnectionString};Maximum Pool Size=8")).ToArray();
        await PrepareAsync(contexts[0], outdated: true);
        contexts[0].ChangeTracker.Clear();
        await Task.WhenAll(contexts.Select(async (db, i) =>
        {
            using var cancellation = new CancellationTokenSource();
            cancellation.CancelAfter(TimeSpan.FromMicroseconds(i * 200));
            try
            {
                await SaveAsync(db, true, cancellation.Token, "blog 3");
            }
            catch (Exception e) when (e is OperationCanceledException or DbUpdateException)
            {
            }
        }));

        Assert.All(contexts, db => Assert.Equal(ConnectionState.Closed, db.Database.GetDbConnection().State));
        foreach (var db in contexts)
            await db.DisposeAsync();
    }

    [Fact]
    public async Task A_write_that_never_reaches_the_server_removes_nothing()
    {
        await using var db = Open(_cache);
        await PrepareAsync(db, outdated: false);
        await _tap.InterruptAsync();
        // The pool may still hand out the one that was cut; then it breaks on its way, and nobody knows.
        NpgsqlConnection.ClearAllPools();
        foreach (var write in Writes.Values)
        {
            db.ChangeTracker.Clear();
            await Assert.ThrowsAnyAsync<Exception>(() => write(db, true, CancellationToken.None));
            var hits = _cache.Statistics.Hits;
            await ReadAsync(db);
            Assert.Equal(hits + 1, _cache.Statistics.Hits);
        }

        _tap.Resume();
    }

    [Fact]
    public async Task A_scalar_that_writes_removes_what_depends_on_it()
    {
        await using var db = Open(_cache);
        await PrepareAsync(db, outdated: false);
        await db.GetService<IRawSqlCommandBuilder>().Build("""UPDATE blogs SET "Name" = 'by scalar' WHERE "Id" = 1 RETURNING 1""")
            .ExecuteScalarAsync(new RelationalCommandParameterObject(db.GetService<IRelationalConnection>(), null, null, db, null), TestContext.Current.CancellationToken);
        Assert.Contains("by scalar", (await ReadAsync(db)).Select(b => b.Name));

        // What EF Core itself asks so.
        var hits = _cache.Statistics.Hits;
        Assert.True(await db.GetService<IRelationalDatabaseCreator>().HasTablesAsync(TestContext.Current.CancellationToken));
        await ReadAsync(db);
        Assert.Equal(hits + 1, _cache.Statistics.Hits);
    }

    /// <returns>What the write threw.</returns>
    private async Task<string> FailAsync(SecondLevelCache? cache, string write, string failure, bool async, bool outdated = false)
    {
        var faulty = new Faulty();
        await using var db = Open(cache, faulty);
        if (cache is not null)
            await PrepareAsync(db, outdated);
        db.ChangeTracker.Clear();
        NpgsqlConnection.ClearAllPools();
        faulty.Failure = failure;
        using var cancellation = new CancellationTokenSource();
        await using var other = await database.ConnectAsync();
        await using var blocking = await BlockAsync(other, failure is "timeout" or "cancelled on its way");
        if (failure is "timeout")
            db.Database.SetCommandTimeout(1);
        if (failure is "cancelled before")
            await cancellation.CancelAsync();
        if (failure is "no server")
            await _tap.InterruptAsync();
        await using var only = new NpgsqlConnection(_tap.ConnectionString);
        if (failure is "no connection in the pool")
            await only.OpenAsync();

        var writing = Task.Run(() => Writes[write](db, async, cancellation.Token));
        if (failure is "cancelled on its way")
        {
            await UntilSomebodyWaitsAsync();
            await cancellation.CancelAsync();
        }

        var thrown = await Record.ExceptionAsync(() => writing);
        Assert.NotNull(thrown);
        var state = db.Database.GetDbConnection().State;
        await only.CloseAsync();
        if (failure is "no server")
            _tap.Resume();
        if (state is ConnectionState.Closed)
            await AssertPoolIsFreeAsync();
        return $"{state} {thrown.GetType().Name} {thrown.InnerException?.GetType().Name} {(thrown as PostgresException ?? thrown.InnerException as PostgresException)?.SqlState}";
    }

    private static async Task<DbTransaction?> BlockAsync(NpgsqlConnection other, bool blocks)
    {
        if (!blocks)
            return null;
        var transaction = await other.BeginTransactionAsync();
        await using var command = new NpgsqlCommand("LOCK blogs", other);
        await command.ExecuteNonQueryAsync();
        return transaction;
    }

    private async Task UntilSomebodyWaitsAsync()
    {
        await using var connection = await database.ConnectAsync();
        await using var waiting = new NpgsqlCommand(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')", connection);
        await Eventually.TrueAsync(async () => (bool)(await waiting.ExecuteScalarAsync())!);
    }

    private static async Task PrepareAsync(FootprintContext db, bool outdated)
    {
        await FootprintDatabase.WarmAsync(db);
        await ReadAsync(db);
        if (outdated)
            await db.Database.ExecuteSqlRawAsync("CREATE TABLE IF NOT EXISTS unrelated ()");
    }

    private static Task<List<FootprintBlog>> ReadAsync(FootprintContext db)
        => db.Blogs.AsNoTracking().OrderBy(b => b.Id).Cacheable().ToListAsync();

    private async Task AssertPoolIsFreeAsync()
    {
        // A busy machine may take longer than this string's timeout; a connection that was kept is never there.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = new NpgsqlConnection(_tap.ConnectionString);
                await connection.OpenAsync();
                await using var command = new NpgsqlCommand("SELECT 1", connection);
                Assert.Equal(1, await command.ExecuteScalarAsync());
                return;
            }
            catch (NpgsqlException) when (attempt < 10)
            {
            }
        }
    }

    private static async Task SaveAsync(FootprintContext db, bool async, CancellationToken cancellationToken, string name)
    {
        var blog = db.Attach(new FootprintBlog { Id = 1, Name = "?", Code = "?" }).Entity;
        (blog.Name, blog.Code) = (name, "code 2");
        if (async)
            await db.SaveChangesAsync(cancellationToken);
        else
            db.SaveChanges();
    }

    private FootprintContext Open(SecondLevelCache? cache, Faulty? faulty = null)
        => database.Open(cache, _tap.ConnectionString, options =>
        {
            if (faulty is not null)
                options.AddInterceptors(faulty, new FaultyConnection(faulty));
        });

    /// <summary>An interceptor of the application that throws.</summary>
    private sealed class Faulty : DbCommandInterceptor
    {
        public string Failure { get; set; } = "";

        public void ThrowAt(string step)
        {
            if (Failure == step)
                throw new NotSupportedException(step);
        }

        public override InterceptionResult<DbCommand> CommandCreating(CommandCorrelatedEventData eventData, InterceptionResult<DbCommand> result)
        {
            ThrowAt("creating");
            return result;
        }

        public override InterceptionResult<int> NonQueryExecuting(DbCommand command, CommandEventData eventData, InterceptionResult<int> result)
        {
            ThrowAt("executing");
            return result;
        }

        public override InterceptionResult<DbDataReader> ReaderExecuting(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        {
            ThrowAt("executing");
            return result;
        }

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
            => new(NonQueryExecuting(command, eventData, result));

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
            => new(ReaderExecuting(command, eventData, result));
    }

    private sealed class FaultyConnection(Faulty faulty) : DbConnectionInterceptor
    {
        public override InterceptionResult ConnectionOpening(DbConnection connection, ConnectionEventData eventData, InterceptionResult result)
        {
            faulty.ThrowAt("opening");
            return result;
        }

        public override ValueTask<InterceptionResult> ConnectionOpeningAsync(
            DbConnection connection, ConnectionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
            => new(ConnectionOpening(connection, eventData, result));

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) => faulty.ThrowAt("opened");

        public override Task ConnectionOpenedAsync(
            DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            faulty.ThrowAt("opened");
            return Task.CompletedTask;
        }
    }
}
