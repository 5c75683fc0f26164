using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class ViewTests(ViewTests.Database database) : IClassFixture<ViewTests.Database>
{
    [Theory]
    [InlineData("posts", "posts")]
    [InlineData("of_one_table", "posts")]
    [InlineData("of_two_tables", "blogs,posts")]
    [InlineData("of_no_table", "")]
    [InlineData("counting", "posts")]
    [InlineData("in_a_subquery", "authors,posts")]
    [InlineData("of_views", "authors,blogs,posts")]
    [InlineData("of_a_partitioned_table", "events")]
    [InlineData("of_a_view_of_a_partitioned_table", "events,posts")]
    [InlineData("of_a_materialized_view", "summary")]
    [InlineData("of_a_sequence", "numbers")]
    [InlineData("recursive", "authors")]
    [InlineData("with_union", "authors,blogs")]
    [InlineData("other.posts_too", "other.posts,posts")]
    [InlineData("Upper.View", "posts")]
    public async Task A_view_is_looked_through_to_the_relations_that_its_rows_come_from(string view, string relations)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(relations, string.Join(',', seen.Reads(view)));
        Assert.Empty(seen.Impurities(view));
    }

    [Theory]
    [InlineData("calls_now", "now()")]
    [InlineData("calls_random", "random()")]
    [InlineData("calls_current_setting", "current_setting()")]
    [InlineData("calls_regclass", "regclass()")]
    [InlineData("has_current_date", "time of day")]
    [InlineData("has_localtimestamp", "time of day")]
    [InlineData("has_now_as_text", "time of day")]
    [InlineData("samples", "TABLESAMPLE")]
    [InlineData("locks", "FOR UPDATE")]
    [InlineData("calls_users_volatile", "public.reads_anything()")]
    [InlineData("calls_users_stable", "public.reads_stably()")]
    [InlineData("calls_users_aggregate", "public.total_of_anything()")]
    [InlineData("calls_users_operator", "public.reads_operands()")]
    [InlineData("calls_in_from", "public.rows_of_anything()")]
    [InlineData("calls_in_subquery", "public.reads_anything()")]
    [InlineData("calls_through_view", "public.calls_users_volatile calls public.reads_anything()")]
    [InlineData("nextval_view", "nextval()")]
    public async Task A_view_whose_rows_change_though_no_table_does_is_opaque(string view, string because)
    {
        var seen = await database.ReadAsync();

        Assert.Contains(seen.Impurities(view), impurity => impurity.Contains(because, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("calls_immutable")]
    [InlineData("calls_pure_stable")]
    [InlineData("calls_users_immutable")]
    [InlineData("compares_with_time_zone")]
    [InlineData("names_like_functions")]
    [InlineData("has_current_user")]
    [InlineData("casts_text_column_to_date")]
    public async Task A_view_that_computes_is_not_opaque(string view)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(["posts"], seen.Reads(view));
        Assert.Empty(seen.Impurities(view));
    }

    [Theory]
    [InlineData("of_pg_class", "pg_catalog.pg_class")]
    [InlineData("of_a_system_view", "pg_catalog.pg_stat_activity")]
    [InlineData("of_information_schema", "information_schema.tables")]
    public async Task A_view_of_a_system_catalog_reads_it(string view, string expected)
    {
        var seen = await database.ReadAsync();

        var relation = Assert.Single(seen.Catalog.ReadsOf(seen[view], seen.Session).Relations);
        Assert.Equal((expected, RelationKind.System), (relation.ToString(), relation.Kind));
    }

    [Fact]
    public async Task A_view_that_was_replaced_reads_what_it_reads_now()
    {
        await database.ExecuteAsync("CREATE VIEW replaced AS SELECT id FROM posts");
        await database.ExecuteAsync("CREATE OR REPLACE VIEW replaced AS SELECT id FROM blogs");

        Assert.Equal(["blogs"], (await database.ReadAsync()).Reads("replaced"));
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE TABLE posts (id int PRIMARY KEY, blog_id int, title text, at timestamptz, day date);
        CREATE TABLE blogs (id int PRIMARY KEY, name text);
        CREATE TABLE authors (id int PRIMARY KEY, mentor int);
        CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
        CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE SEQUENCE numbers;
        CREATE SCHEMA other;
        CREATE TABLE other.posts (id int);

        CREATE VIEW of_one_table AS SELECT id, title FROM posts WHERE blog_id = 1;
        CREATE VIEW of_two_tables AS SELECT p.id, b.name FROM posts p JOIN blogs b ON b.id = p.blog_id;
        CREATE VIEW of_no_table AS SELECT 1 AS one;
        CREATE VIEW counting AS SELECT count(*) FROM posts;
        CREATE VIEW in_a_subquery AS SELECT id FROM posts WHERE EXISTS (SELECT FROM authors a WHERE a.id = posts.id);
        CREATE VIEW of_views AS SELECT t.name FROM of_two_tables t, of_one_table o, authors;
        CREATE VIEW of_a_partitioned_table AS SELECT * FROM events;
        CREATE VIEW of_a_view_of_a_partitioned_table AS SELECT e.id FROM of_a_partitioned_table e JOIN of_one_table o USING (id);
        CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM posts;
        CREATE VIEW of_a_materialized_view AS SELECT * FROM summary;
        CREATE VIEW of_a_sequence AS SELECT last_value FROM numbers;
        CREATE VIEW recursive AS WITH RECURSIVE up AS (
            SELECT id, mentor FROM authors UNION SELECT a.id, a.mentor FROM authors a JOIN up ON a.id = up.mentor) SELECT * FROM up;
        CREATE VIEW with_union AS SELECT id FROM authors UNION ALL SELECT id FROM blogs;
        CREATE VIEW other.posts_too AS SELECT id FROM other.posts UNION SELECT id FROM public.posts;
        CREATE SCHEMA "Upper";
        CREATE VIEW "Upper"."View" AS SELECT * FROM posts;

        CREATE FUNCTION reads_anything() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM authors); END';
        CREATE FUNCTION reads_stably() RETURNS int STABLE LANGUAGE sql AS 'SELECT count(*)::int FROM authors';
        CREATE FUNCTION adds(a int, b int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a + b';
        CREATE FUNCTION rows_of_anything() RETURNS SETOF authors LANGUAGE sql AS 'SELECT * FROM authors';
        CREATE FUNCTION adds_anything(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b + reads_anything()';
        CREATE AGGREGATE total_of_anything(int) (SFUNC = adds_anything, STYPE = int, INITCOND = 0);
        CREATE AGGREGATE total(int) (SFUNC = adds, STYPE = int, INITCOND = 0);
        CREATE FUNCTION reads_operands(a text, b int) RETURNS bool STABLE LANGUAGE sql AS
            'SELECT EXISTS (SELECT FROM authors WHERE id = b)';
        CREATE OPERATOR ~#~ (LEFTARG = text, RIGHTARG = int, FUNCTION = reads_operands);

        CREATE VIEW calls_now AS SELECT id FROM posts WHERE at < now();
        CREATE VIEW calls_random AS SELECT id, random() AS dice FROM posts;
        CREATE VIEW calls_current_setting AS SELECT id FROM posts WHERE title = current_setting('app.tenant');
        CREATE VIEW calls_regclass AS SELECT title::regclass FROM posts;
        CREATE VIEW has_current_date AS SELECT id FROM posts WHERE day = CURRENT_DATE;
        CREATE VIEW has_localtimestamp AS SELECT LOCALTIMESTAMP(3) AS t, id FROM posts;
        CREATE VIEW has_now_as_text AS SELECT id FROM posts WHERE at < 'now'::text::timestamptz;
        CREATE VIEW samples AS SELECT id FROM posts TABLESAMPLE system (10);
        CREATE VIEW locks AS SELECT id FROM posts FOR UPDATE;
        CREATE VIEW calls_users_volatile AS SELECT id, reads_anything() AS n FROM posts;
        CREATE VIEW calls_users_stable AS SELECT id FROM posts WHERE id = reads_stably();
        CREATE VIEW calls_users_aggregate AS SELECT total_of_anything(id) AS total FROM posts;
        CREATE VIEW calls_users_operator AS SELECT id FROM posts WHERE title ~#~ id;
        CREATE VIEW calls_in_from AS SELECT r.id FROM posts, rows_of_anything() r;
        CREATE VIEW calls_in_subquery AS SELECT id FROM posts WHERE id IN (SELECT blog_id + reads_anything() FROM posts);
        CREATE VIEW calls_through_view AS SELECT * FROM calls_users_volatile;
        CREATE VIEW nextval_view AS SELECT id, nextval('numbers') AS n FROM posts;

        CREATE VIEW calls_immutable AS SELECT lower(title) AS title, sum(id) AS total, row_number() OVER (ORDER BY lower(title)) AS place
            FROM posts GROUP BY 1;
        CREATE VIEW calls_pure_stable AS
            SELECT date_trunc('day', at) AS day, to_char(at, 'YYYY') AS year, concat(title, id), json_agg(id) AS ids
            FROM posts GROUP BY 1, 2, 3;
        CREATE VIEW calls_users_immutable AS SELECT adds(id, blog_id) AS both, total(id) OVER () AS total FROM posts;
        CREATE VIEW compares_with_time_zone AS SELECT id FROM posts WHERE day > at AND at + interval '1 day' > at;
        CREATE VIEW names_like_functions AS SELECT id AS "now()", title AS ":funcid 1299", id AS "{SQLVALUEFUNCTION :op 0 " FROM posts
            WHERE title <> ':relid 1259 now() {ROWMARKCLAUSE ';
        CREATE VIEW has_current_user AS SELECT id FROM posts WHERE title = CURRENT_USER;
        CREATE VIEW casts_text_column_to_date AS SELECT title::date AS day FROM posts;
        CREATE VIEW of_pg_class AS SELECT relname FROM pg_class;
        CREATE VIEW of_a_system_view AS SELECT pid FROM pg_stat_activity;
        CREATE VIEW of_information_schema AS SELECT table_name FROM information_schema.tables;
        """);
}
