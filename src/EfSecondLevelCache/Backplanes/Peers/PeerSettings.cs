using System.Net;
using System.Security.Cryptography.X509Certificates;
using EfSecondLevelCache.Values;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>The settings of the TCP backplane as plain values.</summary>
internal sealed record PeerSettings : BackplaneFactory
{
    public const int DefaultPort = 7411;

    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, DefaultPort);

    /// <summary>Where the others find this node; null: where it listens, under the machine's name if that is everywhere.</summary>
    public string? Advertise { get; init; }

    public ValueList<string> Members { get; init; } = ValueList<string>.Empty;

    /// <summary>A name with a port, each of whose addresses is a node.</summary>
    public string? DnsName { get; init; }

    /// <summary>The database whose table has the nodes.</summary>
    public GivenDatabase? Database { get; init; }

    public string? Secret { get; init; }

    public X509Certificate2? Certificate { get; init; }

    /// <summary>Whoever has a certificate of it is a node.</summary>
    public X509Certificate2? Authority { get; init; }

    public int QueueBytes { get; init; } = 4 << 20;

    public override IBackplane Create(ILogger logger) => new PeerBackplane(this, logger);

    /// <summary>Without the secret: settings are printed where two differ.</summary>
    public override string ToString() => $"peers at {Listen}";
}
