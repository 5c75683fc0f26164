namespace EfSecondLevelCache.Sql;

/// <summary>A token of PostgreSQL's SQL: its kind, and where it stands in the text.</summary>
internal readonly record struct SqlToken(SqlTokenKind Kind, int Start, int Length);

internal enum SqlTokenKind : byte
{
    /// <summary>The text is read to its end.</summary>
    End,

    /// <summary>The text can't be read from here on: something does not end, or has no place in SQL. <see cref="End"/> follows.</summary>
    Unreadable,

    /// <summary>An identifier or keyword without quotes.</summary>
    Name,

    /// <summary>An identifier in double quotes.</summary>
    QuotedName,

    /// <summary>A string, bit string or dollar-quoted string.</summary>
    Literal,

    Number,

    /// <summary><c>@p</c>, <c>:p</c>, <c>$1</c>, or <c>{0}</c> as in FromSqlRaw.</summary>
    Parameter,

    /// <summary>One character of an operator; <c>:=</c> is one token.</summary>
    Operator,

    /// <summary><c>::</c></summary>
    Cast,

    Dot,
    Comma,
    Semicolon,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
}
