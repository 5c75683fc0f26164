using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace EfSecondLevelCache;

/// <summary>
/// Stands for the changes that a writer could see, so that a reader elsewhere can ask for a result that is not older:
/// <c>context.Database.GetChangeTokenAsync()</c> after the write, <c>query.Cacheable(q => q.NotOlderThan(token))</c> there. The default value stands
/// for no change at all.
/// </summary>
/// <remarks>
/// Its text has always 39 characters, all of them letters, digits, <c>-</c> and <c>_</c>, so it can go into a cookie, a header or a URL. It is not
/// signed. Who makes one up gets no rows that he could not have otherwise; his queries go to the database.
/// </remarks>
public readonly record struct ChangeToken : ISpanParsable<ChangeToken>
{
    /// <summary>The version of the text: another layout of the bytes, or another hash of names, is another one.</summary>
    private const char Version = '1';

    private const int Bytes = 28;
    private const int Length = 39;

    /// <summary>A hash of the database's name: the name itself is nothing for a browser.</summary>
    internal ulong Database { get; init; }

    /// <summary>The timeline of the server that was written to; a failover begins another one.</summary>
    internal uint Timeline { get; init; }

    /// <summary>Where the log ended: commits that the writer could see are before it.</summary>
    internal ulong Lsn { get; init; }

    /// <summary>The transaction in which the token was taken, which has written and not ended yet; 0: none.</summary>
    internal ulong Xid { get; init; }

    /// <summary>Reads what <see cref="ToString"/> has written.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used: the text is the same in every culture.</param>
    /// <exception cref="FormatException"><paramref name="s"/> is no token.</exception>
    public static ChangeToken Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        return Parse(s.AsSpan(), provider);
    }

    /// <inheritdoc cref="Parse(string, IFormatProvider?)"/>
    public static ChangeToken Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null)
        => TryParse(s, provider, out var token)
            ? token
            : throw new FormatException(
                $"This is no change token: it has {s.Length} characters, where one has {Length}, all of them letters, digits, - and _, and begins "
                + $"with {Version}. Pass what ChangeToken.ToString() has written; use TryParse for text that came from outside.");

    /// <summary>Reads what <see cref="ToString"/> has written; false, with the default token, where the text is none.</summary>
    /// <param name="s">Any text, also from outside: its length is looked at first.</param>
    /// <param name="result">The token.</param>
    public static bool TryParse([NotNullWhen(true)] string? s, out ChangeToken result) => TryParse(s.AsSpan(), null, out result);

    /// <inheritdoc cref="TryParse(string?, out ChangeToken)"/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ChangeToken result)
        => TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc cref="TryParse(string?, out ChangeToken)"/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out ChangeToken result)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        // Not TryDecodeFromChars, which throws where a character is none of its own.
        if (s.Length != Length || s[0] != Version
            || Base64Url.DecodeFromChars(s[1..], bytes, out _, out var written) is not OperationStatus.Done || written != Bytes)
        {
            result = default;
            return false;
        }

        result = new ChangeToken
        {
            Database = BinaryPrimitives.ReadUInt64BigEndian(bytes),
            Timeline = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
            Lsn = BinaryPrimitives.ReadUInt64BigEndian(bytes[12..]),
            Xid = BinaryPrimitives.ReadUInt64BigEndian(bytes[20..]),
        };
        return true;
    }

    /// <summary>Its text, the same in every culture.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Database);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Timeline);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[12..], Lsn);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[20..], Xid);
        return $"{Version}{Base64Url.EncodeToString(bytes)}";
    }
}
