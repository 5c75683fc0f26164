using EfSecondLevelCache;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests;

/// <summary>Each setting's invalid values are refused where they are set, by a message that names the setting and the way out, and no secret.</summary>
public sealed class InvalidSettingsTests
{
    private static readonly Dictionary<string, Action<SecondLevelCacheOptionsBuilder, string>> ConnectionStringSettings = new()
    {
        ["UseNotifications: ConnectionString"] = (cache, value) => cache.UseNotifications(n => n.ConnectionString(value)),
        ["UseLogicalReplication: ConnectionString"] = (cache, value) => cache.UseLogicalReplication(r => r.ConnectionString(value)),
        ["UsePostgresBackplane(connectionString)"] = (cache, value) => cache.UsePostgresBackplane(value),
        ["SynchronousWrites(connectionString)"] = (cache, value) => cache.UsePostgresBackplane().SynchronousWrites(value),
        ["MembersFromDatabase(connectionString)"] = (cache, value) => cache.UsePeers(p => p.MembersFromDatabase(value)),
    };

    private static readonly string[] UnusableConnectionStrings =
    [
        "Hots=x",
        "Host=db;Pasword=geheim",
        "Host=db;Port=abc;Password=geheim",
        "Host=db;Port=0;Password=geheim",
        "Host=db;Port=99999;Password=geheim",
        "Host=db;SSL Mode=perhaps;Password=geheim",
        "Host=db;Timeout=-1;Password=geheim",
        "Host=db;Password='geheim",
        "Database=shop;Password=geheim",
        "Host=db;Target Session Attributes=primary;Password=geheim",
        "nonsense geheim",
    ];

    public static TheoryData<string, string> Unusable
        => [.. from setting in ConnectionStringSettings.Keys from value in UnusableConnectionStrings select (setting, value)];

    [Theory]
    [MemberData(nameof(Unusable))]
    public void A_connection_string_that_Npgsql_can_not_use(string setting, string value)
    {
        var fault = Assert.ThrowsAny<ArgumentException>(
            () => new SecondLevelCache(cache => ConnectionStringSettings[setting](cache, value)));
        Assert.StartsWith(setting, fault.Message);
        Assert.Contains("Give one like Host=", fault.Message);
        Assert.DoesNotContain("geheim", $"{fault}");
        Assert.Equal("connectionString", fault.ParamName);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(null)]
    public void A_connection_string_that_is_blank(string? value)
    {
        foreach (var set in ConnectionStringSettings.Values)
            Assert.ThrowsAny<ArgumentException>(() => new SecondLevelCache(cache => set(cache, value!)));
    }

    [Fact]
    public void A_connection_string_that_can_be_used()
    {
        foreach (var set in ConnectionStringSettings.Values)
        {
            using var cache = new SecondLevelCache(cache => set(cache, "Host=127.0.0.1;Port=1;Username=cache;Password=geheim;Timeout=1"));
            Assert.Empty(cache.Sources);
        }
    }

    [Fact]
    public void The_host_and_the_word_are_told()
    {
        var fault = Assert.Throws<ArgumentException>(() => new SecondLevelCache(c => c.UseNotifications(n => n.ConnectionString("Host=db;Hots=x"))));
        Assert.Contains("host=db;hots=...", fault.Message);
        Assert.Contains("hots", fault.Message);
    }

    public static TheoryData<string, Action<SecondLevelCacheOptionsBuilder>> Others => new()
    {
        { "MaxBytes", c => c.MaxBytes(0) },
        { "MaxEntries", c => c.MaxEntries(0) },
        { "MaxEntryBytes", c => c.MaxEntryBytes(1) },
        { "MaxEntryBytes", c => c.MaxBytes(1 << 20).MaxEntryBytes(2 << 20) },
        { "Eviction", c => c.Eviction((EvictionPolicy)99) },
        { "DefaultTimeToLive", c => c.DefaultTimeToLive(TimeSpan.Zero) },
        { "DefaultTimeToLive", c => c.DefaultTimeToLive(TimeSpan.MaxValue) },
        { "CacheQueriesOf", c => c.CacheQueriesOf<object>(TimeSpan.FromTicks(-1)) },
        { "varyBy", c => c.VaryBy(null!) },
        { "UnknownOutcomeTimeout", c => c.UnknownOutcomeTimeout(TimeSpan.Zero) },
        { "MaxStaleness", c => c.MaxStaleness(TimeSpan.Zero) },
        { "MaxStaleness", c => c.MaxStaleness(TimeSpan.FromHours(2)) },
        { "HeartbeatInterval", c => c.UseNotifications(n => n.HeartbeatInterval(TimeSpan.Zero)) },
        { "HeartbeatInterval", c => c.UseLogicalReplication(r => r.HeartbeatInterval(TimeSpan.FromMinutes(1))) },
        { "Publication", c => c.UseLogicalReplication(r => r.Publication("a\"b")) },
        { "Publication", c => c.UseLogicalReplication(r => r.Publication(new string('ü', 32))) },
        { "name", c => c.UseLogicalReplication(r => r.Publication(" ")) },
        { "UseNotifications and UseLogicalReplication", c => c.UseNotifications().UseLogicalReplication() },
        { "timeProvider", c => c.UseTimeProvider(null!) },
        { "factory", c => c.UseBackplane((BackplaneFactory)null!) },
        { "backplane", c => c.UseBackplane((global::EfSecondLevelCache.Backplanes.InMemoryBackplane)null!) },
        { "configure", c => c.UsePeers(null!) },
        { "Listen", c => c.UsePeers(p => p.Listen("7411")) },
        { "Listen", c => c.UsePeers(p => p.Listen("::1")) },
        { "Listen", c => c.UsePeers(p => p.Listen(null!)) },
        { "node-1:7411", c => c.UsePeers(p => p.Advertise("node-1")) },
        { "node-1:7411", c => c.UsePeers(p => p.Advertise("node-1:0")) },
        { "node-1:7411", c => c.UsePeers(p => p.Members("node-1:7411", "node-2:99999")) },
        { "node-1:7411", c => c.UsePeers(p => p.MembersFromDns("nodes")) },
        { "SharedSecret", c => c.UsePeers(p => p.SharedSecret("short")) },
        { "QueueBytes", c => c.UsePeers(p => p.QueueBytes(1)) },
        { "UsePeers", c => c.UsePeers(p => p.Listen("0.0.0.0:7411")) },
        { "lease", c => c.UsePostgresBackplane().SynchronousWrites("Host=db", TimeSpan.Zero) },
        { "SynchronousWrites", c => c.SynchronousWrites("Host=db") },
    };

    [Theory]
    [MemberData(nameof(Others), DisableDiscoveryEnumeration = true)]
    public void Another_setting(string named, Action<SecondLevelCacheOptionsBuilder> configure)
        => Assert.Contains(named, Assert.ThrowsAny<ArgumentException>(() => new SecondLevelCache(configure)).Message);
}
