using System.Globalization;
using System.Net;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>A name or address with a port, as text.</summary>
internal static class PeerAddress
{
    public static string Check(string endpoint, string parameter)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(endpoint, parameter);
        // Nobody can be dialled at port 0.
        return TryParse(endpoint, out var parsed) && parsed is not (IPEndPoint { Port: 0 } or DnsEndPoint { Port: 0 })
            ? endpoint
            : throw new ArgumentException($"\"{endpoint}\" is no name or address with a port; give one like node-1:7411 or [::1]:7411.", parameter);
    }

    public static bool IsLoopback(string endpoint) => TryParse(endpoint, out var parsed) && parsed switch
    {
        IPEndPoint address => IPAddress.IsLoopback(address.Address),
        DnsEndPoint name => name.Host == "localhost",
        _ => false,
    };

    public static bool IsValid(string endpoint) => TryParse(endpoint, out _);

    public static EndPoint Parse(string endpoint) => TryParse(endpoint, out var parsed) ? parsed : throw new FormatException(endpoint);

    private static bool TryParse(string endpoint, out EndPoint parsed)
    {
        parsed = null!;
        var colon = endpoint.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(endpoint.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = endpoint[..colon];
        if (IPAddress.TryParse(host, out var address))
            parsed = new IPEndPoint(address, port);
        else if (!host.Contains(':', StringComparison.Ordinal) && Uri.CheckHostName(host) is UriHostNameType.Dns)
            parsed = new DnsEndPoint(host, port);
        return parsed is not null;
    }
}
