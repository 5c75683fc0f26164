using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Sql;

/// <summary>Why a query of this text is not to be cached.</summary>
internal static class RawSqlRefusal
{
    /// <summary>
    /// The first reason that holds, or null. The reasons that DependsOn can lift (UnreadableSql, UnknownFunction) come last, so they
    /// hide no other. Which of the names are system tables, or temporary ones, is for the catalog to say; here it is told by their form.
    /// </summary>
    public static QueryCacheRefusal? Of(RawSqlAnalysis sql)
    {
        if (!sql.IsReadable)
        {
            return new(RefusalReason.UnreadableSql,
                "its SQL could not be read to the end",
                "Look for a quote, a dollar quote, a comment or a parenthesis that is not closed, and for U&\"...\"; "
                + "or name the tables that it reads with DependsOn.");
        }

        if (sql.Statements is not [RawSqlStatement.Query] || sql.Has(RawSqlEffects.Writes))
        {
            return new(RefusalReason.MayWrite, "its SQL is not one query that only reads",
                "Execute what is not a SELECT, VALUES or TABLE on its own, without Cacheable().");
        }

        if (sql.Has(RawSqlEffects.LocksRows))
        {
            return new(RefusalReason.LocksRows, "it locks the rows that it reads",
                "Leave out FOR UPDATE or FOR SHARE, or leave out Cacheable().");
        }

        if (sql.Has(RawSqlEffects.SamplesTable))
            return new(RefusalReason.SamplesTable, "TABLESAMPLE gives other rows each time", "Leave out Cacheable().");
        if (sql.Has(RawSqlEffects.ReadsClock))
        {
            return new(RefusalReason.VolatileFunction,
                "one of its literals ('now', 'today', 'tomorrow', 'yesterday') may stand for the present",
                "Pass the date, or the text, as a parameter.");
        }

        foreach (var function in sql.Functions)
        {
            if (function.Volatility == FunctionVolatility.Moving)
            {
                return new(RefusalReason.VolatileFunction, $"it calls {function}, whose value moves",
                    "Compute the value first and pass it as a parameter, or leave out Cacheable().");
            }
        }

        foreach (var relation in sql.Relations)
        {
            if (IsSystem(relation))
            {
                return new(RefusalReason.SystemTable, $"it may read {relation}, and changes of system catalogs are not seen",
                    "Leave out Cacheable(); if it is a column, put it in double quotes after its table's name.");
            }
        }

        foreach (var function in sql.Functions)
        {
            if (function.Volatility == FunctionVolatility.Unknown)
            {
                return new(RefusalReason.UnknownFunction, $"it calls {function}, which may read any table",
                    "If the function only reads, name the tables that it reads with DependsOn.");
            }
        }

        return null;
    }

    // PostgreSQL looks into pg_catalog before any schema of the user's, and keeps names of schemas that begin with pg_ to itself.
    private static bool IsSystem(TableName name)
        => name.Schema == "information_schema" || (name.Schema ?? name.Name).StartsWith("pg_", StringComparison.Ordinal);
}
