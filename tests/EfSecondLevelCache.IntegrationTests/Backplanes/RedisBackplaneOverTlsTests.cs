using System.Security.Cryptography.X509Certificates;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Redis;
using StackExchange.Redis;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>A server that speaks nothing but TLS, with a certificate of a private authority, to a user with a password.</summary>
public sealed class RedisBackplaneOverTlsTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("efslc-redis-");
    private readonly X509Certificate2 _authority = Certificates.Authority();
    private RedisServerProcess _redis = null!;

    public async ValueTask InitializeAsync()
    {
        using var server = Certificates.Of(_authority, "redis");
        await WriteAsync("authority.crt", _authority.ExportCertificatePem());
        await WriteAsync("server.crt", server.ExportCertificatePem());
        await WriteAsync("server.key", server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        _redis = await RedisServerProcess.StartAsync(_folder.FullName);
    }

    public async ValueTask DisposeAsync()
    {
        if (_redis is not null)
            await _redis.DisposeAsync();
        _authority.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Nodes_that_trust_the_authority_hear_each_other()
    {
        await using var a = Node(Encrypted, _authority);
        await using var b = Node(Encrypted, _authority);
        await Eventually.TrueAsync(() => a.Hears(b) && b.Hears(a), () => $"{a.Broadcast.Status.Detail}");

        a.Publish("secret");

        await Eventually.TrueAsync(() => b.Tags.Contains("secret"));
    }

    [Fact]
    public async Task A_server_of_another_authority_is_refused()
    {
        using var other = Certificates.Authority();
        await using var node = Node(Encrypted, other);

        await RefusedAsync(node, "certificate");
    }

    [Fact]
    public async Task A_server_of_another_name_is_refused()
    {
        await using var node = Node(Encrypted.Replace("sslHost=redis", "sslHost=other", StringComparison.Ordinal), _authority);

        // On a busy machine the handshake may run out of time before the client has told why it ends.
        await RefusedAsync(node, _redis.Endpoint);
    }

    [Fact]
    public async Task Plain_text_is_refused()
    {
        await using var node = Node(_redis.Configuration, _authority);

        await RefusedAsync(node, _redis.Endpoint);
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        await using var node = Node(Encrypted.Replace("s3cret", "wrong", StringComparison.Ordinal), _authority);

        await RefusedAsync(node, "password");
    }

    private string Encrypted => $"{_redis.Configuration},ssl=true,sslHost=redis";

    private static BackplaneNode Node(string configuration, X509Certificate2 authority)
    {
        var options = ConfigurationOptions.Parse(configuration);
        options.TrustIssuer(authority);
        return new BackplaneNode(new RedisBackplaneSettings(options));
    }

    private static async Task RefusedAsync(BackplaneNode node, string why)
    {
        node.Publish("nobody hears this");
        await Eventually.TrueAsync(
            () => node.Broadcast.Status.Detail?.Contains(why, StringComparison.Ordinal) == true, () => $"{node.Broadcast.Status.Detail}");
        Assert.Equal(BackplaneState.Starting, node.Broadcast.Status.State);
    }

    private Task WriteAsync(string name, string text) => File.WriteAllTextAsync(Path.Combine(_folder.FullName, name), text);
}
