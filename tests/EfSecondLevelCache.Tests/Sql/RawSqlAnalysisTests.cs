using EfSecondLevelCache.Sql;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.Sql;

public class RawSqlAnalysisTests
{
    [Theory]
    [InlineData("select * from a", "a")]
    [InlineData("SELECT * FROM Orders", "orders")]
    [InlineData("select * from \"Orders\"", "Orders")]
    [InlineData("select * from \"update\"", "update")]
    [InlineData("select * from update", "update")]
    [InlineData("select * from public.\"Or.ders\"", "public|Or.ders")]
    [InlineData("select * from \"s\"\"1\" . \"t 1\"", "s\"1|t 1")]
    [InlineData("select * from db.S.T", "s|t")]
    [InlineData("select * from s.user", "s|user")]
    [InlineData("select * from a, b, \"C\" as d", "a b C")]
    [InlineData("select * from a x join b y on x.i = y.i left join c z using (i)", "a b c")]
    [InlineData("select * from only a, b *", "a b")]
    [InlineData("select * from (select * from a) x where exists (select from b) and i in (select i from c)", "a b c")]
    [InlineData("with x as (select * from a), y (i) as not materialized (select i from b) select * from x, y, c", "a b c")]
    [InlineData("with recursive x as (select 1 as i union all select i + 1 from a) select * from x", "a")]
    [InlineData("select a.* from s.a", "s|a")]
    [InlineData("(select * from a) union all (select * from b) except table c", "a b c")]
    [InlineData("table a", "a")]
    [InlineData("table only s.a", "s|a")]
    [InlineData("values ((select count(*) from a))", "a")]
    [InlineData("select/**/*from/**/a--\n,b", "a b")]
    [InlineData("select 'x'from a", "a")]
    [InlineData("select \"x\"from a", "a")]
    [InlineData("select $$x$$from a", "a")]
    [InlineData("select 1 from größe, ТАБЛИЦА", "größe ТАБЛИЦА")]
    [InlineData("select E'\\'' from a -- '", "a")]
    [InlineData("select * from a where x = @a.y and @b.z(1) > 0", "a a|y")]
    [InlineData("select * from a cross join lateral f(a.x) as t (i int)", "a")]
    [InlineData("explain select * from a", "a")]
    [InlineData("explain (select * from a)", "a")]
    [InlineData("explain ((select * from a) union (select * from b))", "a b")]
    [InlineData("copy (select * from a) to stdout", "a")]
    [InlineData("copy s.a (x, y) to stdout", "s|a")]
    [InlineData("insert into a select * from b", "a b")]
    [InlineData("update a set x = (select y from b) from c", "a b c")]
    [InlineData("delete from a using b where a.i = b.i", "a b")]
    [InlineData("merge into a using b on a.i = b.i when matched then delete", "a b")]
    [InlineData("select * from t23456789_123456789_123456789_123456789_123456789_123456789_1234",
        "t23456789_123456789_123456789_123456789_123456789_123456789_123")]
    [InlineData("select * from \"ééééééééééééééééééééééééééééééééé\"", "ééééééééééééééééééééééééééééééé")]
    [InlineData("select * from interval", "interval")]
    public void Every_relation_is_found(string sql, string expected)
    {
        var relations = RawSqlAnalysis.Of(sql).Relations;
        foreach (var name in expected.Split(' ').Aggregate(new List<string>(), JoinSpaces))
            Assert.Contains(Name(name), relations);

        // "t 1" is one name.
        static List<string> JoinSpaces(List<string> names, string part)
        {
            if (part == "1")
                names[^1] += " 1";
            else
                names.Add(part);
            return names;
        }
    }

    [Theory]
    [InlineData("select 'from a' from b")]
    [InlineData("select 1 -- from a\n from b")]
    [InlineData("select 1 /* from a /* from a */ , a */ from b")]
    [InlineData("select $x$ from a $x$ from b")]
    [InlineData("select E' from \\' a ' from b")]
    [InlineData("select x as a from b")]
    [InlineData("select x as \"a\" from b")]
    [InlineData("select x::a from b")]
    [InlineData("select cast(x as a) from b")]
    [InlineData("select x collate a from b")]
    [InlineData("select (x).a from b")]
    [InlineData("select y[1].a from b")]
    [InlineData("select @a, :a, {0} from b")]
    [InlineData("select a(1) from b")]
    [InlineData("select * from \"A\"")]
    [InlineData("select \"s.a\" from b")]
    [InlineData("select \"x\"\"a\" from b")]
    [InlineData("set search_path to a")]
    [InlineData("savepoint a")]
    public void What_is_no_relation_is_not_named(string sql) => Assert.DoesNotContain(Name("a"), RawSqlAnalysis.Of(sql).Relations);

    [Theory]
    [InlineData("select from group having order limit offset union where and or not null true case when then else end")]
    [InlineData("select distinct on current_date user left right inner join")]
    [InlineData("")]
    [InlineData(";;  ; -- x\n")]
    public void Reserved_words_name_no_relation(string sql) => Assert.Empty(RawSqlAnalysis.Of(sql).Relations);

    [Theory]

    // One table.
    [InlineData("insert into a values (1)", "a")]
    [InlineData("insert into a(x) values (1)", "a")]
    [InlineData("INSERT INTO \"A\" DEFAULT VALUES", "A")]
    [InlineData("insert into s.a as x (i, j) values (1, 2) on conflict (i) do update set j = excluded.j", "s|a")]
    [InlineData("insert into a values (1) on conflict (i) where x is null do update set (i, j) = (1, 2)", "a")]
    [InlineData("insert into a values (1) on conflict do nothing", "a")]
    [InlineData("insert into a overriding system value select * from b returning *", "a")]
    [InlineData("insert into a values (now(), gen_random_uuid(), nextval('s'), current_user)", "a")]
    [InlineData("update a set x = 1", "a")]
    [InlineData("update only a set x = 1", "a")]
    [InlineData("update only (a) x set (i, j) = (select 1, 2)", "a")]
    [InlineData("update a * as x set i = 1", "a")]
    [InlineData("UPDATE \"update\" SET x = 1", "update")]
    [InlineData("update set set x = 1", "set")]
    [InlineData("update db.s.a set x = 1", "s|a")]
    [InlineData("update a set x = 1 where current of c", "a")]
    [InlineData("update/**/a/**/set x=1", "a")]
    [InlineData("delete from a", "a")]
    [InlineData("delete from only a using b where a.i = b.i", "a")]
    [InlineData("delete from only (s.\"A.b\")", "s|A.b")]
    [InlineData("delete from \"from\"", "from")]
    [InlineData("delete--\nfrom a", "a")]
    [InlineData("merge into a using b on a.i = b.i when matched then update set x = 1 when not matched then insert (i, j) values (1, 2)",
        "a")]
    [InlineData("merge into only a x using (select * from b) y on x.i = y.i when matched then delete when not matched then do nothing",
        "a")]
    [InlineData("truncate a", "a")]
    [InlineData("truncate table only s.a restart identity restrict", "s|a")]
    [InlineData("truncate a continue identity", "a")]
    [InlineData("copy a from stdin", "a")]
    [InlineData("copy s.a (x, y) from stdin with (format csv)", "s|a")]
    [InlineData("COPY a (x) FROM STDIN (FORMAT BINARY)", "a")]
    [InlineData("copy binary a from stdin", "a")]
    [InlineData("refresh materialized view concurrently s.v", "s|v")]
    [InlineData("refresh materialized view v with no data", "v")]

    // Several.
    [InlineData("truncate a, only b, s.c *, \"D\"", "a b s|c D")]
    [InlineData("insert into a select 1; update b set x = 1;; delete from c;", "a b c")]
    [InlineData("with x as (delete from a returning *) select * from x", "a")]
    [InlineData("with x as (delete from a returning *) insert into b select * from x", "a b")]
    [InlineData("with x as materialized (insert into a values (1) returning *), y (i) as (update b set x = 1 returning i) table y",
        "a b")]
    [InlineData("with x as (with y as (delete from a returning *) update b set i = 1 from y returning *) delete from c using x", "a b c")]
    [InlineData("with recursive x as (select 1) search depth first by i set o delete from a", "a")]
    [InlineData("with recursive x as (select 1) cycle i set update using p update a set i = 1", "a")]
    [InlineData("explain analyze delete from a", "a")]
    [InlineData("explain delete from a; delete from b", "b")]
    [InlineData("explain (analyze, costs off) update a set x = 1", "a")]
    [InlineData("explain (analyze false, buffers) verbose update a set x = 1", "a")]
    [InlineData("explain analyse verbose with x as (delete from a returning *) select * from x", "a")]
    [InlineData("copy (insert into a values (1) returning *) to stdout", "a")]
    [InlineData("begin; insert into a values (1); commit", "a")]
    [InlineData("select (1; delete from a)", "a")]

    // None.
    [InlineData("", "")]
    [InlineData("select 1", "")]
    [InlineData("select 'delete from a'; -- delete from a", "")]
    [InlineData("select \"delete\" from a", "")]
    [InlineData("select delete from a", "")]
    [InlineData("select x, delete from a", "")]
    [InlineData("select (x) delete from a", "")]
    [InlineData("select update from a", "")]
    [InlineData("select a.update, insert, merge from a where update is null and delete = 1", "")]
    [InlineData("select * from update u", "")]
    [InlineData("select * from a for update of u skip locked", "")]
    [InlineData("select * from a for no key update nowait", "")]
    [InlineData("select * from (select x, delete from a) y, (select update from a) z", "")]
    [InlineData("select * from (select * from update u cross join update v) x", "")]
    [InlineData("select * from (select * from a for no key update nowait) x", "")]
    [InlineData("select * from (select * from update for update of update skip locked) x", "")]
    [InlineData("values (1)", "")]
    [InlineData("table t", "")]
    [InlineData("show timezone", "")]
    [InlineData("explain delete from a", "")]
    [InlineData("explain (costs off) insert into a values (1)", "")]
    [InlineData("explain (select 1)", "")]
    [InlineData("explain create table a as select 1", "")]
    [InlineData("explain select * into t from a", "")]
    [InlineData("with recursive x (i) as (select 1), y (j) as not materialized (select 2) select * from x, y", "")]
    [InlineData("select * from a join b x (i) on true left join s.c y (i, j) using (i)", "")]
    [InlineData("copy a to stdout", "")]
    [InlineData("set role x; reset all; discard all", "")]
    [InlineData("begin; rollback; savepoint x; release x", "")]
    [InlineData("listen a; notify a, 'x'; unlisten *; lock table a in share mode; vacuum (full) a; analyze a (x); checkpoint", "")]
    [InlineData("prepare p (int) as delete from a where i = $1; deallocate p; close c", "")]
    [InlineData("select now(), random(), nextval('s'), pg_advisory_xact_lock(1), set_config('a', 'b', false)", "")]
    [InlineData("select pg_catalog.lower(x), \"lower\"(x), upper (x), count(*) filter (where x > 1) over (partition by (y)) from a", "")]
    [InlineData("select x::varchar(10), x::geometry(point, 4326), cast(x as vector(3)), cast(x as character varying (9)) from a", "")]
    [InlineData("select * from unnest(@a) with ordinality x (i, n) join (values (1)) y (i) on x.i = y.i, s.t z (j)", "")]
    [InlineData("select * from a group by cube (x), grouping sets ((x), (y))", "")]
    [InlineData("select * from a where (x, y) in ((1, 2)) and not exists (select) and z = any (@p) or b between (1) and (2)", "")]
    [InlineData("select x at time zone (y), interval '1' day from a where b ilike (c) and b not ilike (d) fetch first (1) rows only", "")]
    public void The_tables_that_are_written_are_known(string sql, string expected)
    {
        var analysis = RawSqlAnalysis.Of(sql);

        Assert.True(analysis.IsReadable);
        Assert.False(analysis.WritesEverything);
        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Name), analysis.WrittenTables);
    }

    [Theory]
    [InlineData("call p()")]
    [InlineData("call p(1); select 1")]
    [InlineData("do $$ begin delete from a; end $$")]
    [InlineData("execute p")]
    [InlineData("explain analyze execute p(1)")]
    [InlineData("explain analyze explain delete from a")]
    [InlineData("select f(1)")]
    [InlineData("select * from f()")]
    [InlineData("select s.lower('x')")]
    [InlineData("select \"LOWER\"('x')")]
    [InlineData("select @f(x) from a")]
    [InlineData("select a[1:f(x)] from b")]
    [InlineData("select distinct on (a) f(b) from t")]
    [InlineData("select a operator(pg_catalog.+) f(b) from t")]
    [InlineData("select (x).f(1) from a")]
    [InlineData("select x as y, f(z) from a")]
    [InlineData("select first(x) from a")]
    [InlineData("select y, filter(x) from a")]
    [InlineData("select over(x) from a")]
    [InlineData("select 1 + \"join\"(x), join(x) from a")]
    [InlineData("select distinct on (x) over(x) from a")]
    [InlineData("select * from a join b on conflict(a.i)")]
    [InlineData("select grouping, sets(x) from a")]
    [InlineData("select * from a where not materialized(x)")]
    [InlineData("select case when true then insert(x) end")]
    [InlineData("select * from a order by cube(x)")]
    [InlineData("select query_to_xml('delete from a', true, false, '')")]
    [InlineData("select * from dblink('x', 'y') as t (i int)")]
    [InlineData("select ts_rewrite(x, 'select y from a')")]
    [InlineData("explain select f(1)")]
    [InlineData("show x; select 1; f")]
    [InlineData("insert into a select f(x) from b")]
    [InlineData("insert into a values (1) returning with (old as o) f(o.i)")]
    [InlineData("update a set x = s.f(1)")]
    [InlineData("with x as (select 1) select x delete from f(1)")]
    [InlineData("with x as (select x delete from f(1)) select 1")]
    [InlineData("select * into t from a")]
    [InlineData("select 1 into temp t")]
    [InlineData("with x as (select 1) select * into t from x")]
    [InlineData("select insert into t from a")]
    [InlineData("create table t (i int)")]
    [InlineData("create table t as select * from a")]
    [InlineData("create temp table a (i int)")]
    [InlineData("create or replace function f() returns int begin atomic; delete from a; select case when true then 1 end; end; select 1")]
    [InlineData("create rule r as on insert to a do (delete from b; delete from c)")]
    [InlineData("alter table a add x int")]
    [InlineData("drop table a")]
    [InlineData("grant select on a to b")]
    [InlineData("import foreign schema x from server y into z")]
    [InlineData("declare c cursor for select 1")]
    [InlineData("fetch all from c")]
    [InlineData("load 'x'")]
    [InlineData("reindex table a")]
    [InlineData("cluster a")]
    [InlineData("reassign owned by a to b")]
    [InlineData("whatever")]
    [InlineData("\"select\" 1")]
    [InlineData("@select 1")]
    [InlineData("1")]
    [InlineData("(delete from a)")]
    [InlineData("insert a values (1)")]
    [InlineData("delete a")]
    [InlineData("update @t set x = 1")]
    [InlineData("delete from @t")]
    [InlineData("insert into {0} values (1)")]
    [InlineData("insert into")]
    [InlineData("update only (a set x = 1)")]
    [InlineData("truncate")]
    [InlineData("truncate a b")]
    [InlineData("truncate @t")]
    [InlineData("copy a")]
    [InlineData("copy @t from stdin")]
    [InlineData("refresh materialized view")]
    [InlineData("\uFEFFselect 1")]
    public void What_is_not_certain_writes_everything_and_may_change_the_session(string sql)
    {
        var analysis = RawSqlAnalysis.Of(sql);

        Assert.True(analysis.IsReadable);
        Assert.True(analysis.WritesEverything);
        Assert.True(analysis.ChangesSession);
    }

    [Theory]
    [InlineData("truncate only a, b cascade", "a b")]
    [InlineData("truncate cascade cascade", "cascade")]
    [InlineData("commit prepared 'x'", "")]
    public void What_reaches_tables_that_are_not_named_writes_everything(string sql, string written)
    {
        var analysis = RawSqlAnalysis.Of(sql);

        Assert.True(analysis.WritesEverything);
        Assert.False(analysis.ChangesSession);
        Assert.Equal(written.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Name), analysis.WrittenTables);
    }

    [Theory]
    [InlineData("select 'a")]
    [InlineData("select 1; delete from a /*")]
    [InlineData("select \"a")]
    [InlineData("select $a$ $b$")]
    [InlineData("select (1")]
    [InlineData("select 1)")]
    [InlineData("select a[1)")]
    [InlineData("select * from U&\"\\0061\"")]
    [InlineData("select 1 \\ 2")]
    [InlineData("select 1\0; delete from a")]
    [InlineData("select '\0'")]
    [InlineData("select 1e")]
    public void What_cannot_be_read_may_do_anything(string sql)
    {
        var analysis = RawSqlAnalysis.Of(sql);

        Assert.False(analysis.IsReadable);
        Assert.True(analysis.WritesEverything);
        Assert.True(analysis.ChangesSession);
        Assert.True(analysis.ControlsTransaction);
        Assert.True(analysis.Has(RawSqlEffects.Writes));
        Assert.Equal(RefusalReason.UnreadableSql, RawSqlRefusal.Of(analysis)?.Reason);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(" ; ;", "")]
    [InlineData("select 1", "Query")]
    [InlineData("select 1;", "Query")]
    [InlineData("select ';'; select $$;$$ /*;*/ --;\n;", "Query Query")]
    [InlineData("(select 1) union (select 2)", "Query")]
    [InlineData("((values (1)))", "Query")]
    [InlineData("with x as (delete from a returning *) select * from x", "Query")]
    [InlineData("with x as (select 1) insert into a select * from x", "Insert")]
    [InlineData("with x as (delete from b returning *) update a set i = 1", "Update")]
    [InlineData("with x as (select 1) delete from a", "Delete")]
    [InlineData("merge into a using b on true when matched then delete", "Merge")]
    [InlineData("insert into a select 1; update b set x = 1; delete from c", "Insert Update Delete")]
    [InlineData("truncate a; copy a from stdin; refresh materialized view a", "Truncate Copy RefreshMaterializedView")]
    [InlineData("explain analyze delete from a; show all", "Explain Show")]
    [InlineData("lock a; notify x", "Utility Utility")]
    [InlineData("set a = b; reset a; discard all", "Session Session Session")]
    [InlineData("set session authorization x; set role y; set local search_path = z; set transaction read only",
        "Session Session Session Session")]
    [InlineData("begin; start transaction isolation level serializable; BEGIN WORK", "Begin Begin Begin")]
    [InlineData("commit; end; commit work; END TRANSACTION", "Commit Commit Commit Commit")]
    [InlineData("rollback; abort; rollback transaction", "Rollback Rollback Rollback")]
    [InlineData("commit and chain; rollback work and chain", "Commit Begin Rollback Begin")]
    [InlineData("commit and no chain; abort and no chain", "Commit Rollback")]
    [InlineData("savepoint a; release a; release savepoint a", "Savepoint ReleaseSavepoint ReleaseSavepoint")]
    [InlineData("rollback to a; rollback work to savepoint a; rollback transaction to a",
        "RollbackToSavepoint RollbackToSavepoint RollbackToSavepoint")]
    [InlineData("prepare transaction 'x'; commit prepared 'x'; rollback prepared 'x'",
        "PrepareTransaction CommitPrepared RollbackPrepared")]
    [InlineData("prepare transaction as select 1; prepare p as select 1", "Utility Utility")]
    [InlineData("call p(); do 'x'; create table a (i int)", "Other Other Other")]
    [InlineData("create rule r as on insert to a do (delete from b; commit); select 1", "Other Query")]
    [InlineData("create function f() returns int begin atomic select 1; select case when true then 2 end; end; commit", "Other Commit")]
    [InlineData("create procedure f() begin atomic delete from a; end", "Other")]
    [InlineData("begin; create table begin (i int); end", "Begin Other Commit")]
    public void Statements_are_told_apart(string sql, string expected)
        => Assert.Equal(expected, string.Join(' ', RawSqlAnalysis.Of(sql).Statements));

    [Theory]
    [InlineData("select 1", RawSqlEffects.None)]
    [InlineData("select * from a for update", RawSqlEffects.LocksRows)]
    [InlineData("select * from a for /* x */ no key update of a nowait", RawSqlEffects.LocksRows)]
    [InlineData("select * from a FOR SHARE", RawSqlEffects.LocksRows)]
    [InlineData("select * from a for key share skip locked", RawSqlEffects.LocksRows)]
    [InlineData("select * from (select * from a for update) x", RawSqlEffects.LocksRows)]
    [InlineData("select 1 as as for update", RawSqlEffects.LocksRows)]
    [InlineData("select * from a.as for update", RawSqlEffects.LocksRows)]
    [InlineData("select * from a for read only", RawSqlEffects.None)]
    [InlineData("select substring(x from 1 for 2) as for from \"for\", \"update\"", RawSqlEffects.None)]
    [InlineData("select 'for update' /* for update */ from a", RawSqlEffects.None)]
    [InlineData("select * from a tablesample bernoulli (10) repeatable (1)", RawSqlEffects.SamplesTable)]
    [InlineData("select * from a tablesample s.rows(10)", RawSqlEffects.SamplesTable)]
    [InlineData("select \"tablesample\", a.tablesample from a", RawSqlEffects.None)]
    [InlineData("select * from a where d = 'today'", RawSqlEffects.ReadsClock)]
    [InlineData("select timestamp 'NOW'", RawSqlEffects.ReadsClock)]
    [InlineData("select '[yesterday,tomorrow)'::daterange", RawSqlEffects.ReadsClock)]
    [InlineData("select $$today 12:00$$::timestamp", RawSqlEffects.ReadsClock)]
    [InlineData("select 'snow', 'knowhow', 'nowhere', 'todays', \"now\" from a -- now", RawSqlEffects.None)]
    [InlineData("set timezone = 'UTC'", RawSqlEffects.ChangesSession)]
    [InlineData("select set_config('a', 'b', true)", RawSqlEffects.ChangesSession)]
    [InlineData("select pg_catalog.set_config('a', 'b', true)", RawSqlEffects.ChangesSession)]
    [InlineData("select current_setting('a')", RawSqlEffects.None)]
    [InlineData("select f()", RawSqlEffects.Unknown)]
    [InlineData("begin", RawSqlEffects.ControlsTransaction)]
    [InlineData("rollback to x", RawSqlEffects.ControlsTransaction)]
    [InlineData("select \"begin\", commit from a", RawSqlEffects.None)]
    [InlineData("delete from a", RawSqlEffects.Writes)]
    [InlineData("with x as (delete from a returning *) select 1", RawSqlEffects.Writes)]
    [InlineData("notify x", RawSqlEffects.Writes)]
    [InlineData("lock table a", RawSqlEffects.Writes)]
    [InlineData("explain delete from a", RawSqlEffects.None)]
    [InlineData("truncate a cascade", RawSqlEffects.Writes | RawSqlEffects.WritesEverything)]
    [InlineData("drop table a", RawSqlEffects.Writes | RawSqlEffects.Unknown)]
    [InlineData("begin; set local a = b; delete from c; commit",
        RawSqlEffects.ControlsTransaction | RawSqlEffects.ChangesSession | RawSqlEffects.Writes)]
    internal void Effects_are_seen(string sql, RawSqlEffects expected) => Assert.Equal(expected, RawSqlAnalysis.Of(sql).Effects);

    [Theory]
    [InlineData("select now(), Now ( ), pg_catalog.now(), \"Now\"(1), s.\"F\"(1, 2)", "now/0 pg_catalog|now/0 Now/1 s|F/2")]
    [InlineData("select f(g(1, h(2, 3)), array[4, 5], (6, 7))", "f/3 g/2 h/2")]
    [InlineData("select f/* x */(1)", "f/1")]
    [InlineData("select count(*), count(distinct x), f(a => 1, variadic b)", "count/1 f/2")]
    [InlineData("select current_date, CURRENT_TIMESTAMP(3), localtime, user, current_schema",
        "current_date/0 current_timestamp/0 localtime/0 user/0 current_schema/0")]
    [InlineData("select \"current_date\", a.current_date, 1 as current_date, \"user\" from a", "")]
    [InlineData("select db.s.f(1)", "s|f/1")]
    [InlineData("select left(x, 1), coalesce(y, 2), x in (1), exists (select), row(1), extract(year from z)", "left/2")]
    [InlineData("with f(x) as (select 1), g(y) as materialized (select 2) select f.x, g(3) from f", "g/1")]
    [InlineData("select 'f(1)', \"f(1)\" /* f(1) */ -- f(1)", "")]
    [InlineData("select x.f(1), @g(2), :h(3), {0}", "x|f/1 g/1 h/1")]
    [InlineData("select * from f(1) as g(a, b), h(2) i(c)", "f/1 h/1")]
    [InlineData("with x as (select x delete from f(1)) select 1", "f/1")]
    public void Every_function_that_is_called_is_found(string sql, string expected)
    {
        var functions = RawSqlAnalysis.Of(sql).Functions;

        // A call of g is told from the name of g in WITH by nothing but the place where it is defined, so both may be reported.
        Assert.Equal(
            expected.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(f => (Name: Name(f.Split('/')[0]), Arguments: f[^1] - '0'))
                .Select(f => new RawSqlFunction(f.Name.Schema, f.Name.Name, f.Arguments)),
            functions);
    }

    [Theory]
    [InlineData("select * from a", null)]
    [InlineData("with x as (select lower(y) from a) select * from x;", null)]
    [InlineData("select age(a, b), ts_rewrite(x, y, z), date_trunc('day', c), to_char(c, 'x') from t", null)]
    [InlineData("", RefusalReason.MayWrite)]
    [InlineData("select 1; select 2", RefusalReason.MayWrite)]
    [InlineData("insert into a values (1) returning *", RefusalReason.MayWrite)]
    [InlineData("with x as (update a set i = f(1) returning *) select * from x", RefusalReason.MayWrite)]
    [InlineData("explain select 1", RefusalReason.MayWrite)]
    [InlineData("show timezone", RefusalReason.MayWrite)]
    [InlineData("select * into b from a", RefusalReason.MayWrite)]
    [InlineData("set a = b", RefusalReason.MayWrite)]
    [InlineData("commit", RefusalReason.MayWrite)]
    [InlineData("select f(1) from a for update", RefusalReason.LocksRows)]
    [InlineData("select * from a tablesample system (1)", RefusalReason.SamplesTable)]
    [InlineData("select * from a where x > now()", RefusalReason.VolatileFunction)]
    [InlineData("select f(1), current_timestamp", RefusalReason.VolatileFunction)]
    [InlineData("select age(x) from a", RefusalReason.VolatileFunction)]
    [InlineData("select * from a where x = 'today'", RefusalReason.VolatileFunction)]
    [InlineData("select set_config('a', 'b', false)", RefusalReason.VolatileFunction)]
    [InlineData("select f(1) from pg_class", RefusalReason.SystemTable)]
    [InlineData("select * from pg_catalog.pg_class", RefusalReason.SystemTable)]
    [InlineData("select * from information_schema.tables", RefusalReason.SystemTable)]
    [InlineData("select * from pg_temp.a", RefusalReason.SystemTable)]
    [InlineData("select x::pg_catalog.int4, pg_catalog.lower(y) collate pg_catalog.\"C\" from a", null)]
    [InlineData("select f(1)", RefusalReason.UnknownFunction)]
    [InlineData("select s.lower('a')", RefusalReason.UnknownFunction)]
    [InlineData("select table_to_xml('a', true, false, '')", RefusalReason.UnknownFunction)]
    [InlineData("select '", RefusalReason.UnreadableSql)]
    public void A_query_is_refused_for_what_holds_whatever_it_depends_on_first(string sql, RefusalReason? expected)
        => Assert.Equal(expected, RawSqlRefusal.Of(RawSqlAnalysis.Of(sql))?.Reason);

    [Fact]
    public void A_refusal_names_what_was_found()
    {
        Assert.Contains("now()", RawSqlRefusal.Of(RawSqlAnalysis.Of("select NOW()"))!.Detail);
        Assert.Contains("app.f()", RawSqlRefusal.Of(RawSqlAnalysis.Of("select app.f(1)"))!.Detail);
        Assert.Contains("pg_class", RawSqlRefusal.Of(RawSqlAnalysis.Of("select * from pg_class"))!.Detail);
    }

    [Fact]
    public void Analyses_of_the_same_text_are_equal()
        => Assert.Equal(RawSqlAnalysis.Of("insert into a select f(x) from b"), RawSqlAnalysis.Of("INSERT INTO a SELECT f(x) FROM b"));

    private static TableName Name(string text)
        => text.Split('|') is [var schema, var name] ? new TableName(schema, name) : new TableName(null, text);

    [Theory]
    [InlineData("DROP DATABASE shop", "shop")]
    [InlineData("drop database if exists \"Shop \"\"x\"\"\" WITH (FORCE);", "Shop \"x\"")]
    [InlineData("CREATE DATABASE Shop TEMPLATE template0", "shop")]
    [InlineData("ALTER DATABASE shop RENAME TO \"Old\"", "shop, Old")]
    [InlineData("ALTER DATABASE shop SET search_path = a", "shop")]
    public void Commands_to_databases_write_nothing_else(string sql, string databases)
    {
        var analysis = RawSqlAnalysis.Of(sql);
        Assert.Equal(databases, $"{analysis.Databases}");
        Assert.Equal(RawSqlEffects.Writes, analysis.Effects);
        Assert.Empty(analysis.WrittenTables);
    }

    [Theory]
    [InlineData("DROP TABLE database")]
    [InlineData("CREATE TABLE database ()")]
    [InlineData("COMMENT ON DATABASE shop IS 'x'")]
    [InlineData("DROP DATABASE $1")]
    public void What_only_looks_like_one_may_do_anything(string sql)
    {
        var analysis = RawSqlAnalysis.Of(sql);
        Assert.Empty(analysis.Databases);
        Assert.True(analysis.WritesEverything);
    }
}
