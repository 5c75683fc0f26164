using System.Net;
using System.Security.Cryptography.X509Certificates;
using EfSecondLevelCache.Backplanes.Peers;
using EfSecondLevelCache.Values;

using Npgsql;

namespace EfSecondLevelCache;

/// <summary>
/// Configures nodes that tell each other of changes over TCP. The members come from a list, from DNS or from a table in PostgreSQL; a node that
/// connects and proves that it belongs is a member too.
/// </summary>
public sealed class PeerOptionsBuilder
{
    private const int LeastSecret = 16;

    private PeerSettings _settings = new();

    internal PeerOptionsBuilder()
    {
    }

    /// <summary>Where this node listens. Default: <c>127.0.0.1:7411</c>, which only this machine can reach.</summary>
    /// <param name="endpoint">An address with a port, for example <c>0.0.0.0:7411</c> or <c>[::]:7411</c>; port 0: any.</param>
    /// <exception cref="ArgumentException"><paramref name="endpoint"/> is not an address with a port.</exception>
    public PeerOptionsBuilder Listen(string endpoint)
        => Set(_settings with
        {
            // Of an address of version 6 without brackets the end is no port.
            Listen = IPEndPoint.TryParse(endpoint, out var parsed) && endpoint.LastIndexOf(':') is var colon and > 0
                && (endpoint[colon - 1] == ']' || endpoint.IndexOf(':') == colon)
                ? parsed
                : throw new ArgumentException($"Listen(\"{endpoint}\") is no address with a port; give one like 0.0.0.0:7411.", nameof(endpoint)),
        });

    /// <summary>Where the others find this node. Default: where it listens, under the machine's name where that is every address.</summary>
    /// <param name="endpoint">A name or address with a port. It is the node's name too.</param>
    /// <exception cref="ArgumentException"><paramref name="endpoint"/> is not a name or address with a port.</exception>
    public PeerOptionsBuilder Advertise(string endpoint) => Set(_settings with { Advertise = PeerAddress.Check(endpoint, nameof(endpoint)) });

    /// <summary>The nodes, this one included or not; the same list may go to all of them.</summary>
    /// <param name="endpoints">Names or addresses, each with a port.</param>
    /// <exception cref="ArgumentException">One of them is not a name or address with a port.</exception>
    public PeerOptionsBuilder Members(params string[] endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        return Set(_settings with { Members = [.. endpoints.Select(endpoint => PeerAddress.Check(endpoint, nameof(endpoints)))] });
    }

    /// <summary>Every address of a name is a node, as with a headless service of Kubernetes. It is asked again every few seconds.</summary>
    /// <param name="endpoint">A name with a port.</param>
    /// <exception cref="ArgumentException"><paramref name="endpoint"/> is not a name with a port.</exception>
    public PeerOptionsBuilder MembersFromDns(string endpoint) => Set(_settings with { DnsName = PeerAddress.Check(endpoint, nameof(endpoint)) });

    /// <summary>
    /// The nodes enter themselves in the table <c>ef_second_level_cache_nodes</c>, which is made where it is missing, with a lease on the database's
    /// clock: one that died is no member any more when its lease has run out.
    /// </summary>
    /// <param name="connectionString">Of a user who may use that table.</param>
    /// <exception cref="ArgumentException"><paramref name="connectionString"/> is blank or can't be read.</exception>
    public PeerOptionsBuilder MembersFromDatabase(string connectionString)
        => Set(_settings with
        {
            Database = GivenDatabase.Of(connectionString, $"{nameof(MembersFromDatabase)}(connectionString)", nameof(connectionString)),
        });

    /// <summary>The nodes enter themselves in a table of a database that a data source leads to, whose password may change.</summary>
    /// <param name="dataSource">Of a user who may use that table. It is not disposed with the cache.</param>
    public PeerOptionsBuilder MembersFromDatabase(NpgsqlDataSource dataSource) => Set(_settings with { Database = GivenDatabase.Of(dataSource) });

    /// <summary>
    /// What every node knows and nobody else. Both sides prove that they know it without sending it, and every message is authenticated. Messages are
    /// not encrypted by it: names of tables and columns, and hashes of values, can be read on the way. Use <see cref="Tls"/> where that matters.
    /// </summary>
    /// <param name="secret">At least 16 characters; better 32 random ones.</param>
    /// <exception cref="ArgumentException"><paramref name="secret"/> is shorter.</exception>
    public PeerOptionsBuilder SharedSecret(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        return secret.Length >= LeastSecret
            ? Set(_settings with { Secret = secret })
            : throw new ArgumentException(
                $"SharedSecret has {secret.Length} characters; give at least {LeastSecret}, for example from: openssl rand -base64 32.", nameof(secret));
    }

    /// <summary>Encrypts with TLS. Both sides show a certificate, and whoever has one of this authority is a node: use an authority of its own.</summary>
    /// <param name="certificate">Of this node, with its private key.</param>
    /// <param name="authority">That has issued the certificates of all nodes.</param>
    /// <exception cref="ArgumentException"><paramref name="certificate"/> has no private key.</exception>
    public PeerOptionsBuilder Tls(X509Certificate2 certificate, X509Certificate2 authority)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        ArgumentNullException.ThrowIfNull(authority);
        return certificate.HasPrivateKey
            ? Set(_settings with { Certificate = certificate, Authority = authority })
            : throw new ArgumentException($"The certificate {certificate.Subject} has no private key.", nameof(certificate));
    }

    /// <summary>
    /// How much may wait for a node that does not take it. Past it the node misses what was waiting, and flushes. Default: 4,194,304 (4 MiB) for
    /// each node.
    /// </summary>
    /// <param name="bytes">65,536 (64 KiB) to 1,073,741,824 (1 GiB).</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is out of that range.</exception>
    public PeerOptionsBuilder QueueBytes(int bytes)
        => bytes is >= 64 << 10 and <= 1 << 30
            ? Set(_settings with { QueueBytes = bytes })
            : throw new ArgumentOutOfRangeException(nameof(bytes), bytes, $"QueueBytes is {bytes}; give 65,536 (64 KiB) to 1,073,741,824 (1 GiB).");

    internal static PeerSettings Build(Action<PeerOptionsBuilder> configure)
    {
        var builder = new PeerOptionsBuilder();
        configure(builder);
        var settings = builder._settings;
        if (settings.Secret is null && settings.Certificate is null)
        {
            string[] endpoints = [$"{settings.Listen}", .. settings.Members, .. settings.DnsName is { } name ? [name] : Array.Empty<string>()];
            if (endpoints.FirstOrDefault(endpoint => !PeerAddress.IsLoopback(endpoint)) is { } reachable)
            {
                throw new ArgumentException(
                    $"UsePeers: {reachable} is not on this machine, and neither SharedSecret nor Tls is set: anybody who reaches the port could "
                    + "remove what is cached and read what changes. Set one of them, or listen on 127.0.0.1 and name only members there.");
            }
        }

        return settings;
    }

    private PeerOptionsBuilder Set(PeerSettings settings)
    {
        _settings = settings;
        return this;
    }
}
