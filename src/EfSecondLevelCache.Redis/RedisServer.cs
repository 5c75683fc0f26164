using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace EfSecondLevelCache.Redis;

/// <summary>Where a Redis server is and who we are to it.</summary>
internal sealed record RedisServer
{
    private const int DefaultPort = 6379;

    public string Host { get; private init; } = "";

    public int Port { get; private init; } = DefaultPort;

    public string? User { get; private init; }

    public string? Password { get; private init; }

    public bool Tls { get; private init; }

    public string? TlsHost { get; private init; }

    /// <summary>That has issued the server's certificate; null: one that this machine trusts.</summary>
    public X509Certificate2? Authority { get; init; }

    public int Database { get; private init; }

    public string ChannelPrefix { get; private init; } = "";

    public string Endpoint => $"{Host}:{Port}";

    /// <summary>Reads the form of StackExchange.Redis: <c>host:port,user=...,password=...,ssl=true,sslHost=...,defaultDatabase=0,channelPrefix=...</c>.</summary>
    /// <exception cref="ArgumentException">A part of it is not understood; the message names it, without its value.</exception>
    public static RedisServer Parse(string configuration)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(configuration);
        var server = new RedisServer();
        foreach (var part in configuration.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            server = equals < 0 ? server.At(part) : server.With(part[..equals].Trim(), part[(equals + 1)..].Trim());
        }

        return server.Host.Length > 0 ? server : throw new ArgumentException("The configuration of Redis names no server; give one like localhost:6379.");
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => Endpoint;

    private RedisServer At(string endpoint)
    {
        if (Host.Length > 0)
            throw new ArgumentException("The configuration of Redis names several servers; give one, or plug in a connection of your own for a cluster.");
        var colon = endpoint.LastIndexOf(':');
        return colon < 0
            ? this with { Host = endpoint }
            : ushort.TryParse(endpoint.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
                ? this with { Host = endpoint[..colon].Trim('[', ']'), Port = port }
                : throw new ArgumentException($"\"{endpoint}\" is no server with a port; give one like localhost:6379.");
    }

    private RedisServer With(string name, string value) => name.ToUpperInvariant() switch
    {
        "USER" => this with { User = value },
        "PASSWORD" => this with { Password = value },
        "SSL" when bool.TryParse(value, out var tls) => this with { Tls = tls },
        "SSLHOST" => this with { TlsHost = value },
        "DEFAULTDATABASE" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var database) => this with { Database = database },
        "CHANNELPREFIX" => this with { ChannelPrefix = value },
        "ABORTCONNECT" or "CONNECTTIMEOUT" or "SYNCTIMEOUT" or "ASYNCTIMEOUT" or "KEEPALIVE" or "NAME" or "CONNECTRETRY" => this,
        _ => throw new ArgumentException(
            $"The configuration of Redis has {name}, which is not understood, or not with its value. "
            + "Known are user, password, ssl, sslHost, defaultDatabase and channelPrefix."),
    };
}
