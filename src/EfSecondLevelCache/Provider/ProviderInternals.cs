using System.Data;
using System.Data.Common;
using System.Linq.Expressions;
using System.Reflection;
using EfSecondLevelCache.Threading;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.EntityFrameworkCore.Query.Internal;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Storage.Internal;
using Npgsql;
using Npgsql.Replication;

namespace EfSecondLevelCache.Provider;

/// <summary>
/// The few facts that EF Core and Npgsql know and do not tell. Each has a safe answer where a later version has moved it: that costs hits,
/// never a wrong row. A test fails when one of them moves.
/// </summary>
internal static class ProviderInternals
{
    private const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;

    private static readonly Func<RelationalConnection, DbConnection?>? ExistingConnectionField =
        Reader<RelationalConnection, DbConnection?>(connection => Expression.Field(connection, FieldOf<RelationalConnection>("_connection")));

    private static readonly Func<NpgsqlConnection, bool>? IdleProperty = Reader<NpgsqlConnection, bool>(
        connection =>
        {
            var connector = Expression.Property(connection, PropertyOf(typeof(NpgsqlConnection), "Connector"));
            var status = Expression.Property(connector, PropertyOf(connector.Type, "TransactionStatus"));
            return Expression.Equal(Expression.Convert(status, typeof(byte)), Expression.Constant((byte)'I'));
        });

    private static readonly Func<NpgsqlConnection, NpgsqlDataSource>? DataSourceProperty = Reader<NpgsqlConnection, NpgsqlDataSource>(
        connection => Expression.Property(connection, PropertyOf(typeof(NpgsqlConnection), "NpgsqlDataSource")));

    private static readonly Func<NpgsqlDataSource, bool>? InitializerProperty = Reader<NpgsqlDataSource, bool>(
        source => Expression.OrElse(
            Expression.NotEqual(
                Expression.Property(source, PropertyOf(typeof(NpgsqlDataSource), "ConnectionInitializer")), Expression.Constant(null)),
            Expression.NotEqual(
                Expression.Property(source, PropertyOf(typeof(NpgsqlDataSource), "ConnectionInitializerAsync")), Expression.Constant(null))));

    private static readonly Func<TypeMappedRelationalParameter, RelationalTypeMapping>? MappingProperty =
        Reader<TypeMappedRelationalParameter, RelationalTypeMapping>(
            parameter => Expression.Property(parameter, PropertyOf(typeof(TypeMappedRelationalParameter), "RelationalTypeMapping")));

    private static readonly Func<EntityQueryProvider, IQueryCompiler>? CompilerField = Reader<EntityQueryProvider, IQueryCompiler>(
        provider => Expression.Field(provider, FieldOf<EntityQueryProvider>("_queryCompiler")));

    private static readonly Func<QueryCompiler, IQueryContextFactory>? ContextFactoryField = Reader<QueryCompiler, IQueryContextFactory>(
        compiler => Expression.Field(compiler, FieldOf<QueryCompiler>("_queryContextFactory")));

    private static readonly Func<RelationalQueryContextFactory, QueryContextDependencies>? DependenciesProperty =
        Reader<RelationalQueryContextFactory, QueryContextDependencies>(
            factory => Expression.Property(factory, PropertyOf(typeof(RelationalQueryContextFactory), "Dependencies")));

    private static readonly Func<NpgsqlDataReader, NpgsqlCommand>? ReaderCommandProperty = Reader<NpgsqlDataReader, NpgsqlCommand>(
        reader => Expression.Property(reader, PropertyOf(typeof(NpgsqlDataReader), "Command")));

    private static readonly Func<NpgsqlConnection, Stream>? StreamField = Reader<NpgsqlConnection, Stream>(
        connection =>
        {
            var connector = Expression.Property(connection, PropertyOf(typeof(NpgsqlConnection), "Connector"));
            return Expression.Field(connector, FieldOf(connector.Type, "_stream"));
        });

    private static readonly Func<ReplicationConnection, NpgsqlConnection>? ConnectionField = Reader<ReplicationConnection, NpgsqlConnection>(
        replication => Expression.Field(replication, FieldOf(typeof(ReplicationConnection), "_npgsqlConnection")));

    private static readonly Func<NpgsqlConnection, Func<Stream, Stream>>? ReadFromProperty =
        Reader<NpgsqlConnection, Func<Stream, Stream>>(connection =>
        {
            var connector = Expression.Property(connection, PropertyOf(typeof(NpgsqlConnection), "Connector"));
            var buffer = Expression.Property(connector, PropertyOf(connector.Type, "ReadBuffer"));
            var stream = Expression.Parameter(typeof(Stream));
            return Expression.Lambda<Func<Stream, Stream>>(
                Expression.Assign(Expression.Property(buffer, PropertyOf(buffer.Type, "Underlying")), stream), stream);
        });

    /// <summary>Whether every fact was found in the versions at hand.</summary>
    public static bool AllFound
        => ExistingConnectionField is not null && IdleProperty is not null && DataSourceProperty is not null
            && InitializerProperty is not null && MappingProperty is not null && CompilerField is not null && ContextFactoryField is not null
            && DependenciesProperty is not null && ReaderCommandProperty is not null && StreamField is not null && ConnectionField is not null
            && ReadFromProperty is not null;

    /// <summary>The physical connection, where one is open already. Looking does not make one.</summary>
    public static DbConnection? OpenConnectionOf(IRelationalConnection connection)
    {
        var existing = ExistingConnectionField is not null && connection is RelationalConnection relational
            ? ExistingConnectionField(relational)
            : connection.DbConnection;
        return existing is not null && existing.State.HasFlag(ConnectionState.Open) ? existing : null;
    }

    /// <summary>Whether an open connection has a transaction that EF Core was not told of. In doubt: yes.</summary>
    public static bool MayBeInTransaction(DbConnection open)
        => IdleProperty is null || open is not NpgsqlConnection npgsql || !IdleProperty(npgsql);

    /// <summary>Whether sessions of the data source start with commands of the application's own. In doubt: yes.</summary>
    public static bool MayHaveInitializer(DbDataSource source)
        => InitializerProperty is null || source is not NpgsqlDataSource npgsql || InitializerProperty(npgsql);

    /// <summary>The data source of a connection; null where it can't be told.</summary>
    public static NpgsqlDataSource? DataSourceOf(NpgsqlConnection connection) => DataSourceProperty?.Invoke(connection);

    /// <summary>The mappings of a parameter that EF Core has made, as far as they can be told.</summary>
    public static IEnumerable<RelationalTypeMapping> MappingsOf(IRelationalParameter parameter) => parameter switch
    {
        CompositeRelationalParameter several => several.RelationalParameters.SelectMany(MappingsOf),
        TypeMappedRelationalParameter mapped when MappingProperty is not null => [MappingProperty(mapped)],
        _ => [],
    };

    /// <summary>What makes the query contexts of a provider's queries; null where it can't be told: its compiler is not EF Core's.</summary>
    public static IQueryContextFactory? QueryContextFactoryOf(EntityQueryProvider provider)
        => CompilerField?.Invoke(provider) is QueryCompiler compiler ? ContextFactoryField?.Invoke(compiler) : null;

    /// <summary>Null where they can't be told.</summary>
    public static QueryContextDependencies? DependenciesOf(RelationalQueryContextFactory factory) => DependenciesProperty?.Invoke(factory);

    /// <summary>Whether a reader is what Npgsql returned for a command, and nobody put another one in its place. In doubt: no.</summary>
    public static bool IsReaderOf(DbDataReader reader, DbCommand command)
        => reader is NpgsqlDataReader npgsql && ReaderCommandProperty is not null && ReferenceEquals(ReaderCommandProperty(npgsql), command);

    /// <summary>Cuts an open connection, whoever waits for what it reads: that one meets a broken connection. Without the fact: nothing happens.</summary>
    public static void Cut(NpgsqlConnection connection)
    {
        try
        {
            StreamField?.Invoke(connection).Dispose();
        }
        catch (Exception)
        {
            // It is closed already, or not open yet.
        }
    }

    /// <summary>The connection under a replication; null where it can't be told.</summary>
    public static NpgsqlConnection? ConnectionOf(ReplicationConnection replication) => ConnectionField?.Invoke(replication);

    /// <summary>
    /// From now on the connection's asynchronous reads wait on this thread. Without the fact they need threads of the pool, and what they tell may be
    /// late.
    /// </summary>
    public static void ReadOnThisThread(NpgsqlConnection connection)
    {
        if (StreamField?.Invoke(connection) is { } stream)
            ReadFromProperty?.Invoke(connection)(new SynchronousReads(stream, Thread.CurrentThread));
    }

    private static FieldInfo FieldOf<T>(string name) => FieldOf(typeof(T), name);

    private static FieldInfo FieldOf(Type type, string name) => type.GetField(name, Hidden) ?? throw new MissingFieldException(type.Name, name);

    private static PropertyInfo PropertyOf(Type type, string name)
        => type.GetProperty(name, Hidden) ?? throw new MissingMemberException(type.Name, name);

    private static Func<T, TResult>? Reader<T, TResult>(Func<Expression, Expression> body)
    {
        try
        {
            var parameter = Expression.Parameter(typeof(T));
            return Expression.Lambda<Func<T, TResult>>(body(parameter), parameter).Compile();
        }
        catch (Exception e) when (e is MissingMemberException or ArgumentException or InvalidOperationException)
        {
            SelfCheck.Report(
                $"a fact of {typeof(T).Name}", "the cache takes the safe answer for it, and serves less or holds more threads", e.Message);
            return null;
        }
    }
}
