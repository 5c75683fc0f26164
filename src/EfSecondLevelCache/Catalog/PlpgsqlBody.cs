using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>
/// The body of a PL/pgSQL function that does nothing but compute: assignments, IF, RAISE, PERFORM and RETURN of expressions that read no
/// table and call PostgreSQL's own functions. Such is the trigger that most schemas have (<c>NEW.updated_at := now()</c>). Anything else
/// is not read.
/// </summary>
internal sealed class PlpgsqlBody
{
    private readonly string _text;
    private readonly IReadOnlySet<string> _impureFunctions;
    private readonly List<SqlToken> _tokens = [];
    private int _at;

    private PlpgsqlBody(string text, IReadOnlySet<string> impureFunctions) => (_text, _impureFunctions) = (text, impureFunctions);

    /// <summary>The columns of NEW that it sets.</summary>
    public ColumnSet Assigns { get; private set; } = ColumnSet.None;

    /// <summary>Null: it does more, or can't be read.</summary>
    public static PlpgsqlBody? TryRead(string text, IReadOnlySet<string> impureFunctions)
    {
        var body = new PlpgsqlBody(text, impureFunctions);
        var scanner = new SqlScanner(text);
        SqlToken token;
        do
        {
            token = scanner.Next();
            body._tokens.Add(token);
        }
        while (token.Kind is not (SqlTokenKind.End or SqlTokenKind.Unreadable));

        return body.ReadBlock() && body.Kind == SqlTokenKind.End ? body : null;
    }

    /// <summary>SQL that changes no row and calls no function that might.</summary>
    public static bool OnlyReads(string sql, IReadOnlySet<string> impureFunctions)
    {
        var analysis = RawSqlAnalysis.Of(sql);
        return analysis.Statements.Count > 0
            && (analysis.Effects & ~RawSqlEffects.ReadsClock) == 0
            && !analysis.Functions.Any(function => impureFunctions.Contains(function.Name));
    }

    private SqlTokenKind Kind => _tokens[Math.Min(_at, _tokens.Count - 1)].Kind;

    private ReadOnlySpan<char> Text => TextOf(Math.Min(_at, _tokens.Count - 1));

    private ReadOnlySpan<char> TextOf(int index) => _text.AsSpan(_tokens[index].Start, _tokens[index].Length);

    private bool Is(string word) => Kind == SqlTokenKind.Name && Text.Equals(word, StringComparison.OrdinalIgnoreCase);

    private bool Skip(string word)
    {
        if (!Is(word))
            return false;
        _at++;
        return true;
    }

    private bool Skip(SqlTokenKind kind)
    {
        if (Kind != kind)
            return false;
        _at++;
        return true;
    }

    private bool ReadBlock()
    {
        if (Skip("declare"))
        {
            while (!Is("begin"))
            {
                if (!ReadDeclaration())
                    return false;
            }
        }

        return Skip("begin") && ReadStatements() && Skip("end") && (Skip(SqlTokenKind.Semicolon) || Kind == SqlTokenKind.End);
    }

    /// <summary>name [CONSTANT] type [:= expression]</summary>
    private bool ReadDeclaration()
    {
        if (!Skip(SqlTokenKind.Name))
            return false;
        for (; Kind is not (SqlTokenKind.Semicolon or SqlTokenKind.End); _at++)
        {
            if (Is("alias") || Is("cursor"))
                return false;
            if (Is("default") || IsAssignment)
            {
                _at++;
                return ReadExpression(";");
            }
        }

        return Skip(SqlTokenKind.Semicolon);
    }

    private bool ReadStatements()
    {
        while (!Is("end") && !Is("else") && !Is("elsif") && !Is("elseif"))
        {
            if (!ReadStatement())
                return false;
        }

        return true;
    }

    private bool ReadStatement()
    {
        if (Is("declare") || Is("begin"))
            return ReadBlock();
        if (Skip("if"))
            return ReadIf();
        if (Skip("null"))
            return Skip(SqlTokenKind.Semicolon);
        if (Skip("raise") || Skip("perform"))
            return Skip(SqlTokenKind.Semicolon) || ReadExpression(";");
        if (Skip("return"))
            return ReadReturn();
        return ReadAssignment();
    }

    private bool ReadIf()
    {
        do
        {
            if (!ReadExpression("then") || !ReadStatements())
                return false;
        }
        while (Skip("elsif") || Skip("elseif"));

        if (Skip("else") && !ReadStatements())
            return false;
        return Skip("end") && Skip("if") && Skip(SqlTokenKind.Semicolon);
    }

    private bool ReadReturn()
    {
        if (Is("query") || Is("next"))
            return false;
        // RETURN NULL leaves the row as it is; any other row but NEW takes its place.
        if (!Is("new") && !Is("null") && Kind != SqlTokenKind.Semicolon)
            Assigns = ColumnSet.All;
        return Skip(SqlTokenKind.Semicolon) || ReadExpression(";");
    }

    /// <summary>name, NEW.name, with fields and elements of it; then the value.</summary>
    private bool ReadAssignment()
    {
        if (!IsName)
            return false;
        var target = Fold(_at);
        _at++;
        var path = 0;
        for (; !IsAssignment; path++)
        {
            if (Skip(SqlTokenKind.Dot))
            {
                if (!IsName)
                    return false;
                if (path == 0 && target == "new")
                    Assigns = Assigns.Union(ColumnSet.Of(Fold(_at)));
                _at++;
            }
            else if (!Skip(SqlTokenKind.OpenBracket)
                || !(Skip(SqlTokenKind.Number) || Skip(SqlTokenKind.Name))
                || !Skip(SqlTokenKind.CloseBracket))
            {
                return false;
            }
        }

        if (path == 0 && target == "new")
            Assigns = ColumnSet.All;
        _at++;
        return ReadExpression(";");
    }

    private bool IsName => Kind is SqlTokenKind.Name or SqlTokenKind.QuotedName;

    private bool IsAssignment => Kind == SqlTokenKind.Operator && Text is ":=" or "=";

    /// <summary>Reads what PL/pgSQL will execute as SELECT ..., up to a semicolon or a word, and that too.</summary>
    private bool ReadExpression(string end)
    {
        var start = _tokens[Math.Min(_at, _tokens.Count - 1)].Start;
        var cases = 0;
        var depth = 0;
        for (; Kind is not (SqlTokenKind.End or SqlTokenKind.Unreadable); _at++)
        {
            if (depth == 0 && cases == 0 && Text.Equals(end, StringComparison.OrdinalIgnoreCase))
            {
                var expression = _text[start.._tokens[_at].Start];
                _at++;
                return OnlyReads($"SELECT {expression}", _impureFunctions);
            }

            switch (Kind)
            {
                case SqlTokenKind.Semicolon:
                    return false;
                case SqlTokenKind.OpenParenthesis:
                    depth++;
                    break;
                case SqlTokenKind.CloseParenthesis:
                    depth--;
                    break;
                case SqlTokenKind.Name when Is("case"):
                    cases++;
                    break;
                case SqlTokenKind.Name when Is("end"):
                    cases--;
                    break;
                // A view can stand behind FROM, and call anything.
                case SqlTokenKind.Name when Is("select") || Is("table") || Is("execute") || (depth == 0 && Is("from") && !IsDistinctFrom()):
                    return false;
            }
        }

        return false;
    }

    private bool IsDistinctFrom() => _at > 0 && TextOf(_at - 1).Equals("distinct", StringComparison.OrdinalIgnoreCase);

    private string Fold(int index)
    {
        var text = TextOf(Math.Min(index, _tokens.Count - 1));
        return _tokens[Math.Min(index, _tokens.Count - 1)].Kind == SqlTokenKind.QuotedName
            ? text[1..^1].ToString().Replace("\"\"", "\"", StringComparison.Ordinal)
            : text.ToString().ToLowerInvariant();
    }
}
