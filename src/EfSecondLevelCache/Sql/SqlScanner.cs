namespace EfSecondLevelCache.Sql;

/// <summary>
/// Splits SQL into tokens as PostgreSQL does (flex rules of its <c>scan.l</c>, with standard_conforming_strings on), and knows the
/// parameters that Npgsql and EF Core add to the language. It allocates nothing and never fails: what it can't read is a token too.
/// </summary>
internal ref struct SqlScanner(ReadOnlySpan<char> sql)
{
    private readonly ReadOnlySpan<char> _sql = sql;
    private int _at;

    /// <summary>The next token that is neither blank nor comment.</summary>
    public SqlToken Next()
    {
        var terminated = SkipBlanks(_at, out var start);
        _at = start;
        if (start == _sql.Length)
            return new SqlToken(SqlTokenKind.End, start, 0);

        var (kind, end) = terminated ? Read(start) : Unreadable;
        if (end < 0)
            (kind, end) = (SqlTokenKind.Unreadable, _sql.Length);
        _at = end;
        return new SqlToken(kind, start, end - start);
    }

    private static (SqlTokenKind Kind, int End) Unreadable => (SqlTokenKind.Unreadable, -1);

    // A negative end says: not terminated.
    private readonly (SqlTokenKind Kind, int End) Read(int start)
    {
        var c = _sql[start];
        var next = At(start + 1);
        switch (c)
        {
            case '\'':
                return (SqlTokenKind.Literal, EndOfQuoted(start));
            case '"':
                return (SqlTokenKind.QuotedName, next == '"' && At(start + 2) != '"' ? -1 : EndOfQuoted(start));
            case 'e' or 'E' when next == '\'':
                return (SqlTokenKind.Literal, EndOfEscaped(start + 1));
            case 'b' or 'B' or 'x' or 'X' or 'n' or 'N' when next == '\'':
                return (SqlTokenKind.Literal, EndOfQuoted(start + 1));
            case 'u' or 'U' when next == '&' && At(start + 2) == '\'':
                return (SqlTokenKind.Literal, EndOfQuoted(start + 2));
            case 'u' or 'U' when next == '&' && At(start + 2) == '"':
                return Unreadable; // Its name depends on escapes, and on a UESCAPE that may follow.
            case '$':
                return char.IsAsciiDigit(next)
                    ? (SqlTokenKind.Parameter, EndOfPositionalParameter(start))
                    : (SqlTokenKind.Literal, EndOfDollarQuoted(start));
            case '{':
                return (SqlTokenKind.Parameter, EndOfPlaceholder(start));
            case '@' when next != '@' && At(start - 1) != '@' && IsParameterCharacter(next):
            case ':' when IsParameterCharacter(next):
                return (SqlTokenKind.Parameter, EndOfParameter(start));
            case ':' when next == ':':
                return (SqlTokenKind.Cast, start + 2);
            case ':' when next == '=':
                return (SqlTokenKind.Operator, start + 2);
            case '.' when !char.IsAsciiDigit(next):
                return (SqlTokenKind.Dot, start + 1);
            case ',':
                return (SqlTokenKind.Comma, start + 1);
            case ';':
                return (SqlTokenKind.Semicolon, start + 1);
            case '(':
                return (SqlTokenKind.OpenParenthesis, start + 1);
            case ')':
                return (SqlTokenKind.CloseParenthesis, start + 1);
            case '[':
                return (SqlTokenKind.OpenBracket, start + 1);
            case ']':
                return (SqlTokenKind.CloseBracket, start + 1);
            case '.' or (>= '0' and <= '9'):
                return (SqlTokenKind.Number, EndOfNumber(start));
            case '+' or '-' or '*' or '/' or '<' or '>' or '=' or '~' or '!' or '@' or '#' or '%' or '^' or '&' or '|' or '`' or '?' or ':':
                return (SqlTokenKind.Operator, start + 1);
            default:
                return IsNameStart(c) ? (SqlTokenKind.Name, EndOfName(start)) : Unreadable;
        }
    }

    private readonly char At(int index) => (uint)index < (uint)_sql.Length ? _sql[index] : '\0';

    /// <summary>False: a block comment does not end; then <paramref name="end"/> is its start.</summary>
    private readonly bool SkipBlanks(int from, out int end)
    {
        for (end = from; end < _sql.Length;)
        {
            if (IsBlank(_sql[end]))
            {
                end++;
            }
            else if (_sql[end] == '-' && At(end + 1) == '-')
            {
                end = EndOfLine(end);
            }
            else if (_sql[end] == '/' && At(end + 1) == '*')
            {
                var after = EndOfComment(end);
                if (after < 0)
                    return false;
                end = after;
            }
            else
            {
                break;
            }
        }

        return true;
    }

    private readonly int EndOfLine(int from)
    {
        var length = _sql[from..].IndexOfAny('\n', '\r');
        return length < 0 ? _sql.Length : from + length;
    }

    private readonly int EndOfComment(int from)
    {
        var depth = 1;
        for (var i = from + 2; ;)
        {
            var length = _sql[i..].IndexOfAny('*', '/');
            if (length < 0)
                return -1;
            i += length;
            switch (_sql[i], At(i + 1))
            {
                case ('/', '*'):
                    depth++;
                    i += 2;
                    break;
                case ('*', '/'):
                    i += 2;
                    if (--depth == 0)
                        return i;
                    break;
                default:
                    i++;
                    break;
            }
        }
    }

    /// <summary>Behind the quote that ends what the quote at <paramref name="from"/> starts; a doubled one stands for itself.</summary>
    private readonly int EndOfQuoted(int from)
    {
        var quote = _sql[from];
        for (var i = from + 1; ; i += 2)
        {
            var length = _sql[i..].IndexOf(quote);
            if (length < 0)
                return -1;
            i += length;
            if (At(i + 1) != quote)
                return i + 1;
        }
    }

    private readonly int EndOfEscaped(int from)
    {
        for (var i = from + 1; ;)
        {
            var length = _sql[i..].IndexOfAny('\'', '\\');
            if (length < 0)
                return -1;
            i += length;
            if (_sql[i] == '\\' || At(i + 1) == '\'')
            {
                if (i + 2 > _sql.Length)
                    return -1;
                i += 2;
            }
            else if (ContinuesOnNextLine(i + 1, out var quote))
            {
                i = quote + 1; // The rest has backslashes too, though no E of its own.
            }
            else
            {
                return i + 1;
            }
        }
    }

    /// <summary>Whether another quote follows, with a line break between and nothing else but blanks and line comments.</summary>
    private readonly bool ContinuesOnNextLine(int from, out int quote)
    {
        var lineBreak = false;
        for (quote = from; quote < _sql.Length; quote++)
        {
            var c = _sql[quote];
            if (c is '\n' or '\r')
                lineBreak = true;
            else if (c == '-' && At(quote + 1) == '-')
                quote = EndOfLine(quote) - 1;
            else if (!IsBlank(c))
                return lineBreak && c == '\'';
        }

        return false;
    }

    private readonly int EndOfDollarQuoted(int from)
    {
        var i = from + 1;
        if (IsNameStart(At(i)))
        {
            while (IsNamePart(At(i)) && _sql[i] != '$')
                i++;
        }

        if (At(i) != '$')
            return -1;
        var tag = _sql[from..(i + 1)];
        var length = _sql[(i + 1)..].IndexOf(tag);
        return length < 0 ? -1 : i + 1 + length + tag.Length;
    }

    private readonly int EndOfPositionalParameter(int from)
    {
        var i = from + 1;
        while (char.IsAsciiDigit(At(i)))
            i++;
        return IsNameStart(At(i)) ? -1 : i; // Without underscores, unlike a number
    }

    private readonly int EndOfPlaceholder(int from)
    {
        var i = from + 1;
        while (char.IsAsciiDigit(At(i)))
            i++;
        return i > from + 1 && At(i) == '}' && !IsNamePart(At(i + 1)) && At(i + 1) is not ('\'' or '"') ? i + 1 : -1;
    }

    private readonly int EndOfParameter(int from)
    {
        var i = from + 1;
        while (IsParameterCharacter(At(i)))
            i++;

        // Npgsql makes a parameter of it only if the command has one of that name; else it is an operator before a name. In front of
        // a quote or a dollar the two readings part: @e'\' is a parameter and a string, or a string that goes on.
        var prefix = At(i) == '&' && At(i + 1) is '\'' or '"' && i == from + 2 && At(i - 1) is 'u' or 'U';
        return prefix || At(i) is '\'' or '"' or '$' ? -1 : i;
    }

    // Hexadecimal, octal and binary numbers and underscores came with PostgreSQL 16. A letter behind a number is an error since 15.
    private readonly int EndOfNumber(int from)
    {
        var i = from;
        if (_sql[i] == '0' && At(i + 1) is 'x' or 'X' or 'o' or 'O' or 'b' or 'B')
        {
            i += 2;
            while (char.IsAsciiHexDigit(At(i)) || At(i) == '_')
                i++;
        }
        else
        {
            i = SkipDigits(i);
            if (At(i) == '.' && At(i + 1) != '.')
                i = SkipDigits(i + 1);
            if (At(i) is 'e' or 'E')
            {
                var exponent = At(i + 1) is '+' or '-' ? i + 2 : i + 1;
                if (char.IsAsciiDigit(At(exponent)))
                    i = SkipDigits(exponent);
            }
        }

        return IsNameStart(At(i)) ? -1 : i;
    }

    private readonly int SkipDigits(int i)
    {
        while (char.IsAsciiDigit(At(i)) || At(i) == '_')
            i++;
        return i;
    }

    private readonly int EndOfName(int from)
    {
        var i = from + 1;
        while (IsNamePart(At(i)))
            i++;
        return i;
    }

    private static bool IsBlank(char c) => c is ' ' or (>= '\t' and <= '\r');

    // To PostgreSQL every character outside ASCII is a letter, even a no-break space.
    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c is '_' or >= '\u0080';

    private static bool IsNamePart(char c) => IsNameStart(c) || char.IsAsciiDigit(c) || c == '$';

    private static bool IsParameterCharacter(char c) => IsNameStart(c) || char.IsAsciiDigit(c);
}
