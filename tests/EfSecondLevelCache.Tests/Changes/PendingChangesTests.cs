using System.Transactions;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Tests.Support;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.Tests.Changes;

public class PendingChangesTests
{
    private readonly VersionSlots _versions = new();
    private readonly DependencySlots _slots;
    private readonly Invalidator _invalidator;

    /// <summary>Nothing is known of them, so that a write changes all of their tables.</summary>
    private readonly KnownDatabase _shop = new("shop", TimeProvider.System, _ => { });
    private readonly KnownDatabase _archive = new("archive", TimeProvider.System, _ => { });

    public PendingChangesTests()
    {
        _slots = new DependencySlots(_versions);
        _invalidator = new Invalidator(_versions, _slots, new Counters(), new SecondLevelCacheOptions());
    }

    [Fact]
    public void Without_a_transaction_there_is_none()
    {
        using var context = new ShopContext();

        Assert.Null(PendingChanges.OfCurrentTransaction(context.GetService<CacheSession>().Connection));
    }

    [Fact]
    public void A_commit_releases_the_changes_and_not_before()
    {
        var before = Read(_shop);
        using (var scope = new TransactionScope())
        {
            Ambient().Add(_invalidator, _shop, Orders);
            Assert.True(IsUpToDate(before));
            scope.Complete();
        }

        Assert.False(IsUpToDate(before));
        Assert.True(IsUpToDate(Read(_shop)));
    }

    [Fact]
    public void A_rollback_drops_them()
    {
        var before = Read(_shop);
        using (new TransactionScope())
            Ambient().Add(_invalidator, _shop, Orders);

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
        var before = Read(_shop);

        pending.Add(_invalidator, _shop, Orders);

        Assert.False(IsUpToDate(before));
    }

    [Fact]
    public void A_transaction_whose_end_cannot_be_observed_keeps_what_it_changed_closed_until_its_connection_is()
    {
        using var transaction = new ForeignTransaction();
        var archive = Read(_archive);

        transaction.Changes.Add(_invalidator, _shop, Orders);
        Assert.False(IsUpToDate(Read(_shop)));
        Assert.True(IsUpToDate(archive));

        var meanwhile = Read(_shop);
        transaction.CloseConnection();
        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(Read(_shop)));
    }

    [Fact]
    public void Nothing_stays_closed_after_several_commands_of_such_a_transaction()
    {
        using var transaction = new ForeignTransaction();
        transaction.Changes.Add(_invalidator, _shop, Orders);
        transaction.Changes.Add(_invalidator, _archive, Orders);
        transaction.Changes.Add(_invalidator, _shop, Orders);

        transaction.CloseConnection();

        Assert.True(IsUpToDate(Read(_shop)));
        Assert.True(IsUpToDate(Read(_archive)));
    }

    private static PendingChanges Ambient()
    {
        using var context = new ShopContext();
        return PendingChanges.OfCurrentTransaction(context.GetService<CacheSession>().Connection)!;
    }

    private static ChangeSet Orders
    {
        get
        {
            var changes = new ChangeSet();
            changes.Add(new TableName(null, "orders"), WriteOperations.Update, ColumnSet.All, rows: null);
            return changes;
        }
    }

    private Result Read(KnownDatabase database)
        => new([_slots.Of(database.Name).UnknownTables, _slots.Of(database.Name).AnyTable], _versions.Now);

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
            Changes = PendingChanges.OfCurrentTransaction(_context.GetService<CacheSession>().Connection)!;
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
