using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.Sql;

public class SqlScannerTests
{
    // n: name, q: quoted name, l: literal, d: number, p: parameter, !: unreadable; everything else stands for itself.
    [Theory]
    [InlineData("", "")]
    [InlineData(" \t\r\n\f\v ", "")]
    [InlineData("-- all", "")]
    [InlineData("-- one\nb -- two\rc", "n[b] n[c]")]
    [InlineData("a--b", "n[a]")]
    [InlineData("a - -b", "n[a] - - n[b]")]
    [InlineData("/* a /* b */ ; ' */c", "n[c]")]
    [InlineData("/**/a/***/b/*/**/*/c", "n[a] n[b] n[c]")]
    [InlineData("/*/**/*/a", "n[a]")]
    [InlineData("/* a /* b */", "![/* a /* b */]")]
    [InlineData("/*/", "![/*/]")]
    [InlineData("a */ b", "n[a] * / n[b]")]
    [InlineData("2*/*c*/3", "d[2] * d[3]")]
    [InlineData("a+--b\nc", "n[a] + n[c]")]

    // Names.
    [InlineData("Ab_1$x", "n[Ab_1$x]")]
    [InlineData("a$1 b$$c$$", "n[a$1] n[b$$c$$]")]
    [InlineData("größe таблица 表 a\u00A0b", "n[größe] n[таблица] n[表] n[a\u00A0b]")]
    [InlineData("\"a b\"\"c;--\"d", "q[\"a b\"\"c;--\"] n[d]")]
    [InlineData("\"\"\"\"", "q[\"\"\"\"]")]
    [InlineData("\"\"", "![\"\"]")]
    [InlineData("\"a", "![\"a]")]
    [InlineData("\"a\"\"", "![\"a\"\"]")]
    [InlineData("U&\"d\\0061ta\"", "![U&\"d\\0061ta\"]")]
    [InlineData("au&\"x\"", "n[au] & q[\"x\"]")]
    [InlineData("u & \"x\"", "n[u] & q[\"x\"]")]
    [InlineData("s . \"T\" /* x */ . c", "n[s] . q[\"T\"] . n[c]")]

    // Strings.
    [InlineData("'a''b;--/*'c", "l['a''b;--/*'] n[c]")]
    [InlineData("''a", "l[''] n[a]")]
    [InlineData("'\\'a", "l['\\'] n[a]")]
    [InlineData("'a\nb'c", "l['a\nb'] n[c]")]
    [InlineData("'a", "!['a]")]
    [InlineData("'a''", "!['a'']")]
    [InlineData("E'\\'a''b' c", "l[E'\\'a''b'] n[c]")]
    [InlineData("e'\\\\'c", "l[e'\\\\'] n[c]")]
    [InlineData("E'a\\", "![E'a\\]")]
    [InlineData("E'a'\n'b\\'c'd", "l[E'a'\n'b\\'c'] n[d]")]
    [InlineData("E'a' -- x\n -- y\n '\\' z'd", "l[E'a' -- x\n -- y\n '\\' z'] n[d]")]
    [InlineData("E'a' '\\'d", "l[E'a'] l['\\'] n[d]")]
    [InlineData("E'a' /*\n*/ '\\'d", "l[E'a'] l['\\'] n[d]")]
    [InlineData("'a'\n'\\'d", "l['a'] l['\\'] n[d]")]
    [InlineData("fe'\\'c", "n[fe] l['\\'] n[c]")]
    [InlineData("e 'a'", "n[e] l['a']")]
    [InlineData("b'01' X'1F' n'a''b' U&'\\0061'", "l[b'01'] l[X'1F'] l[n'a''b'] l[U&'\\0061']")]
    [InlineData("x'1", "![x'1]")]
    [InlineData("a::text", "n[a] :: n[text]")]

    // Dollar quotes.
    [InlineData("$$a ' \" ; $b$ -- $$c", "l[$$a ' \" ; $b$ -- $$] n[c]")]
    [InlineData("$a$ $$ $b$ $A$ $a$c", "l[$a$ $$ $b$ $A$ $a$] n[c]")]
    [InlineData("$_é1$x$_é1$", "l[$_é1$x$_é1$]")]
    [InlineData("$a$ $a", "![$a$ $a]")]
    [InlineData("$a$ $A$", "![$a$ $A$]")]
    [InlineData("$a", "![$a]")]
    [InlineData("$", "![$]")]
    [InlineData("$a-b$", "![$a-b$]")]
    [InlineData("$1$$x$$", "p[$1] l[$$x$$]")]

    // Parameters.
    [InlineData("$1,$12+@p:p,:2", "p[$1] , p[$12] + p[@p] p[:p] , p[:2]")]
    [InlineData("a=@p", "n[a] = p[@p]")]
    [InlineData("a<@p", "n[a] < p[@p]")]
    [InlineData("a@>b a@@b a@@ b @@@c", "n[a] @ > n[b] n[a] @ @ n[b] n[a] @ @ n[b] @ @ @ n[c]")]
    [InlineData("{0} {12}", "p[{0}] p[{12}]")]
    [InlineData("{0", "![{0]")]
    [InlineData("{a}", "![{a}]")]
    [InlineData("{}", "![{}]")]
    [InlineData("{0}x", "![{0}x]")]
    [InlineData("$1x", "![$1x]")]
    [InlineData("$1_f(x)", "![$1_f(x)]")]
    [InlineData("@e'\\'", "![@e'\\']")]
    [InlineData(":p\"x\"", "![:p\"x\"]")]
    [InlineData("@u&\"x\"", "![@u&\"x\"]")]
    [InlineData("@p$$x$$", "![@p$$x$$]")]
    [InlineData("a[1:n]", "n[a] [ d[1] p[:n] ]")]
    [InlineData("a[1::int]", "n[a] [ d[1] :: n[int] ]")]
    [InlineData("x := 1, y => 2", "n[x] := d[1] , n[y] = > d[2]")]

    // Numbers.
    [InlineData("1 1.5 .5 1. 1e5 1.5E-3 .5e+7", "d[1] d[1.5] d[.5] d[1.] d[1e5] d[1.5E-3] d[.5e+7]")]
    [InlineData("1_000 0x1F 0b01 0o17", "d[1_000] d[0x1F] d[0b01] d[0o17]")]
    [InlineData("1..2", "d[1] . d[.2]")]
    [InlineData("1,2", "d[1] , d[2]")]
    [InlineData("1and", "![1and]")]
    [InlineData("1e", "![1e]")]
    [InlineData("1e'a\\'", "![1e'a\\']")]
    [InlineData("a.1", "n[a] d[.1]")]

    // The rest.
    [InlineData("a;b", "n[a] ; n[b]")]
    [InlineData("((a)[b])", "( ( n[a] ) [ n[b] ] )")]
    [InlineData("a->>'b' ?| c #>> d !~~* e", "n[a] - > > l['b'] ? | n[c] # > > n[d] ! ~ ~ * n[e]")]
    [InlineData("a \\ b", "n[a] ![\\ b]")]
    [InlineData("a } b", "n[a] ![} b]")]
    [InlineData("a \u0001", "n[a] ![\u0001]")]
    public void A_text_is_split_into_tokens(string sql, string expected) => Assert.Equal(expected, Tokens(sql));

    [Fact]
    public void Scanning_allocates_nothing()
    {
        var sql = "select \"a\", E'x\\'', $q$ ; $q$, @p, 1.5e3 /* c */ from s.t -- end\n where b::text = 'c'''";
        var count = Count(sql);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            count += Count(sql);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.Equal(101 * 20, count);

        static int Count(string sql)
        {
            var count = 0;
            for (var scanner = new SqlScanner(sql); scanner.Next().Kind != SqlTokenKind.End;)
                count++;
            return count;
        }
    }

    [Fact]
    public void After_the_end_there_is_only_the_end()
    {
        var scanner = new SqlScanner("a 'b");

        Assert.Equal(new SqlToken(SqlTokenKind.Name, 0, 1), scanner.Next());
        Assert.Equal(new SqlToken(SqlTokenKind.Unreadable, 2, 2), scanner.Next());
        Assert.Equal(new SqlToken(SqlTokenKind.End, 4, 0), scanner.Next());
        Assert.Equal(new SqlToken(SqlTokenKind.End, 4, 0), scanner.Next());
    }

    private static string Tokens(string sql)
    {
        var tokens = new List<string>();
        var scanner = new SqlScanner(sql);
        while (scanner.Next() is var token && token.Kind != SqlTokenKind.End)
        {
            var text = sql.Substring(token.Start, token.Length);
            tokens.Add(token.Kind switch
            {
                SqlTokenKind.Name => $"n[{text}]",
                SqlTokenKind.QuotedName => $"q[{text}]",
                SqlTokenKind.Literal => $"l[{text}]",
                SqlTokenKind.Number => $"d[{text}]",
                SqlTokenKind.Parameter => $"p[{text}]",
                SqlTokenKind.Unreadable => $"![{text}]",
                _ => text,
            });
        }

        return string.Join(' ', tokens);
    }
}
