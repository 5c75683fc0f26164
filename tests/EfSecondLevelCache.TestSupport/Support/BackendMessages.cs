using System.Buffers.Binary;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>Reads what a server sends over one connection as far as it takes to tell which request an answer belongs to.</summary>
internal sealed class BackendMessages
{
    private readonly List<byte> _header = [];
    private int _rest;

    /// <summary>How many requests are answered in full; connecting is the first.</summary>
    public int Answered { get; private set; }

    /// <summary>Whether something of the answer to a request is among the bytes.</summary>
    /// <param name="bytes">What came next on the connection; it may end within a message.</param>
    /// <param name="request">The request's number; connecting is 0.</param>
    public bool Read(ReadOnlySpan<byte> bytes, int request)
    {
        var found = false;
        foreach (var b in bytes)
        {
            found |= Answered == request;
            if (_rest > 0)
            {
                _rest--;
            }
            else
            {
                _header.Add(b);
                if (_header.Count == 1 + sizeof(int))
                    _rest = BinaryPrimitives.ReadInt32BigEndian([.. _header.Skip(1)]) - sizeof(int);
            }

            if (_rest == 0 && _header.Count == 1 + sizeof(int))
            {
                if (_header[0] == 'Z')
                    Answered++;
                _header.Clear();
            }
        }

        return found;
    }
}
