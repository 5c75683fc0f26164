using System.Data.Common;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using EfSecondLevelCache.Versions;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// Tells the other nodes of this one's changes, and this one of theirs. Whatever the backplane does: a change that is missing from a sender's
/// sequence, and a sender that falls silent, are answered by a flush.
/// </summary>
internal sealed class ChangeBroadcast : IBackplaneReceiver, IAsyncDisposable
{
    private static readonly TimeSpan LongestHeartbeat = TimeSpan.FromMilliseconds(500);

    private readonly Lock _publishing = new();
    private readonly Lock _receiving = new();
    private readonly NodeMembership _members;
    private readonly Dictionary<Guid, long> _toAcknowledge = [];
    private readonly IBackplane _backplane;
    private readonly Action<Change> _apply;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IAsyncDisposable _beating;
    private readonly SemaphoreSlim _asked = new(0);
    private volatile TaskCompletionSource _nextAcknowledgement = NewCompletion();
    private long _lastAsked;
    private long _sent;
    private long _sentAtCommit;
    private long _dropped;
    private long _received;
    private long _duplicates;
    private long _flushes;
    private long _malformed;
    private int _isBeating;
    private Task? _answering;
    private volatile bool _isEnding;

    /// <param name="backplane">Not started yet.</param>
    /// <param name="apply">Takes what other nodes tell, and that anything may have changed where something is missing.</param>
    /// <param name="options">Of the cache.</param>
    /// <param name="logger">For what is worth a person's attention.</param>
    public ChangeBroadcast(IBackplane backplane, Action<Change> apply, SecondLevelCacheOptions options, ILogger logger)
    {
        _backplane = backplane;
        _apply = apply;
        _time = options.TimeProvider;
        _logger = logger;
        // Two heartbeats go by before a stamp has come back.
        var heartbeat = options.MaxStaleness is { } most && most / 5 < LongestHeartbeat ? most / 5 : LongestHeartbeat;
        _members = new NodeMembership(_time, options.MaxStaleness, heartbeat, logger);
        _members.Refresh();
        using (BackgroundWork.WithoutContext())
            backplane.Start(this);
        _beating = BackgroundWork.RepeatOnThread("heartbeat of a node", _time, heartbeat, Beat);
    }

    /// <summary>The incarnation of the cache, which names the sender of each message.</summary>
    public Guid Incarnation { get; } = Guid.NewGuid();

    public string NodeName => _backplane.NodeName;

    /// <summary>Ends at the next answer to <see cref="AskForAcknowledgement"/>.</summary>
    public Task NextAcknowledgement => _nextAcknowledgement.Task;

    /// <inheritdoc cref="NodeMembership.IsFresh"/>
    public bool IsFresh => _members.IsFresh;

    public BackplaneStatus Status
    {
        get
        {
            var health = _backplane.Health;
            var now = _time.GetTimestamp();
            NodeStatus[] nodes;
            lock (_receiving)
                nodes = [.. _members.Nodes.Select(node => node.ToStatus(now))];
            return new BackplaneStatus
            {
                Node = _backplane.NodeName,
                State = health.State,
                Detail = health.Detail,
                Nodes = nodes,
                Sent = Volatile.Read(ref _sent) + Volatile.Read(ref _sentAtCommit),
                Received = Volatile.Read(ref _received),
                Duplicates = Volatile.Read(ref _duplicates),
                Dropped = health.Dropped + Volatile.Read(ref _dropped),
                Flushes = Volatile.Read(ref _flushes),
                Rejected = health.Rejected + Volatile.Read(ref _malformed),
            };
        }
    }

    /// <summary>The names of the nodes that have been silent for too long.</summary>
    public IReadOnlyCollection<string> Suspects
    {
        get
        {
            lock (_receiving)
                return [.. _members.Nodes.Where(node => node.IsSuspect).Select(node => node.Name)];
        }
    }

    /// <summary>Tells the others of a change that can be seen by everybody. It neither blocks nor fails.</summary>
    public void Publish(MessageContent content)
    {
        try
        {
            // Numbers must leave in their order.
            lock (_publishing)
            {
                if (content is Change)
                    _sent++;
                _backplane.Publish(ChangeMessageFormat.Encode(new ChangeMessage(Incarnation, _sent, content), _backplane.MaxMessageBytes));
            }
        }
        catch (Exception fault)
        {
            // Its number is missing from now on, which makes the others flush.
            Interlocked.Increment(ref _dropped);
            Log.PublishFault(_logger, fault);
        }
    }

    /// <summary>A context of the database is used; where it is the database that carries the messages, this begins with the first one.</summary>
    public void Used(KnownDatabase database, IRelationalConnection connection, ILogger logger)
        => (_backplane as ICommitBackplane)?.Used(database, connection, logger);

    /// <summary>Asks the others to answer when they have processed what was published until now.</summary>
    /// <returns>The stamp of the question.</returns>
    public long AskForAcknowledgement()
    {
        // A later question may cover more, so its stamp is a higher one, however coarse the clock is.
        lock (_publishing)
        {
            _lastAsked = Math.Max(_lastAsked + 1, _time.GetTimestamp());
            Publish(new AcknowledgementAsked(_lastAsked));
            return _lastAsked;
        }
    }

    /// <summary>Whether a node has answered this question, or a later one.</summary>
    public bool HasAcknowledged(Guid node, long stamp)
    {
        lock (_receiving)
            return _members.Find(node)?.Acknowledged >= stamp;
    }

    /// <summary>Whether changes of this database are published by <see cref="PublishAtCommitAsync"/>.</summary>
    public bool PublishesAtCommit(KnownDatabase database) => _backplane is ICommitBackplane backplane && backplane.CarriedBy(database);

    /// <summary>Has the transaction tell the others of a change when it commits, which it does here where that is asked for.</summary>
    public Task PublishAtCommitAsync(bool async, DbTransaction transaction, bool commits, Change change, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _sentAtCommit);
        var message = ChangeMessageFormat.Encode(new ChangeMessage(Incarnation, Number: 0, change), _backplane.MaxMessageBytes);
        return ((ICommitBackplane)_backplane).PublishAtCommitAsync(async, transaction, commits, message, cancellationToken);
    }

    public void Received(ReadOnlyMemory<byte> message)
    {
        if (!ChangeMessageFormat.TryDecode(message, out var received))
        {
            // If it stood for a change, its number is missing from now on.
            if (Interlocked.Increment(ref _malformed) == 1)
                Log.MalformedMessage(_logger, _backplane.NodeName);
            return;
        }

        if (received.Sender != Incarnation)
        {
            lock (_receiving)
                Received(received);
        }
    }

    public void Interrupted()
    {
        lock (_receiving)
            Flush("the backplane was interrupted");
        Joined();
    }

    public void Joined() => Beat();

    public async ValueTask DisposeAsync()
    {
        await _beating.DisposeAsync().ConfigureAwait(false);
        _isEnding = true;
        _asked.Release();
        Publish(new Left());
        await _backplane.DisposeAsync().ConfigureAwait(false);
    }

    private void Received(ChangeMessage message)
    {
        if (message.Content is Left)
        {
            Forget(message);
            return;
        }

        if (_members.Hear(message.Sender) is not { } node)
        {
            Flush($"there are more than {NodeMembership.MostNodes} nodes");
            return;
        }

        switch (message.Content)
        {
            case Change change when message.Number == 0:
                Apply(node, change);
                break;
            case Change change:
                switch (node.Sequence.Arrived(message.Number))
                {
                    case Arrival.InOrder:
                        Apply(node, change);
                        break;
                    case Arrival.AfterGap:
                        Flush($"changes of {node.Name} are missing");
                        Apply(node, change);
                        break;
                    default:
                        _duplicates++;
                        break;
                }

                break;
            case Alive alive:
                FlushIfBehind(node, message.Number);
                node.Beat(alive, Incarnation, node.LastHeard);
                Recovered(node);
                break;
            case AcknowledgementAsked asked:
                FlushIfBehind(node, message.Number);
                AcknowledgeSoon(node.Incarnation, asked.Stamp);
                break;
            case Acknowledged acknowledged:
                FlushIfBehind(node, message.Number);
                // One of the future would be a lie.
                if (acknowledged.Asker == Incarnation && acknowledged.Stamp <= Volatile.Read(ref _lastAsked))
                {
                    node.Acknowledge(acknowledged.Stamp, node.LastHeard);
                    var next = _nextAcknowledgement;
                    _nextAcknowledgement = NewCompletion();
                    next.TrySetResult();
                }

                break;
            default:
                if (message.Number == 0 || node.Sequence.IsBehind(message.Number))
                    Flush($"{node.Name} speaks another version");
                break;
        }

        _members.Refresh();
    }

    /// <param name="node">A node that tells how many changes it has published.</param>
    /// <param name="number">So many.</param>
    private void FlushIfBehind(RemoteNode node, long number)
    {
        if (node.Sequence.IsBehind(number))
            Flush($"changes of {node.Name} are missing");
    }

    /// <summary>Not under the lock that receives: publishing may come back to this node.</summary>
    private void AcknowledgeSoon(Guid asker, long stamp)
    {
        lock (_toAcknowledge)
        {
            if (_toAcknowledge.TryGetValue(asker, out var known))
            {
                // The answer to the later question answers both.
                _toAcknowledge[asker] = Math.Max(known, stamp);
                return;
            }

            _toAcknowledge[asker] = stamp;
            // A writer on another node waits for it.
            _answering ??= BackgroundWork.RunOnThread("answers to other nodes", Answer);
        }

        _asked.Release();
    }

    private void Answer()
    {
        while (true)
        {
            _asked.Wait();
            if (_isEnding)
                return;
            KeyValuePair<Guid, long> question;
            lock (_toAcknowledge)
            {
                question = _toAcknowledge.First();
                _toAcknowledge.Remove(question.Key);
            }

            Publish(new Acknowledged(question.Key, question.Value));
        }
    }

    private void Apply(RemoteNode node, Change change)
    {
        _received++;
        node.Received++;
        _apply(change);
    }

    private void Recovered(RemoteNode node)
    {
        if (!node.IsSuspect)
            return;
        node.IsSuspect = false;
        Log.NodeRecovered(_logger, node.Name);
    }

    private void Forget(ChangeMessage leaving)
    {
        if (_members.Forget(leaving.Sender) is not { } node)
            return;
        FlushIfBehind(node, leaving.Number);
        Log.NodeLeft(_logger, node.Name);
    }

    private void Beat()
    {
        // One that waits for a slow receiver is enough.
        if (Interlocked.Exchange(ref _isBeating, 1) == 1)
            return;
        try
        {
            Publish(NextAlive());
        }
        finally
        {
            Volatile.Write(ref _isBeating, 0);
        }
    }

    private Alive NextAlive()
    {
        lock (_receiving)
        {
            if (_backplane.Health.State is BackplaneState.Live)
                _members.Carried();
            foreach (var reason in _members.Suspect())
                Flush(reason);
            _members.Refresh();
            return new Alive(
                _backplane.NodeName, _time.GetTimestamp(), [.. _members.Nodes.Select(node => new HeardStamp(node.Incarnation, node.Stamp))]);
        }
    }

    private void Flush(string reason)
    {
        _flushes++;
        Log.Flush(_logger, reason);
        _apply(Change.Everything);
    }

    private static TaskCompletionSource NewCompletion() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
