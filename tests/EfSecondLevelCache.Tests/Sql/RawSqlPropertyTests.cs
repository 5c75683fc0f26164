using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;
using FsCheck;
using FsCheck.Fluent;

namespace EfSecondLevelCache.Tests.Sql;

/// <summary>What holds for every text, shown on texts made of the pieces that scanners stumble over.</summary>
public class RawSqlPropertyTests
{
    private static readonly string[] Pieces =
    [
        "'", "''", "\"", "\"\"", "$", "$$", "$a$", "$1", "E'", "e'", "U&'", "U&\"", "x'", "\\", "\\'", "--", "/*", "*/", "\n",
        "\r", " ", "\t", "a", "B", "_", "é", "\uD83D\uDE00", "\uD83D", "\u00A0", "1", ".5", "1e", "0x", ".", ";", ",", "(", ")",
        "[", "]", "::", ":", ":=", "@", "@p", ":p", "{", "{0}", "}", "*", "-", "/", "<", "=", "?", "select", "from", "a.b",
        "update", "set", "insert into", "delete from", "with", "as", "recursive", "materialized", "only", "for", "key", "share",
        "into", "f(", "truncate", "cascade", "copy", "explain", "analyze", "begin", "atomic", "end", "create function", "case",
        "commit", "and chain", "rollback", "to", "prepare", "\0",
    ];

    // Each may stand beside any other, as a statement of its own.
    private static readonly string[] Statements =
    [
        "select x, now() from a.b where c = 'd' for update", "values (1, f(2))",
        "insert into a (b) select * from c on conflict (b) do nothing", "update only a.b set c = $$;$$",
        "with x (y) as (delete from a returning b) select * from x", "truncate a, b cascade", "commit and chain", "set a = 'b'",
        "copy a from stdin", "create table a (b int)", "explain analyze delete from a", "delete from \"A;b\" where c = E'\\''",
        "merge into a using b on a.c = b.c when matched then update set d = 1", "rollback to a", "select * into b from c",
        "do $x$ ; $x$",
    ];

    private static readonly Arbitrary<string> Texts = Gen.Elements(Pieces).ArrayOf().Select(string.Concat).ToArbitrary();

    [Fact]
    public void Tokens_lie_in_the_text_one_behind_the_other_with_blanks_and_comments_between()
        => Check.One(Many(20_000), Prop.ForAll(Texts, sql =>
        {
            var scanner = new SqlScanner(sql);
            var at = 0;
            while (scanner.Next() is var token && token.Kind != SqlTokenKind.End)
            {
                var between = sql[at..token.Start].TrimStart();
                if (token.Length <= 0 || !(between is "" or ['-', '-', ..] or ['/', '*', ..]))
                    return false;
                at = token.Start + token.Length;
            }

            return at <= sql.Length;
        }));

    [Fact]
    public void No_text_makes_the_analysis_fail()
        => Check.One(Many(20_000), Prop.ForAll(Texts, sql =>
        {
            var analysis = RawSqlAnalysis.Of(sql);
            _ = RawSqlRefusal.Of(analysis);
            return analysis.IsReadable || analysis.Has(RawSqlEffects.Unknown);
        }));

    [Fact]
    public void No_text_shows_through_a_literal_or_a_comment()
        => Check.One(Many(20_000), Prop.ForAll(Texts, text =>
        {
            var quoted = text.Replace("'", "''");
            return Reads($"'{quoted}'", SqlTokenKind.Literal)
                && Reads($"N'{quoted}'", SqlTokenKind.Literal)
                && Reads($"U&'{quoted}'", SqlTokenKind.Literal)
                && Reads($"E'{quoted.Replace("\\", "\\\\")}'", SqlTokenKind.Literal)
                && Reads($"$tag${text}$tag$", SqlTokenKind.Literal)
                && Reads($"\"x{text.Replace("\"", "\"\"")}\"", SqlTokenKind.QuotedName)
                && Reads($"--{text.Replace('\n', ' ').Replace('\r', ' ')}")
                && Reads($"/*{text.Replace("*", "").Replace("/", "")}*/")
                && Reads($"/*/*{text.Replace("*", "").Replace("/", "")}*/*/;", SqlTokenKind.Semicolon);
        }));

    [Fact]
    public void Comments_and_blanks_between_tokens_change_nothing()
        => Check.One(Many(2_000), Prop.ForAll(Gen.Elements(Statements).ToArbitrary(), Texts, (sql, text) =>
        {
            text = text.Replace("\0", "");
            var comment = $"/*{text.Replace("*", "").Replace("/", "")}*/--{text.Replace('\r', ' ').Replace('\n', ' ')}\n";
            return RawSqlAnalysis.Of(Rewrite(sql, comment, static text => text)).Equals(RawSqlAnalysis.Of(sql));
        }));

    [Fact]
    public void The_case_of_letters_changes_nothing_outside_of_quotes()
    {
        foreach (var sql in Statements)
            Assert.Equal(RawSqlAnalysis.Of(sql), RawSqlAnalysis.Of(Rewrite(sql, " ", text => text.ToUpperInvariant())));
    }

    [Fact]
    public void Statements_in_one_text_do_together_what_each_does_alone()
        => Check.One(Many(2_000), Prop.ForAll(Gen.Elements(Statements).ArrayOf().ToArbitrary(), statements =>
        {
            var all = RawSqlAnalysis.Of(string.Join(";\n", statements));
            var each = statements.Select(RawSqlAnalysis.Of).ToArray();
            return all.Statements.SequenceEqual(each.SelectMany(a => a.Statements))
                && all.Relations.SequenceEqual(each.SelectMany(a => a.Relations).Distinct())
                && all.Functions.SequenceEqual(each.SelectMany(a => a.Functions).Distinct())
                && all.WrittenTables.SequenceEqual(each.SelectMany(a => a.WrittenTables).Distinct())
                && all.Effects == each.Aggregate(RawSqlEffects.None, (effects, a) => effects | a.Effects);
        }));

    [Theory]
    [InlineData("(")]
    [InlineData("()")]
    [InlineData("f(")]
    [InlineData("/*")]
    [InlineData("/**/")]
    [InlineData("'")]
    [InlineData("''\n")]
    [InlineData("E''\n")]
    [InlineData("E'' -- \n")]
    [InlineData("$")]
    [InlineData("$a")]
    [InlineData("\"")]
    [InlineData("a.")]
    [InlineData("a")]
    [InlineData("@")]
    [InlineData("with a as ()")]
    [InlineData("with a as (), ")]
    [InlineData("explain analyze ")]
    [InlineData("create function begin atomic ")]
    [InlineData("truncate a, ")]
    [InlineData("on conflict () ")]
    [InlineData("commit and chain;")]
    [InlineData("insert into a values (1);")]
    [InlineData("'now ")]
    [InlineData("\u00E9")]
    public void A_very_long_text_is_read_in_one_pass(string piece)
    {
        // Were it quadratic, this would take minutes.
        var sql = string.Concat(Enumerable.Repeat(piece, 250_000));

        var analysis = RawSqlAnalysis.Of(sql);

        Assert.True(analysis.IsReadable || analysis.WritesEverything);
    }

    [Fact]
    public void Parentheses_may_be_nested_as_deep_as_memory_allows()
    {
        const int depth = 1_000_000;
        var sql = $"select {new string('(', depth)}f(1){new string(')', depth)} from a";

        Assert.Equal([new RawSqlFunction(null, "f", 1)], RawSqlAnalysis.Of(sql).Functions);
    }

    private static Config Many(int tests) => Config.QuickThrowOnFailure.WithMaxTest(tests).WithEndSize(24);

    private static bool Reads(string sql, params SqlTokenKind[] kinds)
    {
        var scanner = new SqlScanner(sql);
        foreach (var kind in kinds)
        {
            if (scanner.Next().Kind != kind)
                return false;
        }

        return scanner.Next().Kind == SqlTokenKind.End;
    }

    private static string Rewrite(string sql, string between, Func<string, string> names)
    {
        var rewritten = new System.Text.StringBuilder(between);
        var scanner = new SqlScanner(sql);
        while (scanner.Next() is var token && token.Kind != SqlTokenKind.End)
        {
            var text = sql.Substring(token.Start, token.Length);
            rewritten.Append(token.Kind == SqlTokenKind.Name ? names(text) : text).Append(between);
        }

        return rewritten.ToString();
    }
}
