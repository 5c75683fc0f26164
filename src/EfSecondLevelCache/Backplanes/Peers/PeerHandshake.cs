using System.Security.Cryptography;
using System.Text;

namespace EfSecondLevelCache.Backplanes.Peers;

/// <summary>
/// Both sides prove that they know the secret, the one that dialled first: who merely reaches the port sees 32 random bytes and no more.
/// <code>
/// dialer   -> "EFSLC", version, 2 zero bytes, nonce
/// listener -> nonce
/// dialer   -> incarnation, length and text of its endpoint, HMAC(secret, "dialer", nonces, incarnation, endpoint)
/// listener -> incarnation, HMAC(secret, "listener", nonces, both incarnations)
/// </code>
/// The nonces also make the key of this connection's frames, so that nothing of one connection is of use in another.
/// </summary>
internal sealed class PeerHandshake(Stream stream, byte[] secret, Guid self)
{
    public const byte Version = 1;

    private const int NonceBytes = 32;
    private const int GuidBytes = 16;

    private static readonly byte[] Greeting = [.. "EFSLC"u8, Version, 0, 0];

    /// <exception cref="PeerRejectedException">The other side is no node of ours.</exception>
    public async Task<PeerIdentity> DialAsync(string endpoint, CancellationToken cancellationToken)
    {
        var dialerNonce = RandomNumberGenerator.GetBytes(NonceBytes);
        await stream.WriteAsync((byte[])[.. Greeting, .. dialerNonce], cancellationToken).ConfigureAwait(false);
        byte[] nonces = [.. dialerNonce, .. await ReadAsync(NonceBytes, cancellationToken).ConfigureAwait(false)];

        var name = Encoding.UTF8.GetBytes(endpoint);
        byte[] introduction = [.. self.ToByteArray(), (byte)name.Length, .. name];
        await stream.WriteAsync((byte[])[.. introduction, .. Prove("dialer", nonces, introduction)], cancellationToken).ConfigureAwait(false);

        var answer = await ReadAsync(GuidBytes + HMACSHA256.HashSizeInBytes, cancellationToken).ConfigureAwait(false);
        var listener = answer[..GuidBytes];
        if (!CryptographicOperations.FixedTimeEquals(Prove("listener", nonces, [.. self.ToByteArray(), .. listener]), answer.AsSpan(GuidBytes)))
            throw new PeerRejectedException("it does not know the secret");
        return new PeerIdentity(new Guid(listener), endpoint, FrameKey(nonces));
    }

    /// <exception cref="PeerRejectedException">The other side is no node of ours.</exception>
    public async Task<PeerIdentity> AcceptAsync(CancellationToken cancellationToken)
    {
        var greeting = await ReadAsync(Greeting.Length, cancellationToken).ConfigureAwait(false);
        if (!greeting.AsSpan().SequenceEqual(Greeting))
            throw new PeerRejectedException("it does not speak this version of the protocol of nodes");
        var dialerNonce = await ReadAsync(NonceBytes, cancellationToken).ConfigureAwait(false);
        var listenerNonce = RandomNumberGenerator.GetBytes(NonceBytes);
        await stream.WriteAsync(listenerNonce, cancellationToken).ConfigureAwait(false);
        byte[] nonces = [.. dialerNonce, .. listenerNonce];

        var head = await ReadAsync(GuidBytes + 1, cancellationToken).ConfigureAwait(false);
        var name = await ReadAsync(head[GuidBytes], cancellationToken).ConfigureAwait(false);
        var proof = await ReadAsync(HMACSHA256.HashSizeInBytes, cancellationToken).ConfigureAwait(false);
        if (!CryptographicOperations.FixedTimeEquals(Prove("dialer", nonces, [.. head, .. name]), proof))
            throw new PeerRejectedException("it does not know the secret");

        var dialer = head[..GuidBytes];
        byte[] answer = [.. self.ToByteArray(), .. Prove("listener", nonces, [.. dialer, .. self.ToByteArray()])];
        await stream.WriteAsync(answer, cancellationToken).ConfigureAwait(false);
        return new PeerIdentity(new Guid(dialer), Encoding.UTF8.GetString(name), FrameKey(nonces));
    }

    private byte[] Prove(string role, byte[] nonces, byte[] told)
        => HMACSHA256.HashData(secret, (byte[])[.. Greeting, .. Encoding.UTF8.GetBytes(role), .. nonces, .. told]);

    private byte[] FrameKey(byte[] nonces)
        => HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, HMACSHA256.HashSizeInBytes, salt: nonces, info: "EFSLC frames"u8.ToArray());

    private async Task<byte[]> ReadAsync(int count, CancellationToken cancellationToken)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return bytes;
    }
}

/// <summary>Who is at the other end.</summary>
/// <param name="Incarnation">Of its backplane.</param>
/// <param name="Endpoint">Where it says that it can be reached.</param>
/// <param name="FrameKey">Of this connection.</param>
internal sealed record PeerIdentity(Guid Incarnation, string Endpoint, byte[] FrameKey);
