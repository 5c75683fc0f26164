using System.Transactions;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Infrastructure;
using EfSecondLevelCache.Invalidation;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.Tests.Invalidation;

public class PendingChangesTests
{
    private static readonly TableChange Orders = new("shop", new TableName(null, "orders"));
    private static readonly TableChange Customers = new("shop", new TableName(null, "customers"));

    private readonly VersionSlots _versions = new();
    private readonly Invalidator _invalidator;

    public PendingChangesTests() => _invalidator = new Invalidator(_versions, new Counters());

    [Fact]
    public void Without_a_transaction_there_is_none()
    {
        using var context = new ShopContext();

        Assert.Null(PendingChanges.OfCurrentTransaction(context.GetService<CacheSession>()));
    }

    [Fact]
    public void A_commit_releases_the_changes_and_not_before()
    {
        var before = Read(Orders);
        using (var scope = new TransactionScope())
        {
            Ambient().Add(_invalidator, [Orders]);
            Assert.True(IsUpToDate(before));
            scope.Complete();
        }

        Assert.False(IsUpToDate(before));
        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void A_rollback_drops_them()
    {
        var before = Read(Orders);
        using (new TransactionScope())
            Ambient().Add(_invalidator, [Orders]);

        Assert.True(IsUpToDate(before));
    }

    [Fact]
    public void One_transaction_has_one_set_of_changes()
    {
        using var scope = new TransactionScope();

        Assert.Same(Ambient(), Ambient());
    }

    [Fact]
    public void A_change_that_comes_after_the_end_counts_at_once()
    {
        PendingChanges pending;
        using (new TransactionScope())
            pending = Ambient();
        var before = Read(Orders);

        pending.Add(_invalidator, [Orders]);

        Assert.False(IsUpToDate(before));
    }

    [Fact]
    public void A_transaction_whose_end_cannot_be_observed_keeps_its_tables_closed_until_its_connection_is()
    {
        using var transaction = new ForeignTransaction();
        var customers = Read(Customers);

        transaction.Changes.Add(_invalidator, [Orders]);
        Assert.False(IsUpToDate(Read(Orders)));
        Assert.True(IsUpToDate(customers));

        var meanwhile = Read(Orders);
        transaction.CloseConnection();
        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void Nothing_stays_closed_after_several_commands_of_such_a_transaction()
    {
        using var transaction = new ForeignTransaction();
        transaction.Changes.Add(_invalidator, [Orders]);
        transaction.Changes.Add(_invalidator, [Customers]);
        transaction.Changes.Add(_invalidator, [Orders, Customers]);

        transaction.CloseConnection();

        Assert.True(IsUpToDate(Read(Orders)));
        Assert.True(IsUpToDate(Read(Customers)));
        Assert.True(IsUpToDate(ReadUnknown()), "what may have read any table is never up to date again");
    }

    [Fact]
    public void Nothing_stays_closed_after_such_a_transaction_has_named_a_table_with_and_without_its_schema()
    {
        var qualified = new TableChange("shop", new TableName("sales", "orders"));
        using var transaction = new ForeignTransaction();
        transaction.Changes.Add(_invalidator, [Orders]);
        transaction.Changes.Add(_invalidator, [qualified]);

        transaction.CloseConnection();

        Assert.True(IsUpToDate(Read(Orders)));
        Assert.True(IsUpToDate(Read(qualified)));
    }

    private static PendingChanges Ambient()
    {
        using var context = new ShopContext();
        return PendingChanges.OfCurrentTransaction(context.GetService<CacheSession>())!;
    }

    private Result Read(TableChange table)
        => new(_invalidator.DependenciesOf("shop", [table.Table!.Value], unknownTables: false, tags: []), _versions.Now);

    private Result ReadUnknown() => new(_invalidator.DependenciesOf("shop", [], unknownTables: true, tags: []), _versions.Now);

    private bool IsUpToDate(Result result) => _versions.IsUpToDate(result.Slots, result.AsOf);

    private sealed record Result(int[] Slots, long AsOf);

    /// <summary>A transaction that the application began by itself, on a connection that says that it is open.</summary>
    private sealed class ForeignTransaction : IDisposable
    {
        private readonly OpenConnection _connection = new();
        private readonly ShopContext _context;

        public ForeignTransaction()
        {
            _context = new ShopContext(options => options.UseNpgsql(_connection).AddSecondLevelCache());
            _context.Database.UseTransaction(_connection.BeginTransaction());
            Changes = PendingChanges.OfCurrentTransaction(_context.GetService<CacheSession>())!;
        }

        public PendingChanges Changes { get; }

        public void CloseConnection() => _connection.Close();

        public void Dispose()
        {
            _context.Dispose();
            _connection.Dispose();
        }
    }
}
