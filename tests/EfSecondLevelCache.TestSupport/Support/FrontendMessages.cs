using System.Buffers.Binary;
using System.Text;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// Reads what a client sends over one connection (PostgreSQL's frontend protocol, version 3): the text of every statement it asks to
/// execute, and where it waits for an answer.
/// </summary>
internal sealed class FrontendMessages
{
    private readonly Dictionary<string, string> _prepared = [];
    private readonly List<byte> _unread = [];
    private bool _started;

    /// <param name="bytes">What came next on the connection; it may end within a message.</param>
    /// <param name="executes">Called with the text of a statement that is executed.</param>
    /// <param name="awaits">Called where the client waits for the server: a round trip.</param>
    public void Read(ReadOnlySpan<byte> bytes, Action<string> executes, Action awaits)
    {
        _unread.AddRange(bytes);
        while (Next() is var (kind, body))
        {
            switch (kind)
            {
                case 'Q':
                    executes(Text(body, 0, out _));
                    awaits();
                    break;
                case 'P':
                    var name = Text(body, 0, out var end);
                    _prepared[name] = Text(body, end, out _);
                    break;
                case 'B':
                    Text(body, 0, out var endOfPortal);
                    executes(_prepared[Text(body, endOfPortal, out _)]);
                    break;
                case 'S':
                    awaits();
                    break;
            }
        }
    }

    private (char Kind, byte[] Body)? Next()
    {
        const int EncryptionRequests = 80877103;
        var typed = _started ? 1 : 0;
        if (_unread.Count < typed + sizeof(int))
            return null;

        var length = BinaryPrimitives.ReadInt32BigEndian([.. _unread.Skip(typed).Take(sizeof(int))]);
        if (_unread.Count < typed + length)
            return null;

        var kind = _started ? (char)_unread[0] : '\0';
        byte[] body = [.. _unread.Skip(typed + sizeof(int)).Take(length - sizeof(int))];
        _unread.RemoveRange(0, typed + length);

        // Before the start-up message, whose first number is the protocol's version, a client may ask for encryption.
        if (!_started)
            _started = BinaryPrimitives.ReadInt32BigEndian(body) < EncryptionRequests;
        return (kind, body);
    }

    private static string Text(byte[] body, int start, out int end)
    {
        var length = body.AsSpan(start).IndexOf((byte)0);
        end = start + length + 1;
        return Encoding.UTF8.GetString(body, start, length);
    }
}
