using System.Collections;
using System.Data.Common;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EfSecondLevelCache.CompatibilityTests.Hosting;

/// <summary>Interceptors of the application that stand beside ours: that query, that count, that replace what is read.</summary>
public sealed class InterceptorTests(PostgresServer server) : ScenarioTests<InterceptorTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "a command interceptor that queries", Expect.Concurrent, async app =>
            {
                var asks = new Asks(app);
                for (var i = 0; i < 3; i++)
                {
                    await using var db = app.Open<ShopContext>(options => options.AddInterceptors(asks));
                    app.Saw("products", await app.Cached(db.Products.AsNoTracking().OrderBy(p => p.Id)).ToListAsync());
                    app.Saw("tags, which it asks for too", await app.Cached(db.Tags).CountAsync());
                    app.Saw("synchronously", app.Cached(db.Tags).Count());
                }
            }
        },
        {
            "a connection interceptor that queries", Expect.NoHits, async app =>
            {
                var asks = new AsksWhenOpened(app);
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<ShopContext>(options => options.AddInterceptors(asks));
                    app.Saw("tags, which it asks for too", await app.Cached(db.Tags).CountAsync());
                    app.Saw("categories", await app.Cached(db.Categories.AsNoTracking().OrderBy(c => c.Id)).ToListAsync());
                }
            }
        },
        {
            "an interceptor of SaveChanges that queries", async app =>
            {
                await WriteTests.ReadAsync(app);
                await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new AsksWhenSaved(app)));
                db.Add(new Tag { Name = "new" });
                app.Saw("rows", await db.SaveChangesAsync());
                await WriteTests.ReadAsync(app);
            }
        },
        {
            "an interceptor that changes the text", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new Rewrites()));
                for (var i = 0; i < 2; i++)
                    app.Saw("names", await app.Cached(db.Products.OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
            }
        },
        {
            "an interceptor that answers itself", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new Answers()));
                for (var i = 0; i < 2; i++)
                    app.Saw("count", await app.Cached(db.Products.Where(p => p.Id > -app.Pass)).CountAsync());
                await using var other = app.Open<ShopContext>();
                app.Saw("the real count", await app.Cached(other.Products.Where(p => p.Id > -app.Pass)).CountAsync());
            }
        },
        {
            "a reader that can do less than Npgsql's", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new Replaces()));
                for (var i = 0; i < 2; i++)
                    app.Saw("names", await app.Cached(db.Products.Where(p => p.Id > -app.Pass).OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
                await using var other = app.Open<ShopContext>();
                app.Saw("the real names", await app.Cached(other.Products.Where(p => p.Id > -app.Pass).OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
            }
        },
        {
            "materialization, identity and expression interceptors", async app =>
            {
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<ShopContext>(options => options.AddInterceptors(Materializes.Instance));
                    app.Saw("products", await app.Cached(db.Products.OrderBy(p => p.Id)).ToListAsync());
                    app.SawTracked(db);
                }
            }
        },
        {
            "an interceptor that throws", Expect.NoHits, async app =>
            {
                await using var db = app.Open<ShopContext>(options => options.AddInterceptors(new Throws()));
                await app.FailsAsync("query", () => app.Cached(db.Products).CountAsync());
                await app.FailsAsync("again", () => app.Cached(db.Products).CountAsync());
                db.Add(new Tag { Name = "x" });
                await app.FailsAsync("save", () => db.SaveChangesAsync());
                app.Saw("state", db.Database.GetDbConnection().State);
            }
        },
    };

    private sealed class Asks(App app) : DbCommandInterceptor
    {
        public override async ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            await using var db = app.Open<ShopContext>();
            Assert.Equal(3, await app.Cached(db.Tags).CountAsync(cancellationToken));
            return result;
        }

        public override InterceptionResult<DbDataReader> ReaderExecuting(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        {
            using var db = app.Open<ShopContext>();
            Assert.Equal(3, app.Cached(db.Tags).Count());
            return result;
        }
    }

    private sealed class AsksWhenOpened(App app) : DbConnectionInterceptor
    {
        public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            await using var db = app.Open<ShopContext>();
            Assert.Equal(3, await app.Cached(db.Tags).CountAsync(cancellationToken));
        }
    }

    private sealed class AsksWhenSaved(App app) : SaveChangesInterceptor
    {
        public override async ValueTask<InterceptionResult<int>> SavingChangesAsync(
            DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
        {
            app.Saw("before", await app.Cached(((ShopContext)eventData.Context!).Tags).CountAsync(cancellationToken));
            return result;
        }

        public override async ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
        {
            app.Saw("after", await app.Cached(((ShopContext)eventData.Context!).Tags).CountAsync(cancellationToken));
            return result;
        }
    }

    private sealed class Rewrites : DbCommandInterceptor
    {
        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            command.CommandText += "\nLIMIT 2";
            return new(result);
        }
    }

    private sealed class Answers : DbCommandInterceptor
    {
        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            var table = new System.Data.DataTable();
            table.Columns.Add("count", typeof(int));
            table.Rows.Add(4711);
            return new(InterceptionResult<DbDataReader>.SuppressWithResult(table.CreateDataReader()));
        }
    }

    private sealed class Replaces : DbCommandInterceptor
    {
        public override ValueTask<DbDataReader> ReaderExecutedAsync(
            DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
            => new(new Shouting(result));
    }

    private sealed class Materializes : IMaterializationInterceptor, IQueryExpressionInterceptor
    {
        /// <summary>EF Core makes services of its own for each.</summary>
        public static readonly Materializes Instance = new();

        public object InitializedInstance(MaterializationInterceptionData materializationData, object entity)
        {
            if (entity is Product product)
                product.Name += " (read)";
            return entity;
        }
    }

    private sealed class Throws : DbCommandInterceptor
    {
        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
            => throw new InvalidOperationException("The interceptor does not like it.");
    }

    /// <summary>As people write one to change values on the way: what EF Core does not call is not there.</summary>
    private sealed class Shouting(DbDataReader inner) : DbDataReader
    {
        public override int FieldCount => inner.FieldCount;

        public override bool HasRows => inner.HasRows;

        public override bool IsClosed => inner.IsClosed;

        public override int RecordsAffected => inner.RecordsAffected;

        public override int Depth => inner.Depth;

        public override object this[int ordinal] => GetValue(ordinal);

        public override object this[string name] => GetValue(GetOrdinal(name));

        public override string GetString(int ordinal) => inner.GetString(ordinal).ToUpperInvariant();

        public override bool Read() => inner.Read();

        public override Task<bool> ReadAsync(CancellationToken cancellationToken) => inner.ReadAsync(cancellationToken);

        public override bool IsDBNull(int ordinal) => inner.IsDBNull(ordinal);

        public override int GetInt32(int ordinal) => inner.GetInt32(ordinal);

        public override string GetName(int ordinal) => inner.GetName(ordinal);

        public override int GetOrdinal(string name) => inner.GetOrdinal(name);

        public override void Close() => inner.Close();

        public override Task CloseAsync() => inner.CloseAsync();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
        }

        public override ValueTask DisposeAsync() => inner.DisposeAsync();

        public override bool NextResult() => throw new NotSupportedException();

        public override object GetValue(int ordinal) => throw new NotSupportedException();

        public override int GetValues(object[] values) => throw new NotSupportedException();

        public override string GetDataTypeName(int ordinal) => throw new NotSupportedException();

        public override Type GetFieldType(int ordinal) => throw new NotSupportedException();

        public override IEnumerator GetEnumerator() => throw new NotSupportedException();

        public override bool GetBoolean(int ordinal) => throw new NotSupportedException();

        public override byte GetByte(int ordinal) => throw new NotSupportedException();

        public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) => throw new NotSupportedException();

        public override char GetChar(int ordinal) => throw new NotSupportedException();

        public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) => throw new NotSupportedException();

        public override DateTime GetDateTime(int ordinal) => throw new NotSupportedException();

        public override decimal GetDecimal(int ordinal) => throw new NotSupportedException();

        public override double GetDouble(int ordinal) => throw new NotSupportedException();

        public override float GetFloat(int ordinal) => throw new NotSupportedException();

        public override Guid GetGuid(int ordinal) => throw new NotSupportedException();

        public override short GetInt16(int ordinal) => throw new NotSupportedException();

        public override long GetInt64(int ordinal) => throw new NotSupportedException();
    }
}
