using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Sql;

/// <summary>
/// Reads a text statement by statement. It is no parser of SQL: it finds the few forms that matter wherever they stand, and takes what
/// it can't tell apart for the worse.
/// </summary>
internal sealed class RawSqlReader
{
    private static readonly string[] PresentTimes = ["now", "today", "tomorrow", "yesterday"];

    private readonly RawSqlWords _words;
    private readonly List<RawSqlStatement> _statements = [];
    private readonly HashSet<TableName> _relations = [];
    private readonly HashSet<RawSqlFunction> _functions = [];
    private readonly HashSet<TableName> _written = [];
    private readonly HashSet<string> _databases = [];
    private RawSqlEffects _effects;
    private bool _onlyPlanned;

    private RawSqlReader(RawSqlWords words) => _words = words;

    /// <summary>Null: the text can't be read to its end.</summary>
    public static RawSqlAnalysis? TryRead(string sql)
    {
        if (RawSqlWords.TryRead(sql) is not { } words)
            return null;

        var reader = new RawSqlReader(words);
        reader.Read();
        return new RawSqlAnalysis(
            [.. reader._statements],
            [.. reader._relations],
            [.. reader._functions],
            [.. reader._written],
            [.. reader._databases],
            reader._effects);
    }

    private void Read()
    {
        for (var start = 0; start < _words.Count;)
        {
            var end = EndOfStatement(start);
            if (end > start)
            {
                _statements.Add(ReadStatement(start, end));
                if (_statements[^1] is RawSqlStatement.Commit or RawSqlStatement.Rollback && Chains(start, end))
                    _statements.Add(RawSqlStatement.Begin);
            }

            start = end + 1;
        }
    }

    /// <summary>The next semicolon neither in parentheses (CREATE RULE) nor between BEGIN ATOMIC and END (CREATE FUNCTION).</summary>
    private int EndOfStatement(int start)
    {
        var blocks = 0;
        var end = start;
        for (; end < _words.Count; end++)
        {
            switch (_words.Kind(end))
            {
                case SqlTokenKind.OpenParenthesis or SqlTokenKind.OpenBracket:
                    end = _words.Close(end);
                    break;
                case SqlTokenKind.Semicolon when blocks == 0:
                    return end;
                case SqlTokenKind.Name when _words.Is(start, "create"):
                    if (_words.Is(end, "begin") && _words.Is(end + 1, "atomic"))
                        blocks++;
                    else if (blocks > 0 && _words.Is(end, "case"))
                        blocks++;
                    else if (blocks > 0 && _words.Is(end, "end"))
                        blocks--;
                    break;
            }
        }

        return end;
    }

    private RawSqlStatement ReadStatement(int start, int end)
    {
        if (StartsQuery(start))
            return ReadBody(start, end);

        switch (_words.Keyword(start)?.Text)
        {
            case "insert" or "update" or "delete" or "merge":
                return ReadBody(start, end) is not RawSqlStatement.Query and var change ? change : MayDoAnything();
            case "truncate":
                return ReadTruncate(start + 1, end);
            case "copy":
                return ReadCopy(start + 1, end);
            case "refresh" when _words.Is(start + 1, "materialized") && _words.Is(start + 2, "view"):
                ReadTarget(_words.Is(start + 3, "concurrently") ? start + 4 : start + 3);
                return RawSqlStatement.RefreshMaterializedView;
            case "explain":
                return ReadExplain(start + 1, end);
            case "show":
                return RawSqlStatement.Show;
            case "set" or "reset" or "discard":
                _effects |= RawSqlEffects.ChangesSession;
                return RawSqlStatement.Session;
            case "prepare" when _words.Is(start + 1, "transaction") && _words.Kind(start + 2) == SqlTokenKind.Literal:
                return Control(RawSqlStatement.PrepareTransaction);
            case "listen" or "unlisten" or "notify" or "lock" or "checkpoint" or "close" or "prepare" or "deallocate" or "analyze"
                or "analyse" or "vacuum":
                _effects |= RawSqlEffects.Writes;
                return RawSqlStatement.Utility;
            case "begin":
            case "start" when _words.Is(start + 1, "transaction"):
                return Control(RawSqlStatement.Begin);
            case "commit" or "end" when _words.Is(start + 1, "prepared"):
                _effects |= RawSqlEffects.Writes | RawSqlEffects.WritesEverything;
                return Control(RawSqlStatement.CommitPrepared);
            case "commit" or "end":
                return Control(RawSqlStatement.Commit);
            case "rollback" or "abort" when _words.Is(start + 1, "prepared"):
                return Control(RawSqlStatement.RollbackPrepared);
            case "rollback" or "abort" when _words.Is(start + 1, "to") || _words.Is(start + 2, "to"):
                return Control(RawSqlStatement.RollbackToSavepoint);
            case "rollback" or "abort":
                return Control(RawSqlStatement.Rollback);
            case "savepoint":
                return Control(RawSqlStatement.Savepoint);
            case "release":
                return Control(RawSqlStatement.ReleaseSavepoint);
            default:
                return NamesDatabase(start) ? ReadDatabase(start + 2, end) : MayDoAnything();
        }
    }

    private bool NamesDatabase(int start)
        => (_words.Is(start, "create") || IsWord(start, "drop") || IsWord(start, "alter")) && IsWord(start + 1, "database");

    /// <summary>CREATE, DROP or ALTER DATABASE: nothing else of the server changes with it.</summary>
    private RawSqlStatement ReadDatabase(int start, int end)
    {
        var name = IsWord(start, "if") && _words.Is(start + 1, "exists") ? start + 2 : start;
        if (!_words.IsAnyName(name))
            return MayDoAnything();
        _effects |= RawSqlEffects.Writes;
        _databases.Add(_words.NameOf(name, name).Name);
        if (IsWord(name + 1, "rename") && name + 3 < end)
            _databases.Add(_words.NameOf(name + 3, name + 3).Name);
        return RawSqlStatement.Utility;
    }

    /// <summary>Reads words that are names to everything else here.</summary>
    private bool IsWord(int i, string word) => _words.Kind(i) == SqlTokenKind.Name && _words.Text(i).Equals(word, StringComparison.OrdinalIgnoreCase);
    private RawSqlStatement Control(RawSqlStatement statement)
    {
        _effects |= RawSqlEffects.ControlsTransaction;
        return statement;
    }

    private RawSqlStatement MayDoAnything()
    {
        if (!_onlyPlanned)
            _effects |= RawSqlEffects.Writes | RawSqlEffects.Unknown;
        return RawSqlStatement.Other;
    }

    private bool Chains(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            if (_words.Is(i, "and") && _words.Is(i + 1, "chain"))
                return true;
        }

        return false;
    }

    private RawSqlStatement ReadExplain(int start, int end)
    {
        var analyzes = false;
        var inner = start;
        if (_words.Kind(inner) == SqlTokenKind.OpenParenthesis && !StartsQuery(inner + 1))
        {
            inner = _words.Close(inner) + 1;
            for (var i = start; i < inner; i++)
                analyzes |= IsAnalyze(i);
        }

        for (; IsAnalyze(inner) || _words.Is(inner, "verbose"); inner++)
            analyzes |= IsAnalyze(inner);

        _onlyPlanned = !analyzes;
        if (_onlyPlanned)
            ReadBody(inner, end);
        else if (_words.Is(inner, "explain"))
            MayDoAnything();
        else
            ReadStatement(inner, end);
        _onlyPlanned = false;
        return RawSqlStatement.Explain;

        bool IsAnalyze(int index) => _words.Is(index, "analyze") || _words.Is(index, "analyse");
    }

    private bool StartsQuery(int index)
    {
        while (_words.Kind(index) == SqlTokenKind.OpenParenthesis)
            index++;
        return IsQueryKeyword(index) || _words.Is(index, "with");
    }

    private bool IsQueryKeyword(int index) => _words.Keyword(index)?.Text is "select" or "values" or "table";

    private RawSqlStatement ReadTruncate(int start, int end)
    {
        var i = _words.Is(start, "table") ? start + 1 : start;
        for (; ; i++)
        {
            i = ReadTarget(i) + 1;
            if (_words.Kind(i) == SqlTokenKind.Operator) // *: and the tables that inherit from it, as without
                i++;
            if (_words.Kind(i) != SqlTokenKind.Comma)
                break;
        }

        for (; i < end; i++)
        {
            if (_words.Is(i, "cascade"))
                _effects |= RawSqlEffects.WritesEverything; // All that reference it, and all that reference those.
            else if (_words.Keyword(i)?.Text is not ("restart" or "continue" or "identity" or "restrict"))
                MayDoAnything();
        }

        return RawSqlStatement.Truncate;
    }

    private RawSqlStatement ReadCopy(int start, int end)
    {
        if (_words.Kind(start) == SqlTokenKind.OpenParenthesis)
        {
            ReadBody(start, end);
            return RawSqlStatement.Copy;
        }

        var name = _words.Is(start, "binary") ? start + 1 : start;
        var last = _words.EndOfName(name);
        var direction = _words.Kind(last + 1) == SqlTokenKind.OpenParenthesis ? _words.Close(last + 1) + 1 : last + 1;
        if (_words.Is(direction, "from"))
            ReadTarget(name);
        else if (_words.Is(direction, "to") && _words.CanNameRelation(name))
            _relations.Add(_words.NameOf(name, last));
        else
            MayDoAnything();
        ReadBody(last + 1, end);
        return RawSqlStatement.Copy;
    }

    /// <summary>Reads queries and changes of rows, at any depth; the kind is that of the outermost.</summary>
    private RawSqlStatement ReadBody(int start, int end)
    {
        RawSqlStatement? statement = null;
        var isSelect = false;
        var depth = 0;
        for (var i = start; i < end; i++)
        {
            isSelect |= depth == 0 && statement is null && IsQueryKeyword(i);
            switch (_words.Kind(i))
            {
                case SqlTokenKind.OpenParenthesis:
                    depth++;
                    break;
                case SqlTokenKind.CloseParenthesis:
                    depth--;
                    break;
                case SqlTokenKind.Literal:
                    if (MayStandForThePresent(_words.Text(i)))
                        _effects |= RawSqlEffects.ReadsClock;
                    break;
                case SqlTokenKind.Name when !(depth == 0 && isSelect) && ChangeAt(i, out var target) is { } change:
                    if (depth == 0)
                        statement ??= change;
                    i = ReadTarget(target);
                    if (change != RawSqlStatement.Insert && _words.Kind(i + 1) == SqlTokenKind.OpenParenthesis)
                    {
                        MayDoAnything(); // It was an alias, and the table is a function: SELECT x delete FROM f(...)
                        i = target - 1;
                    }

                    break;
                case SqlTokenKind.Name or SqlTokenKind.QuotedName or SqlTokenKind.Parameter:
                    i = ReadName(i);
                    break;
            }
        }

        return statement ?? RawSqlStatement.Query;
    }

    /// <summary>The change of rows that may start here, and where its table stands.</summary>
    private RawSqlStatement? ChangeAt(int i, out int target)
    {
        var second = _words.Keyword(i + 1)?.Text;
        RawSqlStatement? change = _words.Keyword(i)?.Text switch
        {
            "insert" when second == "into" => RawSqlStatement.Insert,
            "merge" when second == "into" => RawSqlStatement.Merge,
            "delete" when second == "from" => RawSqlStatement.Delete,
            "update" when second == "only" || _words.CanNameRelation(i + 1) => RawSqlStatement.Update,
            _ => null,
        };
        target = change == RawSqlStatement.Update ? i + 1 : i + 2;

        // None of these keywords is reserved: here they name columns or tables, or belong to FOR UPDATE, ON CONFLICT DO UPDATE, MERGE.
        var isNone = _words.Kind(i - 1) == SqlTokenKind.Comma
            || _words.Keyword(i - 1)?.Text is "select" or "from" or "join" or "for" or "key" or "do" or "then" or "of";
        return isNone ? null : change;
    }

    /// <summary>Reads [ONLY] name, or ONLY (name), of a table that is written; the index of its last word.</summary>
    private int ReadTarget(int i)
    {
        if (_words.Is(i, "only"))
            i++;
        var parenthesis = _words.Kind(i) == SqlTokenKind.OpenParenthesis;
        var start = parenthesis ? i + 1 : i;
        var last = _words.EndOfName(start);
        if (!_words.CanNameRelation(start) || (parenthesis && _words.Close(i) != last + 1))
        {
            MayDoAnything();
            return i - 1;
        }

        var name = _words.NameOf(start, last);
        _relations.Add(name);
        if (!_onlyPlanned)
        {
            _written.Add(name);
            _effects |= RawSqlEffects.Writes;
        }

        return parenthesis ? last + 1 : last;
    }

    /// <summary>Reads a name, dotted or not, for what it may be: a relation, a function, a keyword; the index of its last word.</summary>
    private int ReadName(int start)
    {
        var last = _words.EndOfName(start);
        var hasParenthesis = _words.Kind(last + 1) == SqlTokenKind.OpenParenthesis;

        // What looks like @parameter is a name if Npgsql finds no parameter so called; then @ is an operator: @f(x), @t.x.
        if (_words.Kind(start) == SqlTokenKind.Parameter && last == start && !hasParenthesis)
            return last;

        var isType = _words.IsLabel(start) || _words.Kind(start - 1) == SqlTokenKind.Cast || _words.Is(start - 1, "collate");
        if (isType)
            return last;

        if (_words.Keyword(start) is { } keyword && last == start)
            ReadKeyword(start, keyword);

        if (hasParenthesis)
        {
            if (IsCall(start, last))
            {
                var (schema, name) = _words.NameOf(start, last);
                AddFunction(new RawSqlFunction(schema, name, CountArguments(last + 1)));
            }
        }
        else if (last > start || (_words.Kind(start - 1) != SqlTokenKind.Dot && _words.CanNameRelation(start)))
        {
            _relations.Add(_words.NameOf(start, last));
        }

        return last;
    }

    private void ReadKeyword(int i, RawSqlKeyword keyword)
    {
        switch (keyword.Text)
        {
            case "with":
                MarkQueryNames(i);
                break;
            case "into": // SELECT INTO; that of INSERT and MERGE is read with them
                MayDoAnything();
                break;
            case "for":
                if (_words.Is(i + 1, "update") || _words.Is(i + 1, "share")
                    || (_words.Is(i + 1, "key") && _words.Is(i + 2, "share"))
                    || (_words.Is(i + 1, "no") && _words.Is(i + 2, "key") && _words.Is(i + 3, "update")))
                {
                    _effects |= RawSqlEffects.LocksRows;
                }

                break;
            case "tablesample":
                _effects |= RawSqlEffects.SamplesTable;
                break;
            case "current_catalog" or "current_date" or "current_role" or "current_schema" or "current_time" or "current_timestamp"
                or "current_user" or "localtime" or "localtimestamp" or "session_user" or "system_user" or "user":
                AddFunction(new RawSqlFunction(null, keyword.Text, 0));
                break;
        }
    }

    /// <summary>Marks the names that WITH gives, so that x (a, b) AS (...) is not taken for a call.</summary>
    private void MarkQueryNames(int with)
    {
        var name = _words.Is(with + 1, "recursive") ? with + 2 : with + 1;
        while (_words.CanNameRelation(name))
        {
            var i = name + 1;
            if (_words.Kind(i) == SqlTokenKind.OpenParenthesis)
                i = _words.Close(i) + 1;
            if (!_words.Is(i, "as"))
                return;
            i++;
            if (_words.Is(i, "not"))
                i++;
            if (_words.Is(i, "materialized"))
                i++;
            if (_words.Kind(i) != SqlTokenKind.OpenParenthesis)
                return;
            _words.MarkQueryName(name);
            if (_words.Kind(_words.Close(i) + 1) != SqlTokenKind.Comma)
                return;
            name = _words.Close(i) + 2;
        }
    }

    /// <summary>Whether a name before a parenthesis is that of a function that is called.</summary>
    private bool IsCall(int start, int last)
    {
        if (_words.NamesQuery(start) || _words.Is(start - 1, "tablesample"))
            return false;
        if (last > start)
            return true;
        if (_words.Keyword(start) is { } keyword)
            return keyword.CanNameFunction && !IsGrammar(start, keyword);
        return !IsAlias(start);
    }

    /// <summary>Whether columns follow the name: FROM t x (a, b), FROM (...) x (a, b), FROM f(...) WITH ORDINALITY x (a, b).</summary>
    private bool IsAlias(int i)
    {
        var before = i - 1;
        if (_words.Kind(before) == SqlTokenKind.CloseParenthesis)
            return EndsOperand(before);
        if (!_words.IsAnyName(before) || _words.Keyword(before) is not null)
            return false;
        while (_words.Kind(before - 1) == SqlTokenKind.Dot)
            before -= 2;
        return _words.Kind(before - 1) == SqlTokenKind.Comma || _words.Keyword(before - 1)?.Text is "from" or "join" or "with";
    }

    /// <summary>Whether a keyword before a parenthesis, which could name a function, is no name here.</summary>
    private bool IsGrammar(int i, RawSqlKeyword keyword)
    {
        var before = _words.Keyword(i - 1)?.Text;
        var after = _words.Keyword(_words.Close(i + 1) + 1)?.Text;
        return keyword.Text switch
        {
            "by" => before is "group" or "order" or "partition",
            "conflict" => before is "on" && after is "do" or "where",
            "cube" or "rollup" => before is "by" && _words.Is(i - 2, "group"),
            "first" or "next" => before is "fetch",
            "insert" => before is "then" && after is "values",
            "materialized" => before is "as" || (before is "not" && _words.Is(i - 2, "as")),
            "sets" => before is "grouping",
            "stdin" => before is "from",
            "stdout" => before is "to",
            "varying" => before is "bit" or "char" or "character" or "nchar" || _words.IsLabel(i - 1), // CAST(x AS character varying(9))
            "zone" => before is "time",
            "escape" or "filter" or "ilike" or "join" or "over" or "set" => EndsOperand(i - 1)
                || before is "cross" or "full" or "inner" or "left" or "natural" or "not" or "outer" or "right" or "update",
            _ => false,
        };
    }

    private bool EndsOperand(int i) => _words.Kind(i) switch
    {
        // But not in DISTINCT ON (a) f(b), a OPERATOR(s.+) f(b), RETURNING WITH (OLD AS o) f(o.b).
        SqlTokenKind.CloseParenthesis => _words.Keyword(_words.Open(i) - 1)?.Text is not ("on" or "operator" or "with"),
        SqlTokenKind.CloseBracket or SqlTokenKind.Literal or SqlTokenKind.Number or SqlTokenKind.Parameter
            or SqlTokenKind.QuotedName => true,
        SqlTokenKind.Name => _words.Keyword(i) is null,
        _ => false,
    };

    private int CountArguments(int open)
    {
        var close = _words.Close(open);
        if (close == open + 1)
            return 0;
        var count = 1;
        for (var i = open + 1; i < close; i++)
        {
            if (_words.Kind(i) is SqlTokenKind.OpenParenthesis or SqlTokenKind.OpenBracket)
                i = _words.Close(i);
            else if (_words.Kind(i) == SqlTokenKind.Comma)
                count++;
        }

        return count;
    }

    private void AddFunction(RawSqlFunction function)
    {
        _functions.Add(function);
        if (function.Volatility == FunctionVolatility.Unknown)
            _effects |= RawSqlEffects.Unknown;
        else if (function.Name == "set_config")
            _effects |= RawSqlEffects.ChangesSession;
    }

    /// <summary>Whether it has one of the words for the present that the input of dates and times knows, as 'now' or '[today,)'.</summary>
    private static bool MayStandForThePresent(ReadOnlySpan<char> literal)
    {
        for (var start = 0; start < literal.Length; start++)
        {
            var end = start;
            while (end < literal.Length && char.IsAsciiLetter(literal[end]))
                end++;
            var word = literal[start..end];
            foreach (var present in PresentTimes)
            {
                if (word.Equals(present, StringComparison.OrdinalIgnoreCase))
                    return true;
            }

            start = end;
        }

        return false;
    }
}
