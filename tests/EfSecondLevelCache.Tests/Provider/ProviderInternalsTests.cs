using System.Data.Common;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.Tests.Provider;

public class ProviderInternalsTests
{
    /// <summary>The alarm for upgrades: without one of these facts the cache goes on, and refuses what it could cache.</summary>
    [Fact]
    public void Every_fact_is_found_in_the_versions_in_use() => Assert.True(ProviderInternals.AllFound);

    [Fact]
    public void Looking_for_an_open_connection_does_not_make_one()
    {
        using var context = new ShopContext();
        var connection = context.GetService<IRelationalConnection>();

        Assert.Null(ProviderInternals.OpenConnectionOf(connection));
        Assert.Null(ExistingConnectionOf(connection));

        _ = connection.DbConnection;
        Assert.NotNull(ExistingConnectionOf(connection));
        Assert.Null(ProviderInternals.OpenConnectionOf(connection));
    }

    [Fact]
    public void A_data_source_with_an_initializer_is_recognized()
    {
        using var plain = new NpgsqlDataSourceBuilder(ShopContext.ConnectionString).Build();
        var builder = new NpgsqlDataSourceBuilder(ShopContext.ConnectionString);
        builder.UsePhysicalConnectionInitializer(_ => { }, _ => Task.CompletedTask);
        using var initializing = builder.Build();

        Assert.False(ProviderInternals.MayHaveInitializer(plain));
        Assert.True(ProviderInternals.MayHaveInitializer(initializing));
    }

    [Fact]
    public void A_data_source_of_somebody_else_may_have_an_initializer()
        => Assert.True(ProviderInternals.MayHaveInitializer(new OtherDataSource()));

    [Fact]
    public void The_data_source_of_a_connection_is_found()
    {
        using var source = new NpgsqlDataSourceBuilder(ShopContext.ConnectionString).Build();
        using var connection = source.CreateConnection();

        Assert.Same(source, ProviderInternals.DataSourceOf(connection));
    }

    [Fact]
    public void A_connection_of_somebody_else_may_be_in_a_transaction()
        => Assert.True(ProviderInternals.MayBeInTransaction(new OtherDataSource().CreateConnection()));

    /// <summary>EF Core's own, which <see cref="ProviderInternals"/> looks at too; here to see that it stays null.</summary>
    private static DbConnection? ExistingConnectionOf(IRelationalConnection connection)
        => (DbConnection?)typeof(RelationalConnection)
            .GetField("_connection", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!
            .GetValue(connection);

    private sealed class OtherDataSource : DbDataSource
    {
        public override string ConnectionString => "";

        protected override DbConnection CreateDbConnection() => new OpenConnection();
    }
}
