using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class TriggerTests(TriggerTests.Database database) : IClassFixture<TriggerTests.Database>
{
    [Theory]
    [InlineData("after_insert", (int)WriteOperations.Insert)]
    [InlineData("before_insert_that_writes", (int)WriteOperations.Insert)]
    [InlineData("after_statement_update", (int)WriteOperations.Update)]
    [InlineData("after_delete", (int)WriteOperations.Delete)]
    [InlineData("before_truncate", (int)WriteOperations.Truncate)]
    [InlineData("dynamic", (int)WriteOperations.Insert)]
    [InlineData("deferred", (int)WriteOperations.Insert)]
    [InlineData("ruled", (int)WriteOperations.Update)]
    [InlineData("view_with_instead_of", (int)WriteOperations.Insert)]
    [InlineData("view_with_rule", (int)WriteOperations.Delete)]
    [InlineData("view_of_after_insert", (int)WriteOperations.Insert)]
    [InlineData("partitioned", (int)WriteOperations.Insert)]
    [InlineData("partition", (int)WriteOperations.Insert)]
    [InlineData("partitioned_with_hooked_leaf", (int)WriteOperations.Insert)]
    [InlineData("parent_of_hooked_child", (int)WriteOperations.Delete)]
    [InlineData("counted_by_default", (int)WriteOperations.Insert)]
    [InlineData("checked", (int)WriteOperations.Update)]
    [InlineData("cascading_to_after_delete", (int)WriteOperations.Delete)]
    [InlineData("always", (int)WriteOperations.Insert)]
    public async Task A_write_that_runs_code_of_the_database_may_write_elsewhere(string table, int operation)
    {
        var seen = await database.ReadAsync();

        var reach = seen.Reach(table, (WriteOperations)operation);

        Assert.True(reach.MayWriteElsewhere);
        Assert.Single(reach.Elsewhere);
    }

    [Fact]
    public async Task The_code_that_may_write_elsewhere_is_named()
    {
        var seen = await database.ReadAsync();

        var hook = Assert.Single(seen.Reach("cascading_to_after_delete", WriteOperations.Delete).Elsewhere);
        Assert.Equal("the trigger t of public.cascaded_with_trigger, which calls public.writes()", hook.Description);
        Assert.Equal("public.writes", hook.Function);
        Assert.Equal(
            "a default or check of public.counted_by_default, which calls public.next_number()",
            Assert.Single(seen.Reach("counted_by_default", WriteOperations.Insert).Elsewhere).Description);
        Assert.Equal("the rule r of public.ruled", Assert.Single(seen.Reach("ruled", WriteOperations.Update).Elsewhere).Description);
    }

    [Theory]
    [InlineData("plain", (int)WriteOperations.Any)]
    [InlineData("after_insert", (int)(WriteOperations.Update | WriteOperations.Delete | WriteOperations.Truncate))]
    [InlineData("ruled", (int)(WriteOperations.Insert | WriteOperations.Delete | WriteOperations.Truncate))]
    [InlineData("after_delete", (int)WriteOperations.Truncate)]
    [InlineData("disabled", (int)WriteOperations.Any)]
    [InlineData("touched", (int)WriteOperations.Any)]
    [InlineData("promised", (int)WriteOperations.Any)]
    [InlineData("searched", (int)WriteOperations.Any)]
    [InlineData("suppressed", (int)WriteOperations.Any)]
    [InlineData("with_defaults", (int)WriteOperations.Any)]
    [InlineData("parent_of_hooked_child", (int)WriteOperations.Insert)]
    [InlineData("referred_to", (int)WriteOperations.Any)]
    [InlineData("referring", (int)WriteOperations.Any)]
    [InlineData("view_of_plain", (int)WriteOperations.Any)]
    public async Task A_write_that_runs_no_such_code_writes_nowhere_else(string table, int operations)
    {
        var seen = await database.ReadAsync();

        Assert.Empty(seen.Reach(table, (WriteOperations)operations).Elsewhere);
    }

    [Theory]
    [InlineData("of_column", "name", true)]
    [InlineData("of_column", "price", false)]
    [InlineData("of_column", "name,price", true)]
    [InlineData("of_column", null, true)]
    [InlineData("of_generated_column", "base", true)]
    public async Task A_trigger_of_columns_runs_if_one_of_them_is_stated(string table, string? columns, bool runs)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(runs, seen.Reach(table, WriteOperations.Update, columns?.Split(',')).MayWriteElsewhere);
    }

    [Theory]
    [InlineData("plain", (int)WriteOperations.Any, "")]
    [InlineData("touched", (int)WriteOperations.Update, "updated_at")]
    [InlineData("touched", (int)WriteOperations.Insert, "updated_at")]
    [InlineData("touched", (int)WriteOperations.Delete, "")]
    [InlineData("promised", (int)WriteOperations.Update, "*")]
    [InlineData("before_insert_that_writes", (int)WriteOperations.Insert, "*")]
    [InlineData("before_insert_that_writes", (int)WriteOperations.Update, "")]
    [InlineData("after_insert", (int)WriteOperations.Insert, "")]
    [InlineData("after_statement_update", (int)WriteOperations.Update, "")]
    [InlineData("searched", (int)WriteOperations.Update, "*")]
    [InlineData("computed", (int)WriteOperations.Update, "total")]
    [InlineData("computed", (int)WriteOperations.Insert, "total")]
    [InlineData("computed", (int)WriteOperations.Delete, "")]
    [InlineData("partitioned_with_touched_leaf", (int)WriteOperations.Update, "updated_at")]
    [InlineData("view_of_touched", (int)WriteOperations.Update, "updated_at")]
    [InlineData("ruled", (int)WriteOperations.Update, "*")]
    public async Task The_columns_that_the_database_may_set_to_another_value_are_told(string table, int operation, string columns)
    {
        var seen = await database.ReadAsync();

        Assert.Equal(columns, seen.Reach(table, (WriteOperations)operation).Changes.ToString());
    }

    [Fact]
    public async Task An_updatable_view_reaches_its_tables()
    {
        var seen = await database.ReadAsync();

        Assert.Equal(["plain", "view_of_plain"], seen.Reached("view_of_plain", WriteOperations.Update));
        Assert.Equal(["plain", "view_of_plain", "view_of_view_of_plain"], seen.Reached("view_of_view_of_plain", WriteOperations.Insert));
    }

    [Fact]
    public async Task A_trigger_counts_from_enable_to_disable()
    {
        await database.ExecuteAsync("ALTER TABLE switched DISABLE TRIGGER USER");
        Assert.False((await database.ReadAsync()).Reach("switched", WriteOperations.Insert).MayWriteElsewhere);

        await database.ExecuteAsync("ALTER TABLE switched ENABLE TRIGGER ALL");
        Assert.True((await database.ReadAsync()).Reach("switched", WriteOperations.Insert).MayWriteElsewhere);
    }

    /// <summary>Its text alone, without the promise of STABLE.</summary>
    [Theory]
    [InlineData("NEW.updated_at := now(); RETURN NEW;", "updated_at")]
    [InlineData("NEW.updated_at = CURRENT_TIMESTAMP; RETURN NEW;", "updated_at")]
    [InlineData("new.\"Updated\" := clock_timestamp() AT TIME ZONE 'utc'; return new;", "Updated")]
    [InlineData("NEW.a := coalesce(NEW.a, 0) + 1; NEW.b := lower(NEW.b); RETURN NEW;", "a,b")]
    [InlineData("IF NEW.a IS DISTINCT FROM OLD.a THEN NEW.b := OLD.b; END IF; RETURN NEW;", "b")]
    [InlineData("IF TG_OP = 'INSERT' THEN NEW.a := 1; ELSIF TG_OP = 'UPDATE' THEN NEW.b := 'x'; ELSE NULL; END IF; RETURN NEW;", "a,b")]
    [InlineData("NEW.a := CASE WHEN NEW.a > 0 THEN 1 ELSE 0 END; RETURN NEW;", "a")]
    [InlineData("IF CASE WHEN NEW.a > 0 THEN true ELSE false END THEN RETURN NULL; END IF; RETURN NEW;", "")]
    [InlineData("IF NEW.a < 0 THEN RAISE EXCEPTION 'too few: %', NEW.a USING ERRCODE = '22023'; END IF; RETURN NEW;", "")]
    [InlineData("PERFORM pg_notify('changes', NEW.a::text); RETURN NEW;", "")]
    [InlineData("NEW.search := to_tsvector('english', NEW.b || ' ' || extract(year FROM now())); RETURN NEW;", "search")]
    [InlineData("-- a comment; with DELETE FROM t\n/* and another */ RETURN NEW;", "")]
    [InlineData("NEW.b := 'DELETE FROM plain'; RETURN NEW;", "b")]
    [InlineData("NEW.tags[1] := 'x'; RETURN NEW;", "tags")]
    [InlineData("NEW.a := nextval('numbers'); RETURN NEW;", "a")]
    [InlineData("RETURN OLD;", "*")]
    [InlineData("NEW := OLD; RETURN NEW;", "*")]
    public async Task A_body_that_only_computes_is_seen_to(string body, string assigns)
    {
        var reach = await ReachWithTriggerAsync($"BEGIN {body} END");

        Assert.Empty(reach.Elsewhere);
        Assert.Equal(assigns, reach.Changes.ToString().Replace(" ", "", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("DECLARE n int := 1; o text; BEGIN n := n + 1; NEW.a := n; RETURN NEW; END;", "a")]
    [InlineData("DECLARE n CONSTANT numeric(10, 2) DEFAULT 0; BEGIN BEGIN NEW.a := n; END; RETURN NEW; END", "a")]
    public async Task Declarations_and_blocks_are_read(string text, string assigns)
    {
        var reach = await ReachWithTriggerAsync(text);

        Assert.Empty(reach.Elsewhere);
        Assert.Equal(assigns, reach.Changes.ToString());
    }

    [Theory]
    [InlineData("BEGIN INSERT INTO plain VALUES (1); RETURN NEW; END")]
    [InlineData("BEGIN NEW.a := 1; UPDATE plain SET id = 2; RETURN NEW; END")]
    [InlineData("BEGIN EXECUTE 'DELETE FROM plain'; RETURN NEW; END")]
    [InlineData("BEGIN PERFORM writes_quietly(); RETURN NEW; END")]
    [InlineData("BEGIN NEW.a := writes_quietly(); RETURN NEW; END")]
    [InlineData("BEGIN NEW.a := upper(1); RETURN NEW; END")]
    [InlineData("BEGIN NEW.a := (SELECT writes_quietly()); RETURN NEW; END")]
    [InlineData("BEGIN NEW.a := (SELECT a FROM view_that_writes); RETURN NEW; END")]
    [InlineData("BEGIN NEW.a := a FROM view_that_writes; RETURN NEW; END")]
    [InlineData("BEGIN PERFORM a FROM view_that_writes; RETURN NEW; END")]
    [InlineData("BEGIN SELECT 1 INTO NEW.a; RETURN NEW; END")]
    [InlineData("BEGIN NEW.tags[writes_quietly()] := 'x'; RETURN NEW; END")]
    [InlineData("BEGIN WITH gone AS (DELETE FROM plain RETURNING id) SELECT id INTO NEW.a FROM gone; RETURN NEW; END")]
    [InlineData("BEGIN RETURN NEW; END; DELETE FROM plain")]
    [InlineData("BEGIN NEW.a := 1 /* ; RETURN NEW; END")]
    [InlineData("BEGIN IF writes_quietly() > 0 THEN NULL; END IF; RETURN NEW; END")]
    [InlineData("BEGIN IF true THEN NULL; ELSE DELETE FROM plain; END IF; RETURN NEW; END")]
    [InlineData("BEGIN FOR i IN 1..3 LOOP DELETE FROM plain; END LOOP; RETURN NEW; END")]
    [InlineData("BEGIN RAISE NOTICE '%', writes_quietly(); RETURN NEW; END")]
    [InlineData("BEGIN CALL writes(); RETURN NEW; END")]
    [InlineData("DECLARE n int := writes_quietly(); BEGIN RETURN NEW; END")]
    [InlineData("DECLARE r ALIAS FOR NEW; BEGIN r.a := 1; RETURN NEW; END")]
    [InlineData("BEGIN NULL; EXCEPTION WHEN others THEN DELETE FROM plain; END")]
    [InlineData("BEGIN PERFORM set_config('app.x', 'y', false); RETURN NEW; END")]
    [InlineData("BEGIN PERFORM query_to_xml('DELETE FROM plain', true, true, ''); RETURN NEW; END")]
    public async Task Any_other_body_may_write_elsewhere(string text)
    {
        var reach = await ReachWithTriggerAsync(text);

        Assert.True(reach.MayWriteElsewhere);
    }

    private async Task<WriteReach> ReachWithTriggerAsync(string body)
    {
        var name = $"case_{Guid.NewGuid():N}";
        await database.ExecuteAsync(
            $"""
             SET check_function_bodies = off;
             CREATE TABLE {name} (a int, b text, updated_at timestamptz, "Updated" timestamptz, search tsvector, tags text[]);
             CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$;
             CREATE TRIGGER t BEFORE INSERT OR UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION {name}();
             """);
        return (await database.ReadAsync()).Reach(name, WriteOperations.Update);
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE TABLE plain (id int, at timestamptz DEFAULT now());
        CREATE SEQUENCE numbers;
        CREATE FUNCTION writes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO plain VALUES (1); RETURN NEW; END';
        CREATE FUNCTION writes_dynamically() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN EXECUTE format('DELETE FROM %I', 'plain'); RETURN NULL; END $$;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END';
        CREATE FUNCTION looks_up() RETURNS trigger STABLE LANGUAGE plpgsql AS
            'BEGIN NEW.id := (SELECT max(id) FROM plain); RETURN NEW; END';
        CREATE FUNCTION next_number() RETURNS int LANGUAGE plpgsql AS
            'DECLARE n int; BEGIN UPDATE plain SET id = id + 1 RETURNING id INTO n; RETURN n; END';
        CREATE FUNCTION writes_quietly() RETURNS int LANGUAGE sql AS 'INSERT INTO plain VALUES (1) RETURNING id';
        CREATE FUNCTION upper(int) RETURNS int LANGUAGE sql AS 'INSERT INTO plain VALUES (1) RETURNING id';
        CREATE FUNCTION next_plainly() RETURNS int LANGUAGE sql AS $$ SELECT nextval('numbers')::int $$;
        CREATE FUNCTION dice() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN trunc(random() * 6) + 1; END';
        CREATE VIEW view_that_writes AS SELECT writes_quietly() AS a;

        CREATE TABLE after_insert (id int);
        CREATE TRIGGER t AFTER INSERT ON after_insert FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE before_insert_that_writes (id int);
        CREATE TRIGGER t BEFORE INSERT ON before_insert_that_writes FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE after_statement_update (id int);
        CREATE TRIGGER t AFTER UPDATE ON after_statement_update EXECUTE FUNCTION writes();
        CREATE TABLE after_delete (id int);
        CREATE TRIGGER t AFTER DELETE ON after_delete FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE before_truncate (id int);
        CREATE TRIGGER t BEFORE TRUNCATE ON before_truncate EXECUTE FUNCTION writes();
        CREATE TABLE dynamic (id int);
        CREATE TRIGGER t AFTER INSERT ON dynamic EXECUTE FUNCTION writes_dynamically();
        CREATE TABLE deferred (id int);
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE ruled (id int);
        CREATE RULE r AS ON UPDATE TO ruled DO ALSO INSERT INTO plain VALUES (1);
        CREATE VIEW view_with_instead_of AS SELECT id + 1 AS id FROM plain;
        CREATE TRIGGER t INSTEAD OF INSERT ON view_with_instead_of FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE VIEW view_with_rule AS SELECT id FROM plain;
        CREATE RULE r AS ON DELETE TO view_with_rule DO INSTEAD DELETE FROM after_insert;
        CREATE VIEW view_of_after_insert AS SELECT id FROM after_insert;
        CREATE TABLE partitioned (id int) PARTITION BY LIST (id);
        CREATE TABLE partition PARTITION OF partitioned DEFAULT;
        CREATE TRIGGER t AFTER INSERT ON partitioned FOR EACH ROW EXECUTE FUNCTION writes();
        ALTER TABLE partitioned DISABLE TRIGGER t;
        ALTER TABLE ONLY partition ENABLE TRIGGER t;
        CREATE TABLE partitioned_with_hooked_leaf (id int) PARTITION BY LIST (id);
        CREATE TABLE hooked_leaf PARTITION OF partitioned_with_hooked_leaf DEFAULT;
        CREATE TRIGGER t AFTER INSERT ON hooked_leaf FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE parent_of_hooked_child (id int);
        CREATE TABLE hooked_child () INHERITS (parent_of_hooked_child);
        CREATE TRIGGER t AFTER INSERT OR DELETE ON hooked_child FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE counted_by_default (id int DEFAULT next_number());
        CREATE TABLE checked (id int CHECK (writes_quietly() > 0));
        CREATE TABLE cascading_to_after_delete (id int PRIMARY KEY);
        CREATE TABLE cascaded_with_trigger (id int REFERENCES cascading_to_after_delete ON DELETE CASCADE);
        CREATE TRIGGER t AFTER DELETE ON cascaded_with_trigger FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE always (id int);
        CREATE TRIGGER t AFTER INSERT ON always FOR EACH ROW EXECUTE FUNCTION writes();
        ALTER TABLE always ENABLE ALWAYS TRIGGER t;

        CREATE TABLE disabled (id int);
        CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON disabled FOR EACH ROW EXECUTE FUNCTION writes();
        ALTER TABLE disabled DISABLE TRIGGER t;
        CREATE TABLE switched (id int);
        CREATE TRIGGER t AFTER INSERT ON switched FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE touched (id int, updated_at timestamptz);
        CREATE TRIGGER t BEFORE INSERT OR UPDATE ON touched FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TABLE promised (id int);
        CREATE TRIGGER t BEFORE UPDATE ON promised FOR EACH ROW EXECUTE FUNCTION looks_up();
        CREATE TABLE searched (id int, title text, search tsvector);
        CREATE TRIGGER t BEFORE INSERT OR UPDATE ON searched FOR EACH ROW
            EXECUTE FUNCTION tsvector_update_trigger(search, 'pg_catalog.english', title);
        CREATE TABLE suppressed (id int);
        CREATE TRIGGER t BEFORE UPDATE ON suppressed FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
        CREATE TABLE with_defaults (id serial, a uuid DEFAULT gen_random_uuid(), b int DEFAULT next_plainly(), c int DEFAULT dice(),
            d int GENERATED ALWAYS AS IDENTITY, e int CHECK (e > 0));
        CREATE TABLE referred_to (id int PRIMARY KEY DEFERRABLE);
        ALTER TABLE referred_to ADD UNIQUE (id);
        CREATE TABLE referring (id int REFERENCES referred_to (id) DEFERRABLE);
        CREATE VIEW view_of_plain AS SELECT id FROM plain WHERE id > 0;
        CREATE VIEW view_of_view_of_plain AS SELECT id FROM view_of_plain;

        CREATE TABLE of_column (id int, name text, price int);
        CREATE TRIGGER t AFTER UPDATE OF name ON of_column FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE of_generated_column (base int, doubled int GENERATED ALWAYS AS (base * 2) STORED);
        CREATE TRIGGER t AFTER UPDATE OF doubled ON of_generated_column FOR EACH ROW EXECUTE FUNCTION writes();
        CREATE TABLE computed (price int, amount int, total int GENERATED ALWAYS AS (price * amount) STORED);
        CREATE TABLE partitioned_with_touched_leaf (id int, updated_at timestamptz) PARTITION BY LIST (id);
        CREATE TABLE touched_leaf PARTITION OF partitioned_with_touched_leaf DEFAULT;
        CREATE TRIGGER t BEFORE UPDATE ON touched_leaf FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE VIEW view_of_touched AS SELECT * FROM touched;
        """);
}
