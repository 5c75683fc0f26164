using System.Globalization;
using System.Text;

namespace EfSecondLevelCache.Redis.Resp;

/// <summary>
/// The package's own client: one connection for commands, one for each subscription. It stands where StackExchange.Redis would; docs/nodes.md says why.
/// </summary>
internal sealed class RespConnection(RedisServer server) : IRedisConnection
{
    private static readonly TimeSpan CommandTimeout = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _one = new(1);
    private RespStream? _commands;

    public async Task PublishAsync(string channel, IReadOnlyList<ReadOnlyMemory<byte>> messages, CancellationToken cancellationToken)
    {
        var name = Encoding.UTF8.GetBytes(channel);
        await ExecuteAsync([.. messages.Select(message => (ReadOnlyMemory<byte>[])["PUBLISH"u8.ToArray(), name, message])], cancellationToken)
            .ConfigureAwait(false);
    }

    public async Task SubscribeAsync(string channel, Action subscribed, Action<ReadOnlyMemory<byte>> received, CancellationToken cancellationToken)
    {
        await using var stream = await RespStream.ConnectAsync(server, cancellationToken).ConfigureAwait(false);
        stream.Write("SUBSCRIBE"u8.ToArray(), Encoding.UTF8.GetBytes(channel));
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            switch (await stream.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                case object?[] and [byte[] kind, _, byte[] message] when kind.AsSpan().SequenceEqual("message"u8):
                    received(message);
                    break;
                case object?[] and [byte[] kind, _, long] when kind.AsSpan().SequenceEqual("subscribe"u8):
                    subscribed();
                    break;
            }
        }
    }

    public async Task<byte[]?> GetAsync(string key, CancellationToken cancellationToken)
        => (await ExecuteAsync([["GET"u8.ToArray(), Encoding.UTF8.GetBytes(key)]], cancellationToken).ConfigureAwait(false)) as byte[];

    public Task SetAsync(string key, ReadOnlyMemory<byte> value, TimeSpan timeToLive, CancellationToken cancellationToken)
    {
        var milliseconds = Math.Max(1, (long)timeToLive.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        return ExecuteAsync(
            [["SET"u8.ToArray(), Encoding.UTF8.GetBytes(key), value, "PX"u8.ToArray(), Encoding.UTF8.GetBytes(milliseconds)]], cancellationToken);
    }

    public Task DeleteAsync(string key, CancellationToken cancellationToken)
        => ExecuteAsync([["DEL"u8.ToArray(), Encoding.UTF8.GetBytes(key)]], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_commands is not null)
            await _commands.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Sends all commands before it waits for their replies; the last reply is returned. After a failure the next call connects anew.</summary>
    private async Task<object?> ExecuteAsync(IReadOnlyList<ReadOnlyMemory<byte>[]> commands, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(CommandTimeout);
        await _one.WaitAsync(timeout.Token).ConfigureAwait(false);
        try
        {
            _commands ??= await RespStream.ConnectAsync(server, timeout.Token).ConfigureAwait(false);
            foreach (var command in commands)
                _commands.Write(command);
            await _commands.FlushAsync(timeout.Token).ConfigureAwait(false);
            object? reply = null;
            for (var i = 0; i < commands.Count; i++)
                reply = await _commands.ReadAsync(timeout.Token).ConfigureAwait(false);
            return reply;
        }
        catch
        {
            // Replies may be left on the way.
            if (_commands is not null)
                await _commands.DisposeAsync().ConfigureAwait(false);
            _commands = null;
            throw;
        }
        finally
        {
            _one.Release();
        }
    }
}
