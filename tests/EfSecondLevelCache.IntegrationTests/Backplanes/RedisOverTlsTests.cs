using System.Security.Cryptography.X509Certificates;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>A server that takes encrypted connections only, of a user with a password; its certificate is of an authority that no machine knows.</summary>
public sealed class RedisOverTlsTests : IAsyncLifetime
{
    private const string ServerName = "redis.example";

    private readonly X509Certificate2 _authority = Certificates.Authority();
    private readonly string _folder = Directory.CreateTempSubdirectory("efslc-redis-").FullName;
    private RedisServerProcess _redis = null!;

    private string Configuration => $"{_redis.Configuration},ssl=true,sslHost={ServerName}";

    public async ValueTask InitializeAsync()
    {
        using var certificate = Certificates.Of(_authority, ServerName);
        await File.WriteAllTextAsync(Path.Combine(_folder, "cert.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(_folder, "key.pem"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        _redis = await RedisServerProcess.StartAsync(_folder);
    }

    public async ValueTask DisposeAsync()
    {
        if (_redis is not null)
            await _redis.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Nodes_that_trust_its_authority_hear_each_other()
    {
        await using var a = new BackplaneNode(SettingsOf(Configuration, _authority));
        await using var b = new BackplaneNode(SettingsOf(Configuration, _authority));
        await Eventually.TrueAsync(() => a.Hears(b) && b.Hears(a), () => $"{a.Broadcast.Status.Detail}");

        a.Publish(new string('x', 10_000));
        b.Publish("b");

        await Eventually.TrueAsync(() => b.Tags is [{ Length: 10_000 }] && a.Tags is ["b"]);
    }

    [Fact]
    public async Task A_node_that_does_not_trust_its_authority_does_not_connect_and_says_so()
    {
        await using var systems = new BackplaneNode(SettingsOf(Configuration, authority: null));
        await using var another = new BackplaneNode(SettingsOf(Configuration, Certificates.Authority()));

        await TellsAsync(systems, "certificate is invalid");
        await TellsAsync(another, "certificate is invalid");
    }

    [Fact]
    public async Task A_server_of_another_name_is_not_believed()
    {
        await using var node = new BackplaneNode(SettingsOf($"{_redis.Configuration},ssl=true,sslHost=another.example", _authority));

        await TellsAsync(node, "RemoteCertificateNameMismatch");
    }

    [Fact]
    public async Task A_connection_in_plain_text_is_refused_and_the_way_out_is_told()
    {
        await using var node = new BackplaneNode(SettingsOf(_redis.Configuration, authority: null));

        await TellsAsync(node, "ssl=true");
    }

    [Fact]
    public async Task A_wrong_password_is_told()
    {
        await using var node = new BackplaneNode(SettingsOf(Configuration.Replace("s3cret", "wrong", StringComparison.Ordinal), _authority));

        await TellsAsync(node, "WRONGPASS");
    }

    [Fact]
    public void An_authority_without_TLS_is_an_error()
        => Assert.Throws<ArgumentException>(() => new SecondLevelCache(cache => cache.UseRedis(_redis.Configuration, _authority)));

    private static BackplaneFactory SettingsOf(string configuration, X509Certificate2? authority)
        => new SecondLevelCacheOptionsBuilder().UseRedis(configuration, authority).Options.Backplane!;

    private static Task TellsAsync(BackplaneNode node, string why)
        => Eventually.TrueAsync(
            () => node.Broadcast.Status is { State: BackplaneState.Starting, Detail: { } detail } && detail.Contains(why, StringComparison.Ordinal),
            () => $"{node.Broadcast.Status.State} {node.Broadcast.Status.Detail}");
}
