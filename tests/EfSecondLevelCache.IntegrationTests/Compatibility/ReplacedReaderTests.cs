using System.Data;
using System.Data.Common;
using EfSecondLevelCache.IntegrationTests.Serving;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>Rows that an interceptor puts in the place of the database's are for its own context, and nothing more is asked of its reader.</summary>
public sealed class ReplacedReaderTests(ShopDatabase database) : ShopTests(database)
{
    public static TheoryData<string> Interceptors => [.. All.Keys];

    private static readonly Dictionary<string, Func<IInterceptor>> All = new()
    {
        ["suppresses with another reader"] = () => new Suppressing(_ => OneRow().CreateDataReader()),
        ["suppresses with a reader that has no next result"] = () => new Suppressing(_ => new OneResult(OneRow().CreateDataReader())),
        ["suppresses with a reader of another command"] = () => new Suppressing(Elsewhere),
        ["replaces the reader"] = () => new Replacing(live =>
        {
            live.Dispose();
            return OneRow().CreateDataReader();
        }),
        ["wraps the reader"] = () => new Replacing(live => new OneResult(live)),
        ["executes the command on another connection"] = () => new Redirecting(),
    };

    [Theory]
    [MemberData(nameof(Interceptors))]
    public async Task They_are_served_and_not_kept(string interceptor)
    {
        foreach (var door in (Action<DbContextOptionsBuilder>[])[_ => { }, o => new NpgsqlDbContextOptionsBuilder(o).EnableRetryOnFailure()])
        {
            var plain = await NamesAsync(null, With(interceptor, door));
            await using var cache = new SecondLevelCache();
            Assert.Equal(plain, await NamesAsync(cache, With(interceptor, door)));
            Assert.Equal(plain, await NamesAsync(cache, With(interceptor, door)));
            Assert.Equal(0, cache.Statistics.Entries);
            Assert.Equal(RefusalReason.CommandChanged, Assert.Single(cache.Statistics.RefusalsByReason).Key);
            Assert.Equal(await NamesAsync(null, door), await NamesAsync(cache, door));
        }
    }

    /// <summary>There the cache is an interceptor itself, the first one, and may keep what Npgsql returned before another one replaces it.</summary>
    [Theory]
    [MemberData(nameof(Interceptors))]
    public async Task Through_the_other_door_everybody_is_served_his_own(string interceptor)
    {
        Action<DbContextOptionsBuilder> door = o => o.ReplaceService<IRelationalCommandBuilderFactory, OwnBuilderFactory>();
        var plain = await NamesAsync(null, With(interceptor, door));
        await using var cache = new SecondLevelCache();

        Assert.Equal(plain, await NamesAsync(cache, With(interceptor, door)));
        Assert.Equal(plain, await NamesAsync(cache, With(interceptor, door)));
        Assert.Equal(await NamesAsync(null, door), await NamesAsync(cache, door));
    }

    [Fact]
    public async Task An_interceptor_that_only_looks_costs_no_hit()
    {
        await using var cache = new SecondLevelCache();
        var looking = With("", o => o.AddInterceptors(new Replacing(live => live), new Suppressing(_ => null)));

        await NamesAsync(cache, looking);
        await NamesAsync(cache, looking);

        Assert.Equal(3, cache.Statistics.Hits);
    }

    private static Action<DbContextOptionsBuilder> With(string interceptor, Action<DbContextOptionsBuilder> door)
        => options =>
        {
            door(options);
            if (interceptor.Length > 0)
                options.AddInterceptors(All[interceptor]());
        };

    private async Task<string> NamesAsync(SecondLevelCache? cache, Action<DbContextOptionsBuilder> configure)
    {
        await using var db = Open(cache, configure);
        var query = db.Products.OrderBy(p => p.Id).Take(2).Cacheable().Select(p => p.Name);
        var names = "";
        // EF Core's buffering, for a retrying strategy, asks more of a reader than some have.
        var thrown = await Thrown.ByAsync(async () => names += string.Join(", ", await query.ToListAsync()));
        var thrownToo = await Thrown.ByAsync(() => Task.FromResult(names += $"; {string.Join(", ", query.AsEnumerable())}"));
        return $"{names} {thrown} {thrownToo}";
    }

    private static DataTable OneRow()
    {
        var table = new DataTable();
        table.Columns.Add("Name", typeof(string));
        table.Rows.Add("an interceptor's");
        return table;
    }

    /// <summary>Npgsql's own reader, and of another command.</summary>
    private static NpgsqlDataReader Elsewhere(DbCommand command)
    {
        using var other = ((NpgsqlConnection)command.Connection!).CreateCommand();
        other.CommandText = """SELECT 'elsewhere' AS "Name" """;
        return other.ExecuteReader();
    }

    private sealed class Suppressing(Func<DbCommand, DbDataReader?> reader) : DbCommandInterceptor
    {
        public override InterceptionResult<DbDataReader> ReaderExecuting(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
            => reader(command) is { } replacement ? InterceptionResult<DbDataReader>.SuppressWithResult(replacement) : result;

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
            => new(ReaderExecuting(command, eventData, result));
    }

    private sealed class Replacing(Func<DbDataReader, DbDataReader> replace) : DbCommandInterceptor
    {
        public override DbDataReader ReaderExecuted(DbCommand command, CommandExecutedEventData eventData, DbDataReader result) => replace(result);

        public override ValueTask<DbDataReader> ReaderExecutedAsync(
            DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
            => new(replace(result));
    }

    /// <summary>As who sends reads to a replica.</summary>
    private sealed class Redirecting : DbCommandInterceptor
    {
        public override InterceptionResult<DbDataReader> ReaderExecuting(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result)
        {
            var replica = new NpgsqlConnection(command.Connection!.ConnectionString);
            replica.Open();
            command.Connection = replica;
            return result;
        }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
            => new(ReaderExecuting(command, eventData, result));

        public override InterceptionResult DataReaderDisposing(DbCommand command, DataReaderDisposingEventData eventData, InterceptionResult result)
        {
            command.Connection!.Dispose();
            return result;
        }
    }

    private sealed class OwnBuilderFactory(RelationalCommandBuilderDependencies dependencies) : IRelationalCommandBuilderFactory
    {
        public IRelationalCommandBuilder Create() => new RelationalCommandBuilder(dependencies);
    }

    /// <summary>As much of a reader as EF Core asks for.</summary>
    private sealed class OneResult(DbDataReader inner) : DbDataReader
    {
        public override int Depth => throw new NotSupportedException();
        public override int FieldCount => inner.FieldCount;
        public override bool HasRows => throw new NotSupportedException();
        public override bool IsClosed => inner.IsClosed;
        public override int RecordsAffected => throw new NotSupportedException();
        public override object this[int ordinal] => throw new NotSupportedException();
        public override object this[string name] => throw new NotSupportedException();
        public override bool Read() => inner.Read();
        public override bool NextResult() => throw new NotSupportedException();
        public override void Close() => inner.Close();
        public override bool IsDBNull(int ordinal) => inner.IsDBNull(ordinal);
        public override string GetString(int ordinal) => inner.GetString(ordinal);
        public override string GetName(int ordinal) => inner.GetName(ordinal);
        public override int GetOrdinal(string name) => inner.GetOrdinal(name);
        public override string GetDataTypeName(int ordinal) => throw new NotSupportedException();
        public override Type GetFieldType(int ordinal) => throw new NotSupportedException();
        public override object GetValue(int ordinal) => throw new NotSupportedException();
        public override int GetValues(object[] values) => throw new NotSupportedException();
        public override bool GetBoolean(int ordinal) => throw new NotSupportedException();
        public override byte GetByte(int ordinal) => throw new NotSupportedException();
        public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length)
            => throw new NotSupportedException();
        public override char GetChar(int ordinal) => throw new NotSupportedException();
        public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length)
            => throw new NotSupportedException();
        public override DateTime GetDateTime(int ordinal) => throw new NotSupportedException();
        public override decimal GetDecimal(int ordinal) => throw new NotSupportedException();
        public override double GetDouble(int ordinal) => throw new NotSupportedException();
        public override float GetFloat(int ordinal) => throw new NotSupportedException();
        public override Guid GetGuid(int ordinal) => throw new NotSupportedException();
        public override short GetInt16(int ordinal) => throw new NotSupportedException();
        public override int GetInt32(int ordinal) => throw new NotSupportedException();
        public override long GetInt64(int ordinal) => throw new NotSupportedException();
        public override System.Collections.IEnumerator GetEnumerator() => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
        }
    }
}
