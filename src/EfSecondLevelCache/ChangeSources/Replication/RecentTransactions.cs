using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources.Replication;

/// <summary>
/// The transactions that were told lately. The log tells of a commit before others can see it, so a query that was sent after that may still read
/// the old rows: its result is kept only if its snapshot sees every transaction here that changed what it depends on.
/// </summary>
internal sealed class RecentTransactions
{
    /// <summary>The time for which a query may have its snapshot without having compared it.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Queue<Transaction> _transactions = new();
    private long _forgotten = long.MinValue;

    /// <summary>Remembers a change before it is processed: who counts the changes after that finds it here.</summary>
    public void Add(uint xid, IReadOnlyCollection<TableChange> changes)
    {
        lock (_lock)
            _transactions.Enqueue(new Transaction(xid, changes));
    }

    /// <summary>Forgets what every snapshot from now on sees.</summary>
    /// <param name="snapshot">One that was taken just now.</param>
    public void Settle(TransactionSnapshot snapshot)
    {
        var now = TimeProvider.System.GetTimestamp();
        lock (_lock)
        {
            foreach (var transaction in _transactions)
            {
                if (transaction.SeenAt is null && snapshot.Sees(transaction.Xid))
                    transaction.SeenAt = now;
            }

            while (_transactions.TryPeek(out var first) && first.SeenAt is { } seen && TimeProvider.System.GetElapsedTime(seen, now) > Kept)
            {
                _forgotten = Math.Max(_forgotten, seen);
                _transactions.Dequeue();
            }
        }
    }

    /// <summary>
    /// The database is on another server, where their numbers stand for other transactions or for none, and who has asked before that is too late.
    /// </summary>
    public void Forget()
    {
        lock (_lock)
        {
            _transactions.Clear();
            _forgotten = TimeProvider.System.GetTimestamp();
        }
    }

    /// <summary>What was told and is not in this snapshot.</summary>
    /// <param name="snapshot">Of a query, or an older one.</param>
    /// <param name="askedAt">When it was asked for.</param>
    public IReadOnlyCollection<TableChange> UnseenBy(TransactionSnapshot snapshot, long askedAt)
    {
        lock (_lock)
        {
            return askedAt <= _forgotten
                ? [TableChange.UnknownTables]
                : [.. _transactions.Where(transaction => !snapshot.Sees(transaction.Xid)).SelectMany(transaction => transaction.Changes)];
        }
    }

    private sealed class Transaction(uint xid, IReadOnlyCollection<TableChange> changes)
    {
        public uint Xid => xid;

        public IReadOnlyCollection<TableChange> Changes => changes;

        /// <summary>The moment from which every new snapshot sees it.</summary>
        public long? SeenAt { get; set; }
    }
}
