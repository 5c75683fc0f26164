using System.Collections.Frozen;

namespace EfSecondLevelCache.Sql;

/// <summary>
/// The keywords that decide what an unquoted name can be, in the classes of PostgreSQL's documentation ("SQL Key Words"), and those
/// that the reader looks for.
/// </summary>
internal static class RawSqlKeywords
{
    private const string Reserved = """
        all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_catalog
        current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except
        false fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp
        not null offset on only or order placing primary references returning select session_user some symmetric table then to
        trailing true union unique user using variadic when where window with
        """;

    private const string FunctionOrTypeName = """
        authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left like natural
        notnull outer overlaps right similar tablesample verbose
        """;

    // Without overlay and substring, which may be called like any function.
    private const string ColumnName = """
        between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int integer
        interval least national nchar none normalize nullif numeric out position precision real row setof smallint time timestamp
        treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
        xmlserialize xmltable
        """;

    // Only those that the reader looks for: to all else they are names.
    private const string Unreserved = """
        abort atomic begin by cascade chain checkpoint close commit conflict continue copy cube deallocate delete discard escape
        explain filter first function identity insert key listen lock materialized merge next no notify of operator over partition
        prepare prepared procedure recursive refresh release reset restart restrict rollback rollup savepoint set sets share show
        start stdin stdout system_user transaction truncate unlisten update vacuum varying view work zone
        """;

    private static readonly FrozenDictionary<string, RawSqlKeyword> All = Enumerable.Empty<RawSqlKeyword>()
        .Concat(Of(Reserved, canNameRelation: false, canNameFunction: false))
        .Concat(Of(FunctionOrTypeName, canNameRelation: false, canNameFunction: true))
        .Concat(Of(ColumnName, canNameRelation: true, canNameFunction: false))
        .Concat(Of(Unreserved, canNameRelation: true, canNameFunction: true))
        .ToFrozenDictionary(keyword => keyword.Text);

    private static readonly FrozenDictionary<string, RawSqlKeyword>.AlternateLookup<ReadOnlySpan<char>> Lookup
        = All.GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly int Longest = All.Keys.Max(text => text.Length);

    /// <summary>Null: no keyword, or none that matters.</summary>
    public static RawSqlKeyword? Find(ReadOnlySpan<char> name)
    {
        if (name.Length > Longest)
            return null;
        Span<char> folded = stackalloc char[name.Length];
        for (var i = 0; i < name.Length; i++)
            folded[i] = char.IsAsciiLetterUpper(name[i]) ? (char)(name[i] | 0x20) : name[i];
        return Lookup.TryGetValue(folded, out var keyword) ? keyword : null;
    }

    private static IEnumerable<RawSqlKeyword> Of(string words, bool canNameRelation, bool canNameFunction)
        => words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(word => new RawSqlKeyword(word, canNameRelation, canNameFunction));
}

/// <summary>A keyword in lower case, and what it can be without quotes and without a schema.</summary>
internal sealed record RawSqlKeyword(string Text, bool CanNameRelation, bool CanNameFunction);
