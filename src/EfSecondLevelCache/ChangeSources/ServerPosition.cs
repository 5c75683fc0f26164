using System.Data.Common;
using System.Globalization;
using System.Text;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Values;
using NpgsqlTypes;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>Where a server was at one moment.</summary>
/// <param name="Timeline">0: it is a standby.</param>
/// <param name="Lsn">Where its log ended.</param>
/// <param name="Snapshot">What could be seen, at that moment or before.</param>
internal sealed record ServerPosition(uint Timeline, ulong Lsn, TransactionSnapshot Snapshot)
{
    /// <summary>
    /// To be executed ahead of what sends a heartbeat, not after it: what commits between the two is behind the heartbeat in the stream and would be
    /// before the position. In this order, a commit whose record is before the position (or that the snapshot sees, which is the same) is ahead of
    /// the heartbeat in either stream: the log is decoded in the order of commit records, and the heartbeat's is written later; notifications
    /// enter their queue before the commit record is written, and the heartbeat's later.
    /// </summary>
    public const string Sql =
        $"""
        SELECT {CatalogQueries.Timeline}, CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_insert_lsn() END,
            pg_catalog.pg_current_snapshot()::text
        """;

    /// <summary>What <see cref="Sql"/> asks, of the writer: instead of the snapshot the transaction that it is in and that has written.</summary>
    public const string TokenSql =
        $"""
        SELECT {CatalogQueries.Timeline}, CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_insert_lsn() END,
            pg_catalog.pg_current_xact_id_if_assigned()::text, pg_catalog.current_database()::text
        """;

    public static ServerPosition Read(DbDataReader row)
        => new(CatalogBuilder.ReadTimeline(row, 0), LsnOf(row), TransactionSnapshot.Parse(row.GetString(2)));

    /// <exception cref="InvalidOperationException">The connection is to a standby.</exception>
    public static ChangeToken ReadToken(DbDataReader row)
        => row.IsDBNull(1)
            ? throw new InvalidOperationException(
                "GetChangeTokenAsync: the connection is to a standby, which does not tell what was written to the primary. "
                + "Call it on the context that has written.")
            : new ChangeToken
            {
                Database = HashOf(row.GetString(3)),
                Timeline = CatalogBuilder.ReadTimeline(row, 0),
                Lsn = LsnOf(row),
                Xid = row.IsDBNull(2) ? 0 : ulong.Parse(row.GetString(2), NumberStyles.None, CultureInfo.InvariantCulture),
            };

    /// <summary>The hash of a database's name, which is the same on every node.</summary>
    public static ulong HashOf(string database) => StableHash.Of(Encoding.UTF8.GetBytes(database), start: 0);

    /// <summary>Whether what a token of this database stands for happened before.</summary>
    public bool IsNotBefore(ChangeToken token)
        => token.Timeline == Timeline && token.Lsn <= Lsn && (token.Xid == 0 || Snapshot.Sees(token.Xid));

    private static ulong LsnOf(DbDataReader row) => row.IsDBNull(1) ? 0 : (ulong)row.GetFieldValue<NpgsqlLogSequenceNumber>(1);
}
