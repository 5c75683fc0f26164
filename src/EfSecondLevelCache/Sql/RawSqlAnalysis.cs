using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Sql;

/// <summary>
/// What the text of a command tells about it, without a look at the database. It errs to one side only: it may name too many relations
/// and too many effects, never too few.
/// </summary>
/// <remarks>
/// It takes identifiers and literals as a server with a UTF-8 database and standard_conforming_strings on does. It can't see what the
/// catalog knows: the tables behind a view, the triggers and cascades of a write, a function of the user's that bears a built-in name
/// or is called as if it were a column (<c>t.f</c>), the functions behind operators and casts.
/// </remarks>
/// <param name="Statements">
/// In the order of the text. COMMIT AND CHAIN counts as two, as it begins the next transaction.
/// </param>
/// <param name="Relations">
/// Every name in queries, in changes of rows and in COPY that a relation could bear; columns, aliases and common table expressions are
/// among them. A query reads no other relation, except through functions.
/// </param>
/// <param name="Functions">Every function that is called by name there.</param>
/// <param name="WrittenTables">The tables whose rows change; complete unless <see cref="RawSqlEffects.WritesEverything"/>.</param>
/// <param name="Databases">The databases that it makes, drops or alters, whichever it is executed in.</param>
/// <param name="Effects">What it does beside reading.</param>
internal sealed record RawSqlAnalysis(
    ValueList<RawSqlStatement> Statements,
    ValueList<TableName> Relations,
    ValueList<RawSqlFunction> Functions,
    ValueList<TableName> WrittenTables,
    ValueList<string> Databases,
    RawSqlEffects Effects)
{
    private static readonly RawSqlAnalysis Unreadable = new([], [], [], [], [],
        RawSqlEffects.Unreadable | RawSqlEffects.Unknown | RawSqlEffects.Writes | RawSqlEffects.ControlsTransaction);

    /// <summary>A thousand texts of a thousand characters, with what was found in them: a few megabytes at most.</summary>
    private static readonly RawSqlMemo Memo = new(mostTexts: 1_000, mostCharacters: 1 << 20);

    public bool IsReadable => !Has(RawSqlEffects.Unreadable);

    public bool WritesEverything => Has(RawSqlEffects.WritesEverything);

    public bool ChangesSession => Has(RawSqlEffects.ChangesSession);

    public bool ControlsTransaction => Has(RawSqlEffects.ControlsTransaction);

    /// <summary>Takes time in proportion to the length of the text, and never throws.</summary>
    public static RawSqlAnalysis Of(string sql) => Memo.Of(sql, static text => RawSqlReader.TryRead(text) ?? Unreadable);

    public bool Has(RawSqlEffects effect) => (Effects & effect) != 0;
}
