using System.Security.Cryptography.X509Certificates;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class PeerBackplaneOverTlsTests : PeerBackplaneTests
{
    private readonly X509Certificate2 _authority = Certificates.Authority();
    private int _nodes;

    protected override void Secure(PeerOptionsBuilder peers) => peers.Tls(Certificates.Of(_authority, $"node {_nodes++}"), _authority);
}
