using System.Globalization;
using System.Text;
using EfSecondLevelCache.Provider;
using EfSecondLevelCache.Values;
using Npgsql;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;

namespace EfSecondLevelCache.ChangeSources.Replication;

/// <summary>
/// The write-ahead log as the server's plugin pgoutput decodes it, over a temporary slot: it goes with the connection, so that a process that is
/// gone retains no log. Transactions come in the order of their commits, and may come before others can see them.
/// </summary>
internal sealed class ReplicationStream(DedicatedConnections connections, string publication) : ChangeStream
{
    /// <summary>What is longer is not by which rows are found, and is not taken into memory.</summary>
    private const int LongestValue = 64 << 10;

    /// <summary>The prefix of this stream alone: every walsender gets every message.</summary>
    private readonly string _name = $"second_level_cache_{Guid.NewGuid():N}";

    private LogicalReplicationConnection? _connection;
    private PgOutputReplicationSlot? _slot;
    private DecodedTransaction _transaction = new();

    public override string? Position => _connection?.LastReceivedLsn.ToString();

    public override string CapturedTablesSql => PublicationScript.CapturedTablesSql(publication);

    // Transactional: such a message comes with its commit, behind every commit before.
    public override string HeartbeatSql(long number)
        => string.Create(CultureInfo.InvariantCulture, $"SELECT pg_catalog.pg_logical_emit_message(true, '{_name}', '{number}')");

    public override void Open(NpgsqlConnection side, CancellationToken cancellationToken)
    {
        using (var command = new NpgsqlCommand($"SELECT FROM pg_catalog.pg_publication WHERE pubname = {QuotedName.Literal(publication)}", side))
        using (var rows = command.ExecuteReader())
        {
            if (!rows.HasRows)
            {
                throw new InvalidOperationException(
                    $"The database has no publication {publication}. Call context.Database.EnsureChangeCaptureAsync(), or name another one with "
                    + "UseLogicalReplication(r => r.Publication(...)).");
            }
        }

        OpenAsync(cancellationToken).GetAwaiter().GetResult();
    }

    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        _connection = new LogicalReplicationConnection(await connections.ConnectionStringAsync(cancellationToken).ConfigureAwait(false));
        await _connection.Open(cancellationToken).ConfigureAwait(false);
        // A slot waits for the transactions that are under way.
        _connection.CommandTimeout = TimeSpan.FromMinutes(10);
        _slot = await _connection.CreatePgOutputReplicationSlot(
            _name, temporarySlot: true, LogicalSlotSnapshotInitMode.NoExport, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    public override void Read(ChangeSource source, CancellationToken cancellationToken)
    {
        var connection = _connection!;
        var under = ProviderInternals.ConnectionOf(connection);
        // Npgsql reads the log asynchronously only.
        if (under is not null)
            ProviderInternals.ReadOnThisThread(under);
        using var cut = cancellationToken.UnsafeRegister(_ => Cut(under), null);
        var options = new PgOutputReplicationOptions(publication, PgOutputProtocolVersion.V1, messages: true);
        var messages = connection.StartReplication(_slot!, options, cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            // Each step begins on this thread, whatever the one before has waited for.
            while (Complete(messages.MoveNextAsync()))
            {
                Complete(ReadAsync(source, messages.Current, cancellationToken));
                connection.SetReplicationStatus(messages.Current.WalEnd);
            }
        }
        finally
        {
            Complete(messages.DisposeAsync());
        }
    }

    public override void Dispose()
    {
        if (_connection is { } connection)
            Complete(connection.DisposeAsync());
    }

    private async ValueTask<bool> ReadAsync(ChangeSource source, PgOutputReplicationMessage message, CancellationToken cancellationToken)
    {
        switch (message)
        {
            case BeginMessage begin:
                _transaction = new DecodedTransaction { Xid = begin.TransactionXid };
                break;
            case InsertMessage insert:
                _transaction.Add(insert.Relation, before: null, await ReadAsync(insert.Relation, insert.NewRow, keyOnly: false, cancellationToken)
                    .ConfigureAwait(false));
                break;
            case FullUpdateMessage update:
                _transaction.Add(
                    update.Relation,
                    await ReadAsync(update.Relation, update.OldRow, keyOnly: false, cancellationToken).ConfigureAwait(false),
                    await ReadAsync(update.Relation, update.NewRow, keyOnly: false, cancellationToken).ConfigureAwait(false));
                break;
            case IndexUpdateMessage update:
                _transaction.Add(
                    update.Relation,
                    await ReadAsync(update.Relation, update.Key, keyOnly: true, cancellationToken).ConfigureAwait(false),
                    await ReadAsync(update.Relation, update.NewRow, keyOnly: false, cancellationToken).ConfigureAwait(false));
                break;
            case UpdateMessage update:
                var after = await ReadAsync(update.Relation, update.NewRow, keyOnly: false, cancellationToken).ConfigureAwait(false);
                // The key is as it was; of the other columns the old values are not told.
                _transaction.Add(update.Relation, after.KeyOf(update.Relation), after);
                break;
            case FullDeleteMessage delete:
                _transaction.Add(delete.Relation, await ReadAsync(delete.Relation, delete.OldRow, keyOnly: false, cancellationToken)
                    .ConfigureAwait(false), after: null);
                break;
            case KeyDeleteMessage delete:
                _transaction.Add(delete.Relation, await ReadAsync(delete.Relation, delete.Key, keyOnly: true, cancellationToken)
                    .ConfigureAwait(false), after: null);
                break;
            case TruncateMessage truncate:
                foreach (var relation in truncate.Relations)
                    _transaction.AddUnknownRows(relation);
                break;
            case LogicalDecodingMessage decoded when decoded.Prefix == _name:
                using (var text = new StreamReader(decoded.Data, Encoding.UTF8))
                {
                    source.HeartbeatArrived(long.Parse(
                        await text.ReadToEndAsync(cancellationToken).ConfigureAwait(false), CultureInfo.InvariantCulture));
                }

                break;
            case CommitMessage:
                if (_transaction.ToChanges() is { Count: > 0 } changes)
                    source.Told(changes, _transaction.Xid);
                break;
        }

        return true;
    }

    private static void Cut(NpgsqlConnection? connection)
    {
        if (connection is not null)
            ProviderInternals.Cut(connection);
    }

    /// <summary>Reads on this thread, which may wait.</summary>
    private static T Complete<T>(ValueTask<T> step) => step.IsCompleted ? step.Result : step.AsTask().GetAwaiter().GetResult();

    private static void Complete(ValueTask step)
    {
        if (step.IsCompleted)
            step.GetAwaiter().GetResult();
        else
            step.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>All columns have to be read, or those that follow could not be.</summary>
    private static async ValueTask<DecodedRow> ReadAsync(
        RelationMessage relation, ReplicationTuple tuple, bool keyOnly, CancellationToken cancellationToken)
    {
        var row = new DecodedRow();
        var number = 0;
        await foreach (var value in tuple.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            var column = relation.Columns[number++];
            var isKnown = !value.IsUnchangedToastedValue && (!keyOnly || column.Flags is RelationMessage.Column.ColumnFlags.PartOfKey);
            if (value.IsDBNull || value.IsUnchangedToastedValue)
            {
                if (isKnown)
                    row[column.ColumnName] = null;
                continue;
            }

            if (value.Length > LongestValue)
                continue;
            var content = await value.Get<string>(cancellationToken).ConfigureAwait(false);
            if (isKnown)
                row[column.ColumnName] = content;
        }

        return row;
    }
}
