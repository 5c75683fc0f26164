using System.Net;
using System.Security.Cryptography;
using System.Text;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Threading;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>
/// Nodes that are connected each with each other, without any other process. A node dials every member and sends over that connection only; what
/// the member sends comes over the connection that the member dials.
/// </summary>
internal sealed class PeerBackplane : IBackplane
{
    /// <summary>Addresses whose connections are told of in the log.</summary>
    private const int MostLogged = 64;

    private const int MostMembers = 256;

    private readonly Lock _lock = new();
    private readonly HashSet<string> _logged = [];
    private readonly Dictionary<Guid, int> _incoming = [];
    private readonly ILogger _logger;
    private readonly PeerListener _listener;
    private readonly IPeerMembers _membership;
    private readonly CancellationTokenSource _stopping = new();
    private volatile PeerSender[] _senders = [];
    private Task _following = Task.CompletedTask;
    private IBackplaneReceiver? _receiver;
    private bool _membersAreKnown;
    private string? _membersFault;
    private bool _wasLive;
    private long _dropped;
    private long _rejected;

    public PeerBackplane(PeerSettings settings, ILogger logger)
    {
        _logger = logger;
        Tls = new PeerTls(settings.Certificate, settings.Authority);
        Secret = HKDF.Extract(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(settings.Secret ?? ""), "EfSecondLevelCache peers"u8.ToArray());
        QueueBytes = settings.QueueBytes;
        _listener = new PeerListener(this, settings.Listen);
        NodeName = settings.Advertise ?? AdvertisedAddress(_listener.Endpoint);
        _membership = PeerMembers.Of(settings, NodeName, Incarnation);
    }

    public Guid Incarnation { get; } = Guid.NewGuid();

    public PeerTls Tls { get; }

    public byte[] Secret { get; }

    public int QueueBytes { get; }

    public string NodeName { get; }

    public int MaxMessageBytes => PeerFrames.MaxMessageBytes;

    public IPEndPoint Endpoint => _listener.Endpoint;

    public BackplaneHealth Health
    {
        get
        {
            lock (_lock)
            {
                var missing = Missing();
                var isLive = _membersAreKnown && missing.Length == 0 && _listener.Fault is null;
                _wasLive |= isLive;
                return new BackplaneHealth(
                    isLive ? BackplaneState.Live : _wasLive ? BackplaneState.Lost : BackplaneState.Starting,
                    Volatile.Read(ref _dropped),
                    Volatile.Read(ref _rejected),
                    isLive ? null
                        : _listener.Fault is { } fault ? fault
                        : !_membersAreKnown ? _membersFault ?? "the members are not known yet"
                        : $"not connected: {string.Join(", ", missing)}");
            }
        }
    }

    public void Start(IBackplaneReceiver receiver)
    {
        _receiver = receiver;
        _listener.Start();
        _following = BackgroundWork.RunOnPool(FollowMembersAsync);
    }

    public void Publish(ReadOnlyMemory<byte> message)
    {
        foreach (var sender in _senders)
        {
            if (sender.Send(message) is var dropped and > 0)
                Interlocked.Add(ref _dropped, dropped);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(false);
        foreach (var sender in _senders)
            sender.Leave();
        await Task.WhenAll(_senders.Select(sender => sender.Ended)).ConfigureAwait(false);
        await _listener.StopAsync().ConfigureAwait(false);
        await _membership.LeaveAsync().ConfigureAwait(false);
    }

    public void Received(ReadOnlyMemory<byte> message) => _receiver!.Received(message);

    /// <summary>False where another connection goes to the same node already.</summary>
    public bool MayConnect(PeerSender sender)
    {
        lock (_lock)
        {
            var same = _senders.FirstOrDefault(other => other != sender && other.IsConnected && other.Incarnation == sender.Incarnation);
            if (same is null)
                return true;
            // It introduced itself under another name than the list has.
            var spare = sender.IsListed ? same : sender;
            if (spare.IsListed)
                return true;
            Remove(spare);
            return spare != sender;
        }
    }

    public void Connected(PeerSender sender)
    {
        Log.BackplaneEvent(_logger, $"connected to {sender.Endpoint}");
        _receiver!.Joined();
    }

    public void Disconnected(PeerSender sender) => Log.BackplaneEvent(_logger, $"disconnected from {sender.Endpoint}");

    public void ConnectionFailed(PeerSender sender, Exception fault)
    {
        if (fault is PeerRejectedException)
            Reject(PeerAddress.Parse(sender.Endpoint), fault.Message);
        lock (_lock)
        {
            // One that only introduced itself is no loss when it is not heard any more. While it is, it waits for us: it will not introduce itself again.
            if (!sender.IsListed && (!IsHeard(sender) || IsSpare(sender)))
                Remove(sender);
        }
    }

    public void Accepted(PeerIdentity identity)
    {
        lock (_lock)
        {
            _incoming[identity.Incarnation] = _incoming.GetValueOrDefault(identity.Incarnation) + 1;
            // The list may have it under another name.
            var known = Array.Find(_senders, sender => sender.Endpoint == identity.Endpoint)
                ?? Array.Find(_senders, sender => sender.Incarnation == identity.Incarnation);
            if (known is not null)
                known.DialNow();
            else if (_senders.Length < MostMembers && PeerAddress.IsValid(identity.Endpoint) && !_stopping.IsCancellationRequested)
                _senders = [.. _senders, new PeerSender(this, identity.Endpoint, isListed: false) { Incarnation = identity.Incarnation }];
        }
    }

    public void Closed(PeerIdentity identity)
    {
        lock (_lock)
        {
            if (--_incoming[identity.Incarnation] == 0)
                _incoming.Remove(identity.Incarnation);
        }
    }

    public void Left(PeerIdentity identity)
    {
        foreach (var sender in _senders)
        {
            if (sender.Incarnation == identity.Incarnation)
                sender.HasLeft = true;
        }
    }

    public void Reject(EndPoint? address, string reason)
    {
        Interlocked.Increment(ref _rejected);
        var host = (address as IPEndPoint)?.Address.ToString() ?? $"{address}";
        lock (_logged)
        {
            if (_logged.Count >= MostLogged || !_logged.Add(host))
                return;
        }

        Log.ConnectionRejected(_logger, host, reason);
    }

    /// <summary>Whether the member is connected to us; that we are connected to it is another thing.</summary>
    private bool IsHeard(PeerSender sender) => sender.Incarnation is { } incarnation && _incoming.ContainsKey(incarnation);

    private bool IsSpare(PeerSender sender)
        => _senders.Any(other => other != sender && other.IsConnected && other.Incarnation == sender.Incarnation);

    private string[] Missing()
        => [.. _senders
            .Where(sender => sender is { IsListed: true, IsSelf: false, HasLeft: false } && !(sender.IsConnected && IsHeard(sender)))
            .Select(sender => sender.Endpoint)];

    private PeerView View()
    {
        // Ahead of the lock: who hears us asks for our health under a lock of his own.
        var silent = _receiver?.Suspects ?? [];
        lock (_lock)
        {
            // Whom nobody can reach blames nobody.
            return new PeerView(_wasLive, _listener.Fault is null ? [.. silent.Union(Missing())] : []);
        }
    }

    private async Task FollowMembersAsync()
    {
        while (true)
        {
            try
            {
                var members = await _membership.GetAsync(View(), _stopping.Token).ConfigureAwait(false);
                lock (_lock)
                    SetMembers(members);
            }
            catch (Exception fault) when (!_stopping.IsCancellationRequested)
            {
                _membersFault = fault.Message;
                Log.BackplaneEvent(_logger, $"the members could not be read, the known ones stay: {fault.Message}");
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                await Task.Delay(_membership.AskAgainAfter, _stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void SetMembers(IReadOnlyCollection<string> members)
    {
        _membersAreKnown = true;
        foreach (var member in members.Where(member => member != NodeName))
        {
            if (_senders.FirstOrDefault(sender => sender.Endpoint == member) is { } known)
                known.IsListed = true;
            else if (_senders.Length < MostMembers)
                _senders = [.. _senders, new PeerSender(this, member, isListed: true)];
        }

        foreach (var sender in _senders.Where(sender => !members.Contains(sender.Endpoint)))
        {
            sender.IsListed = false;
            if (!IsHeard(sender))
                Remove(sender);
        }
    }

    private void Remove(PeerSender sender)
    {
        _senders = [.. _senders.Where(other => other != sender)];
        sender.Stop();
    }

    private static string AdvertisedAddress(IPEndPoint listening)
        => listening.Address.Equals(IPAddress.Any) || listening.Address.Equals(IPAddress.IPv6Any)
            ? $"{Dns.GetHostName()}:{listening.Port}"
            : $"{listening}";
}
