using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>TLS where it is configured: both sides show a certificate of the authority. Names are not compared, the authority is the nodes' own.</summary>
internal sealed class PeerTls(X509Certificate2? certificate, X509Certificate2? authority)
{
    public async Task<Stream> DialAsync(Socket socket, CancellationToken cancellationToken)
    {
        var plain = new NetworkStream(socket, ownsSocket: true);
        if (certificate is null)
            return plain;
        var encrypted = new SslStream(plain);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "node",
            ClientCertificates = [certificate],
            LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate,
            RemoteCertificateValidationCallback = IsOfAuthority,
        };
        await AuthenticateAsync(encrypted, () => encrypted.AuthenticateAsClientAsync(options, cancellationToken)).ConfigureAwait(false);
        return encrypted;
    }

    public async Task<Stream> AcceptAsync(Socket socket, CancellationToken cancellationToken)
    {
        var plain = new NetworkStream(socket, ownsSocket: true);
        if (certificate is null)
            return plain;
        var encrypted = new SslStream(plain);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            ClientCertificateRequired = true,
            RemoteCertificateValidationCallback = IsOfAuthority,
        };
        await AuthenticateAsync(encrypted, () => encrypted.AuthenticateAsServerAsync(options, cancellationToken)).ConfigureAwait(false);
        return encrypted;
    }

    private static async Task AuthenticateAsync(SslStream encrypted, Func<Task> authenticate)
    {
        try
        {
            await authenticate().ConfigureAwait(false);
        }
        catch (AuthenticationException fault)
        {
            await encrypted.DisposeAsync().ConfigureAwait(false);
            throw new PeerRejectedException(fault.Message);
        }
    }

    private bool IsOfAuthority(object sender, X509Certificate? shown, X509Chain? _, SslPolicyErrors errors)
    {
        if (shown is null)
            return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority!);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using var certificate = new X509Certificate2(shown);
        return chain.Build(certificate);
    }
}
