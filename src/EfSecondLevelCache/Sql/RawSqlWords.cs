using System.Runtime.InteropServices;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Sql;

/// <summary>A text as words. Any index may be asked for: outside of the text there is nothing.</summary>
internal sealed class RawSqlWords
{
    // In bytes of UTF-8. PostgreSQL cuts what is longer, in quotes too.
    private const int LongestName = 63;

    private readonly string _sql;
    private readonly RawSqlWord[] _words;

    private RawSqlWords(string sql, RawSqlWord[] words) => (_sql, _words) = (sql, words);

    public int Count => _words.Length;

    /// <summary>Null: the text can't be read to its end, or its parentheses don't match.</summary>
    public static RawSqlWords? TryRead(string sql)
    {
        // What follows a NUL is not part of the text that the server sees.
        if (sql.Contains('\0'))
            return null;

        var words = new List<RawSqlWord>(Math.Min(sql.Length / 4, 256));
        var open = new Stack<int>();
        var scanner = new SqlScanner(sql);
        while (scanner.Next() is var token && token.Kind != SqlTokenKind.End)
        {
            switch (token.Kind)
            {
                case SqlTokenKind.Unreadable:
                    return null;
                case SqlTokenKind.OpenParenthesis or SqlTokenKind.OpenBracket:
                    open.Push(words.Count);
                    break;
                case SqlTokenKind.CloseParenthesis or SqlTokenKind.CloseBracket:
                    if (!open.TryPop(out var opener) || words[opener].Token.Kind != token.Kind - 1)
                        return null;
                    CollectionsMarshal.AsSpan(words)[opener].Partner = words.Count;
                    words.Add(new RawSqlWord(token, null, isLabel: false) { Partner = opener });
                    continue;
            }

            words.Add(ToWord(sql, token, words.Count == 0 ? default : words[^1]));
        }

        return open.Count == 0 ? new RawSqlWords(sql, [.. words]) : null;
    }

    public SqlTokenKind Kind(int index) => IsInside(index) ? _words[index].Token.Kind : SqlTokenKind.End;

    public RawSqlKeyword? Keyword(int index) => IsInside(index) ? _words[index].Keyword : null;

    public bool Is(int index, string keyword) => Keyword(index)?.Text == keyword;

    public bool IsLabel(int index) => IsInside(index) && _words[index].IsLabel;

    public bool NamesQuery(int index) => IsInside(index) && _words[index].NamesQuery;

    /// <summary>Where the parenthesis or bracket closes that opens here.</summary>
    public int Close(int index) => _words[index].Partner;

    /// <summary>Where the parenthesis or bracket opens that closes here.</summary>
    public int Open(int index) => _words[index].Partner;

    public void MarkQueryName(int index) => _words[index].NamesQuery = true;

    public bool IsAnyName(int index) => Kind(index) is SqlTokenKind.Name or SqlTokenKind.QuotedName;

    /// <summary>Whether a relation could be called so, without a schema before it.</summary>
    public bool CanNameRelation(int index) => IsAnyName(index) && Keyword(index) is null or { CanNameRelation: true };

    public ReadOnlySpan<char> Text(int index) => _sql.AsSpan(_words[index].Token.Start, _words[index].Token.Length);

    /// <summary>The last part of the dotted name that starts here.</summary>
    public int EndOfName(int start)
    {
        var last = start;
        while (Kind(last + 1) == SqlTokenKind.Dot && IsAnyName(last + 2))
            last += 2;
        return last;
    }

    /// <summary>The last two parts of a dotted name: PostgreSQL allows the database in front, if it is the current one.</summary>
    public TableName NameOf(int start, int last) => new(last > start ? Fold(last - 2) : null, Fold(last));

    private bool IsInside(int index) => (uint)index < (uint)_words.Length;

    private static RawSqlWord ToWord(string sql, SqlToken token, in RawSqlWord previous)
    {
        if (token.Kind != SqlTokenKind.Name || previous.Token.Kind == SqlTokenKind.Dot)
            return new RawSqlWord(token, null, isLabel: token.Kind == SqlTokenKind.QuotedName && previous.Keyword?.Text == "as");

        var keyword = RawSqlKeywords.Find(sql.AsSpan(token.Start, token.Length));
        var isLabel = previous.Keyword?.Text == "as" && keyword?.Text is not ("not" or "materialized"); // WITH x AS NOT MATERIALIZED (
        return new RawSqlWord(token, isLabel ? null : keyword, isLabel);
    }

    private string Fold(int index)
    {
        var text = Text(index);
        switch (Kind(index))
        {
            case SqlTokenKind.QuotedName:
                return Cut(text[1..^1].ToString().Replace("\"\"", "\"", StringComparison.Ordinal));
            case SqlTokenKind.Parameter:
                text = text[1..];
                break;
        }

        return Cut(string.Create(text.Length, text, static (folded, text) =>
        {
            for (var i = 0; i < text.Length; i++)
                folded[i] = char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i];
        }));
    }

    /// <summary>What PostgreSQL keeps of a name.</summary>
    public static string Cut(string name)
    {
        if (name.Length * 3 <= LongestName)
            return name;
        var bytes = 0;
        var length = 0;
        foreach (var rune in name.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > LongestName)
                return name[..length];
            length += rune.Utf16SequenceLength;
        }

        return name;
    }
}
