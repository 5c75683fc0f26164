namespace EfSecondLevelCache.Sql;

/// <summary>A token with what is known of it from its neighbours.</summary>
internal struct RawSqlWord(SqlToken token, RawSqlKeyword? keyword, bool isLabel)
{
    public readonly SqlToken Token = token;

    /// <summary>Null for a name in quotes, behind a dot or behind AS: there a keyword is a name like any other.</summary>
    public readonly RawSqlKeyword? Keyword = keyword;

    /// <summary>It stands behind AS: an alias, or the type of a CAST.</summary>
    public readonly bool IsLabel = isLabel;

    /// <summary>The place of the other one, for a parenthesis or bracket.</summary>
    public int Partner;

    /// <summary>It names a common table expression, whose columns may follow in parentheses.</summary>
    public bool NamesQuery;
}
