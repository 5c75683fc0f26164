using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EfSecondLevelCache.Redis.Resp;

/// <summary>One connection to a Redis server: commands out, replies in (https://redis.io/docs/latest/develop/reference/protocol-spec).</summary>
internal sealed class RespStream : IAsyncDisposable
{
    private const int MostLineBytes = 64 << 10;
    private const int MostBulkBytes = 64 << 20;
    private const int MostElements = 1 << 10;
    private const int DeepestNesting = 4;

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    private readonly Stream _stream;
    private readonly PipeReader _reader;
    private readonly PipeWriter _writer;

    private RespStream(Stream stream)
    {
        _stream = stream;
        _reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        _writer = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }

    public static async Task<RespStream> ConnectAsync(RedisServer server, CancellationToken cancellationToken)
    {
        using var connecting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        connecting.CancelAfter(ConnectTimeout);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, connecting.Token).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (server.Tls)
            {
                var encrypted = new SslStream(stream);
                stream = encrypted;
                await encrypted.AuthenticateAsClientAsync(OptionsOf(server), connecting.Token).ConfigureAwait(false);
            }

            var connection = new RespStream(stream);
            await connection.IntroduceAsync(server, connecting.Token).ConfigureAwait(false);
            return connection;
        }
        catch (IOException fault) when (stream is NetworkStream)
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw new RespException($"{fault.Message} If the server expects TLS, say ssl=true.");
        }
        catch
        {
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Puts a command into the buffer; <see cref="FlushAsync"/> sends it.</summary>
    public void Write(params ReadOnlySpan<ReadOnlyMemory<byte>> words)
    {
        WriteHeader('*', words.Length);
        foreach (var word in words)
        {
            WriteHeader('$', word.Length);
            _writer.Write(word.Span);
            _writer.Write("\r\n"u8);
        }
    }

    public async Task FlushAsync(CancellationToken cancellationToken) => await _writer.FlushAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>A reply: null, bytes, a number or an array of such.</summary>
    /// <exception cref="RespException">It is an error, or no reply at all.</exception>
    public async Task<object?> ReadAsync(CancellationToken cancellationToken, int depth = 0)
    {
        var line = await ReadLineAsync(cancellationToken).ConfigureAwait(false);
        switch (line[0])
        {
            case '+':
                return Encoding.UTF8.GetBytes(line[1..]);
            case '-':
                throw new RespException(line[1..]);
            case ':':
                return Number(line, long.MinValue, long.MaxValue);
            case '$':
                var length = (int)Number(line, -1, MostBulkBytes);
                return length < 0 ? null : await ReadBulkAsync(length, cancellationToken).ConfigureAwait(false);
            case '*' when depth < DeepestNesting:
                var count = (int)Number(line, -1, MostElements);
                if (count < 0)
                    return null;
                var elements = new object?[count];
                for (var i = 0; i < count; i++)
                    elements[i] = await ReadAsync(cancellationToken, depth + 1).ConfigureAwait(false);
                return elements;
            default:
                throw new RespException("The server does not speak RESP 2.");
        }
    }

    public async ValueTask DisposeAsync() => await _stream.DisposeAsync().ConfigureAwait(false);

    private static SslClientAuthenticationOptions OptionsOf(RedisServer server)
    {
        var options = new SslClientAuthenticationOptions { TargetHost = server.TlsHost ?? server.Host };
        if (server.Authority is not null)
        {
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { server.Authority },
                RevocationMode = X509RevocationMode.NoCheck,
            };
        }

        return options;
    }

    private async Task IntroduceAsync(RedisServer server, CancellationToken cancellationToken)
    {
        if (server.Password is { } password)
        {
            if (server.User is { } user)
                await ExecuteAsync(cancellationToken, "AUTH", user, password).ConfigureAwait(false);
            else
                await ExecuteAsync(cancellationToken, "AUTH", password).ConfigureAwait(false);
        }

        if (server.Database != 0)
            await ExecuteAsync(cancellationToken, "SELECT", server.Database.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
    }

    private async Task ExecuteAsync(CancellationToken cancellationToken, params string[] words)
    {
        Write([.. words.Select(word => new ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes(word)))]);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        await ReadAsync(cancellationToken).ConfigureAwait(false);
    }

    private void WriteHeader(char kind, int number)
    {
        var span = _writer.GetSpan(16);
        span[0] = (byte)kind;
        number.TryFormat(span[1..], out var digits, default, CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(span[(1 + digits)..]);
        _writer.Advance(1 + digits + 2);
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await _reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (read.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Encoding.UTF8.GetString(read.Buffer.Slice(0, end)).TrimEnd('\r');
                _reader.AdvanceTo(read.Buffer.GetPosition(1, end));
                return line.Length > 0 ? line : throw new RespException("The server does not speak RESP 2.");
            }

            if (read.IsCompleted)
                throw new EndOfStreamException("Redis closed the connection.");
            if (read.Buffer.Length > MostLineBytes)
                throw new RespException("A reply of Redis is too long.");
            _reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private async Task<byte[]> ReadBulkAsync(int length, CancellationToken cancellationToken)
    {
        var read = await _reader.ReadAtLeastAsync(length + 2, cancellationToken).ConfigureAwait(false);
        if (read.Buffer.Length < length + 2)
            throw new EndOfStreamException("Redis closed the connection.");
        var bytes = read.Buffer.Slice(0, length).ToArray();
        _reader.AdvanceTo(read.Buffer.GetPosition(length + 2));
        return bytes;
    }

    private static long Number(string line, long least, long most)
        => long.TryParse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new RespException("A number in a reply of Redis is out of range.");
}
