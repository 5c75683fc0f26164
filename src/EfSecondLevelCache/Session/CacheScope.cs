using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using EfSecondLevelCache.Results;
using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.Session;

/// <summary>
/// What results may be shared within: one connection string (server, database, user, search_path, session settings: everything that can
/// make rows differ; only the password and the pool's settings are left out) and one context type.
/// </summary>
internal sealed class CacheScope : IEquatable<CacheScope>
{
    /// <summary>About 1 KB each, for the whole process.</summary>
    private const int MostRemembered = 2_048;

    /// <summary>
    /// Settings that rows can't depend on, as the builder spells them. Not among them are those that the session can tell of, as a policy may
    /// ask for them: the application's name, and (with the extension sslinfo) whether there is TLS and with which certificate.
    /// </summary>
    private static readonly HashSet<string> WithoutInfluence = new(StringComparer.OrdinalIgnoreCase)
    {
        "Password", "Passfile", "Pooling", "Minimum Pool Size", "Maximum Pool Size", "Connection Idle Lifetime",
        "Connection Pruning Interval", "Connection Lifetime", "Timeout", "Command Timeout", "Cancellation Timeout", "Keepalive",
        "Tcp Keepalive", "Tcp Keepalive Time", "Tcp Keepalive Interval", "Read Buffer Size", "Write Buffer Size", "Socket Receive Buffer Size",
        "Socket Send Buffer Size", "Max Auto Prepare", "Auto Prepare Min Usages", "Include Error Detail", "Log Parameters", "Persist Security Info",
        "SSL Key", "SSL Password", "Root Certificate", "Trust Server Certificate", "Check Certificate Revocation", "Channel Binding",
        "Kerberos Service Name", "Require Auth", "SSL Negotiation",
    };

    /// <summary>The scopes by the instance of the connection string, which most contexts have in common; nothing is held alive.</summary>
    private static readonly ConditionalWeakTable<string, Found> ByInstance = [];

    /// <summary>The scopes by a digest of the connection string: its password is not ours to keep.</summary>
    private static readonly ConcurrentDictionary<(Digest ConnectionString, Type ContextType), CacheScope> Known = new();

    private readonly Type _contextType;

    private CacheScope(
        string identity, Type contextType, string address, string database, int commandTimeout, QueryCacheRefusal? refusal)
    {
        ConnectionIdentity = identity;
        _contextType = contextType;
        Address = address;
        Database = database;
        CommandTimeout = commandTimeout;
        Refusal = refusal;
        Hash = ContentHash.Combine(ContentHash.Of(identity), ContentHash.Of(contextType.AssemblyQualifiedName));
    }

    public ulong Hash { get; }

    /// <summary>What is equal for connections that see the same: the connection string without what rows can't depend on.</summary>
    public string ConnectionIdentity { get; }

    /// <summary>The memory that it takes, with its place among the kept ones.</summary>
    public long Bytes => 160 + ObjectSize.OfString(ConnectionIdentity) + ObjectSize.OfString(Address) + ObjectSize.OfString(Database);

    /// <summary>Host and port as the connection string has them. One server may have several.</summary>
    public string Address { get; }

    /// <summary>The name of the database, which changes are told apart by.</summary>
    public string Database { get; }

    /// <summary>The timeout of commands that have none of their own, in seconds; 0: they may take for ever.</summary>
    public int CommandTimeout { get; }

    /// <summary>Why nothing can be cached over such connections; null: it can.</summary>
    public QueryCacheRefusal? Refusal { get; }

    public static CacheScope Of(string connectionString, Type contextType)
    {
        ByInstance.TryGetValue(connectionString, out var found);
        for (var known = found; known is not null; known = known.Next)
        {
            if (known.Scope._contextType == contextType)
                return known.Scope;
        }

        var scope = Find(connectionString, contextType);
        ByInstance.AddOrUpdate(connectionString, new Found(scope, found));
        return scope;
    }

    private static CacheScope Find(string connectionString, Type contextType)
    {
        var key = (Digest.Of(connectionString), contextType);
        if (Known.TryGetValue(key, out var scope))
            return scope;
        if (Known.Count >= MostRemembered)
            Known.Clear();
        return Known.GetOrAdd(key, static (_, read) => Read(read.connectionString, read.contextType), (connectionString, contextType));
    }

    public bool Equals(CacheScope? other)
        => other is not null
            && (ReferenceEquals(this, other) || (ConnectionIdentity == other.ConnectionIdentity && _contextType == other._contextType));

    public override bool Equals(object? obj) => Equals(obj as CacheScope);

    public override int GetHashCode() => (int)Hash;

    private static CacheScope Read(string connectionString, Type contextType)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (ArgumentException)
        {
            return new CacheScope(connectionString, contextType, "", "", commandTimeout: 0, Refusals.UnreadableConnectionString);
        }

        // With its lengths, so that no value can look like another setting.
        var identity = string.Concat(settings.Keys.Cast<string>()
            .Where(key => !WithoutInfluence.Contains(key) && settings.ContainsKey(key))
            .OrderBy(key => key, StringComparer.Ordinal)
            .Select(key => (Key: key, Value: $"{settings[key]}"))
            .Select(setting => $"{setting.Key}={setting.Value.Length}:{setting.Value};"));
        var mayReachStandby = settings.TargetSessionAttributes switch
        {
            "primary" or "read-write" => false,
            null or "any" => settings.Host?.Contains(',', StringComparison.Ordinal) == true,
            _ => true,
        };
        // Npgsql's default for the database is the user's name, as libpq's is.
        var database = settings.Database ?? settings.Username ?? "";
        var refusal = settings.NoResetOnClose ? Refusals.NoResetOnClose
            : settings.Multiplexing ? Refusals.Multiplexing
            : mayReachStandby ? Refusals.SeveralHosts
            : null;
        return new CacheScope(identity, contextType, $"{settings.Host}:{settings.Port}", database, settings.CommandTimeout, refusal);
    }

    /// <summary>The scopes of one connection string, by context type; a list, as there are few.</summary>
    private sealed record Found(CacheScope Scope, Found? Next);

    /// <summary>Stands for a text without having it (SHA-256, with a secret of this process ahead).</summary>
    private readonly record struct Digest(UInt128 First, UInt128 Second)
    {
        private static readonly byte[] Secret = RandomNumberGenerator.GetBytes(SHA256.HashSizeInBytes);

        public static Digest Of(string text)
        {
            var salted = ArrayPool<byte>.Shared.Rent(Secret.Length + (sizeof(char) * text.Length));
            try
            {
                var length = Secret.Length + (sizeof(char) * text.Length);
                Secret.CopyTo(salted, 0);
                MemoryMarshal.AsBytes(text.AsSpan()).CopyTo(salted.AsSpan(Secret.Length));
                Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
                SHA256.HashData(salted.AsSpan(0, length), hash);
                return MemoryMarshal.Read<Digest>(hash);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(salted, clearArray: true);
            }
        }
    }
}
