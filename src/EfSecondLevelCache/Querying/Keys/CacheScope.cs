using System.Collections.Concurrent;
using EfSecondLevelCache.Querying.Planning;
using Npgsql;

namespace EfSecondLevelCache.Querying.Keys;

/// <summary>
/// What results may be shared within: one connection string (server, database, user, search_path, session settings: everything that can
/// make rows differ; only the password and the pool's settings are left out) and one context type.
/// </summary>
internal sealed class CacheScope : IEquatable<CacheScope>
{
    private const int MostRemembered = 10_000;

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

    private static readonly ConcurrentDictionary<(string ConnectionString, Type ContextType), CacheScope> Known = new();

    private readonly Type _contextType;

    private CacheScope(string identity, Type contextType, string database, int commandTimeout, QueryCacheRefusal? refusal)
    {
        ConnectionIdentity = identity;
        _contextType = contextType;
        Database = database;
        CommandTimeout = commandTimeout;
        Refusal = refusal;
        Hash = ContentHash.Combine(ContentHash.Of(identity), ContentHash.Of(contextType.AssemblyQualifiedName));
    }

    public ulong Hash { get; }

    /// <summary>What is equal for connections that see the same: the connection string without what rows can't depend on.</summary>
    public string ConnectionIdentity { get; }

    /// <summary>The name of the database, which changes are told apart by.</summary>
    public string Database { get; }

    /// <summary>Of commands that have none of their own, in seconds; 0: they may take for ever.</summary>
    public int CommandTimeout { get; }

    /// <summary>Why nothing can be cached over such connections; null: it can.</summary>
    public QueryCacheRefusal? Refusal { get; }

    public static CacheScope Of(string connectionString, Type contextType)
    {
        if (Known.TryGetValue((connectionString, contextType), out var scope))
            return scope;
        if (Known.Count >= MostRemembered)
            Known.Clear();
        return Known.GetOrAdd((connectionString, contextType), static key => Read(key.ConnectionString, key.ContextType));
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
            return new CacheScope(connectionString, contextType, "", commandTimeout: 0, Refusals.UnreadableConnectionString);
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
        return new CacheScope(identity, contextType, database, settings.CommandTimeout, refusal);
    }
}
