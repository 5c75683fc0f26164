using System.Net;
using System.Net.Sockets;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>Who the nodes are, by configuration.</summary>
internal interface IPeerMembers
{
    TimeSpan AskAgainAfter { get; }

    /// <summary>Endpoints; this node may be among them.</summary>
    /// <param name="view">What this node has to say of the members.</param>
    /// <param name="cancellationToken">Ends it.</param>
    ValueTask<IReadOnlyCollection<string>> GetAsync(PeerView view, CancellationToken cancellationToken);

    /// <summary>This node is no member any more. It does not fail.</summary>
    ValueTask LeaveAsync();
}

/// <summary>How one node sees the others.</summary>
/// <param name="HasBeenLive">It has been connected with all members.</param>
/// <param name="Suspects">Endpoints of members that it does not hear.</param>
internal readonly record struct PeerView(bool HasBeenLive, IReadOnlyCollection<string> Suspects);

internal static class PeerMembers
{
    public static IPeerMembers Of(PeerSettings settings, string self, Guid incarnation) => settings switch
    {
        { Database: { } database } => new DatabaseMembers(database, self, incarnation),
        { DnsName: { } name } => new DnsMembers((DnsEndPoint)PeerAddress.Parse(name), settings.Members),
        _ => new ListedMembers(settings.Members),
    };
}

internal sealed class ListedMembers(IReadOnlyCollection<string> members) : IPeerMembers
{
    public TimeSpan AskAgainAfter => Timeout.InfiniteTimeSpan;

    public ValueTask<IReadOnlyCollection<string>> GetAsync(PeerView view, CancellationToken cancellationToken) => new(members);

    public ValueTask LeaveAsync() => default;
}

internal sealed class DnsMembers(DnsEndPoint name, IReadOnlyCollection<string> members) : IPeerMembers
{
    public TimeSpan AskAgainAfter { get; } = TimeSpan.FromSeconds(5);

    public async ValueTask<IReadOnlyCollection<string>> GetAsync(PeerView view, CancellationToken cancellationToken)
    {
        var addresses = await Dns.GetHostAddressesAsync(name.Host, cancellationToken).ConfigureAwait(false);
        return [.. members, .. addresses.Where(address => address.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
            .Select(address => $"{new IPEndPoint(address, name.Port)}")];
    }

    public ValueTask LeaveAsync() => default;
}
