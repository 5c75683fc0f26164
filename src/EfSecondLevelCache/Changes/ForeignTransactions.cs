using System.Data.Common;
using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Changes;

/// <summary>Transactions that the application began itself and gave to EF Core (UseTransaction): it may also end them itself.</summary>
internal static class ForeignTransactions
{
    private static readonly ConditionalWeakTable<DbTransaction, object> Known = [];

    public static void Add(DbTransaction transaction) => Known.TryAdd(transaction, transaction);

    /// <summary>Npgsql uses the object of a transaction that has ended for the next one of its connection.</summary>
    public static void Remove(DbTransaction transaction) => Known.Remove(transaction);

    public static bool Contains(DbTransaction transaction) => Known.TryGetValue(transaction, out _);
}
