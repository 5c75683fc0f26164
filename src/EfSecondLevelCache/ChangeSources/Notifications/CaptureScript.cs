using System.Security.Cryptography;
using System.Text;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources.Notifications;

/// <summary>
/// The SQL that makes tables tell of their changes, and that takes that away again. It may be executed any number of times: a table that is set
/// up is not touched, so that nobody waits for a lock.
/// </summary>
internal static class CaptureScript
{
    public const string Channel = "second_level_cache";

    /// <summary>The version of the payload.</summary>
    public const int Version = 1;

    /// <summary>The tables with all four triggers, each firing whatever session_replication_role says.</summary>
    public const string CapturedTablesSql =
        """
        SELECT t.tgrelid
        FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'second_level_cache' AND p.proname = 'notify_change' AND t.tgenabled = 'A'
        GROUP BY t.tgrelid HAVING pg_catalog.bit_or(t.tgtype::int4 & 60) = 60
        ORDER BY 1
        """;

    // STABLE says that it writes nothing, which is true, and which spares the cache to suspect it when it looks at triggers. It must never make
    // the application's statement fail: it converts nothing but the columns that are told, and where even that fails (a column was renamed, a type's
    // output function raises) the table is told without its rows. More rows than 50 would hardly fit, and who reads single rows then has to read
    // again anyway.
    private const string Functions =
        """
        CREATE SCHEMA IF NOT EXISTS second_level_cache;

        CREATE OR REPLACE FUNCTION second_level_cache.told(target oid, names text[]) RETURNS text LANGUAGE sql STABLE AS $capture$
            -- The arguments of jsonb_build_object for the row r; it takes at most 100. Values of built-in types go in as they are: no setting changes
            -- their JSON, and no cast of a user. Others go in as their output functions write them. What is long may be any value ({}), as may
            -- lists and documents, which are not told.
            SELECT coalesce(pg_catalog.string_agg(pg_catalog.format(
                CASE WHEN c.typlen > 0 THEN '%1$L, %2$s'
                    ELSE '%1$L, CASE WHEN pg_catalog.pg_column_size(r.%3$I) > 2000 THEN ''{}'' ELSE pg_catalog.to_jsonb(%2$s) END' END,
                c.attname,
                pg_catalog.format(CASE WHEN c.base < 16384 THEN 'r.%1$I'
                    ELSE 'CASE WHEN r.%1$I IS NOT NULL THEN pg_catalog.concat(r.%1$I) END' END, c.attname),
                c.attname), ', ' ORDER BY c.attnum), '')
            FROM (
                SELECT a.attname, a.attnum, t.typlen, coalesce(nullif(t.typbasetype, 0), t.oid)::pg_catalog.int8 AS base
                FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                WHERE a.attrelid = target AND a.attname = ANY (names) AND a.attnum > 0 AND NOT a.attisdropped
                    AND t.typtype IN ('b', 'd', 'e') AND t.typcategory <> 'A' AND t.typname NOT IN ('json', 'jsonb')
                ORDER BY a.attnum LIMIT 40) c
        $capture$;

        CREATE OR REPLACE FUNCTION second_level_cache.notify_change() RETURNS trigger LANGUAGE plpgsql STABLE AS $capture$
        -- EfSecondLevelCache: tells which rows a statement has changed. The arguments are what is told of a row, and the names of its columns.
        DECLARE
            told pg_catalog.text := TG_ARGV[0];
            images pg_catalog.jsonb;
            many pg_catalog.int8 := 51;
            payload pg_catalog.text;
        BEGIN
            IF TG_OP = 'INSERT' THEN
                SELECT pg_catalog.count(*) INTO many FROM (SELECT FROM new_rows LIMIT 51) n;
            ELSIF TG_OP = 'UPDATE' OR TG_OP = 'DELETE' THEN
                SELECT pg_catalog.count(*) INTO many FROM (SELECT FROM old_rows LIMIT 51) o;
            END IF;
            IF many = 0 THEN
                RETURN NULL;
            END IF;

            FOR attempt IN 1..2 LOOP
                EXIT WHEN many > 50;
                BEGIN
                    IF attempt = 2 THEN
                        -- A column has another name or type by now.
                        told := second_level_cache.told(TG_RELID, TG_ARGV);
                    END IF;
                    EXECUTE CASE TG_OP
                        WHEN 'INSERT' THEN pg_catalog.concat(
                            'SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(', told, ')) FROM new_rows r')
                        WHEN 'DELETE' THEN pg_catalog.concat(
                            'SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(', told, ')) FROM old_rows r')
                        ELSE pg_catalog.concat('SELECT pg_catalog.jsonb_agg(i.v) FROM (SELECT pg_catalog.jsonb_build_object(', told,
                            ') AS v FROM old_rows r UNION SELECT pg_catalog.jsonb_build_object(', told, ') FROM new_rows r) i')
                        END INTO images;
                    EXIT;
                EXCEPTION WHEN OTHERS THEN
                    images := NULL;
                END;
            END LOOP;

            payload := pg_catalog.jsonb_build_array(1, pg_catalog.pg_current_xact_id()::pg_catalog.text, TG_TABLE_SCHEMA, TG_TABLE_NAME, images);
            IF pg_catalog.octet_length(payload) > 7900 THEN
                payload := pg_catalog.jsonb_build_array(1, pg_catalog.pg_current_xact_id()::pg_catalog.text, TG_TABLE_SCHEMA, TG_TABLE_NAME, NULL);
            END IF;
            PERFORM pg_catalog.pg_notify('second_level_cache', payload);
            RETURN NULL;
        END $capture$;

        CREATE OR REPLACE FUNCTION second_level_cache.family(target regclass) RETURNS SETOF regclass LANGUAGE sql STABLE AS $capture$
            WITH RECURSIVE below AS (
                SELECT target::oid AS oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN below b ON i.inhparent = b.oid
            ), above AS (
                SELECT oid FROM below UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above a ON i.inhrelid = a.oid
            )
            SELECT c.oid::regclass FROM above a JOIN pg_catalog.pg_class c ON c.oid = a.oid
            WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' ORDER BY c.oid
        $capture$;

        CREATE OR REPLACE FUNCTION second_level_cache.add_capture(target regclass) RETURNS void LANGUAGE plpgsql AS $capture$
        -- Also its partitions and children, and what it is a partition or child of: a statement fires the triggers of the table that it names.
        DECLARE
            member regclass;
            columns text[];
            event text;
            arguments bytea;
        BEGIN
            FOR member IN SELECT second_level_cache.family(target) LOOP
                -- By which rows are found: the columns of keys and of other indexes.
                SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}')
                INTO columns
                FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = member AND a.attnum > 0 AND NOT a.attisdropped AND (
                    EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = member AND a.attnum = ANY (i.indkey::int2[]))
                    OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = member AND k.contype = 'f' AND a.attnum = ANY (k.conkey)));
                columns := second_level_cache.told(member, columns) || columns;
                SELECT string_agg(convert_to(c.text, getdatabaseencoding()) || '\x00'::bytea, ''::bytea ORDER BY c.place)
                INTO arguments
                FROM unnest(columns) WITH ORDINALITY c(text, place);
                FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
                    IF event = 'truncate' THEN
                        arguments := ''::bytea;
                    END IF;
                    CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t
                        WHERE t.tgrelid = member AND t.tgname = 'second_level_cache_' || event AND t.tgenabled = 'A' AND t.tgargs = arguments
                            AND t.tgfoid = 'second_level_cache.notify_change()'::regprocedure);
                    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'second_level_cache_' || event, member);
                    EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION second_level_cache.notify_change(%s)',
                        'second_level_cache_' || event, event, member,
                        CASE event
                            WHEN 'insert' THEN 'REFERENCING NEW TABLE AS new_rows'
                            WHEN 'update' THEN 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
                            WHEN 'delete' THEN 'REFERENCING OLD TABLE AS old_rows'
                            ELSE '' END,
                        CASE event WHEN 'truncate' THEN '' ELSE (SELECT coalesce(string_agg(quote_literal(c), ', '), '') FROM unnest(columns) c) END);
                    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', member, 'second_level_cache_' || event);
                END LOOP;
            END LOOP;
        END $capture$;

        CREATE OR REPLACE FUNCTION second_level_cache.remove_capture(target regclass) RETURNS void LANGUAGE plpgsql AS $capture$
        DECLARE
            member regclass;
            event text;
        BEGIN
            FOR member IN SELECT second_level_cache.family(target) LOOP
                FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
                    EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', 'second_level_cache_' || event, member);
                END LOOP;
            END LOOP;
        END $capture$;

        """;

    /// <summary>Tells whether the functions are these.</summary>
    private static readonly string Stamp = $"EfSecondLevelCache {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Functions)).AsSpan(0, 8))}";

    /// <summary>Whether triggers are installed with other functions than these.</summary>
    public static readonly string IsOutdatedSql =
        $"""
        SELECT EXISTS (
            SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid
            WHERE n.nspname = 'second_level_cache' AND p.proname = 'notify_change'
                AND pg_catalog.obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM '{Stamp}')
        """;

    /// <summary>The script for one command, which is one transaction, or a migration (it may stand in a block of its own), or a DBA.</summary>
    public static string Install(IEnumerable<TableName> tables)
        => $"""
            DO $install$ BEGIN
            PERFORM pg_advisory_xact_lock(hashtextextended('second_level_cache', 0));
            IF obj_description(to_regnamespace('second_level_cache'), 'pg_namespace') IS DISTINCT FROM '{Stamp}' THEN
            {Functions}
            COMMENT ON SCHEMA second_level_cache IS '{Stamp}';
            END IF;
            {Calls("add_capture", tables)}
            END $install$;
            """;

    public static string Remove(IEnumerable<TableName> tables)
        => $"DO $remove$ BEGIN\n{Calls("remove_capture", tables)}\nEND $remove$;";

    /// <summary>Everything that any <see cref="Install"/> has made.</summary>
    public const string RemoveAll = "DROP SCHEMA IF EXISTS second_level_cache CASCADE;";

    private static string Calls(string function, IEnumerable<TableName> tables)
        => string.Join('\n', tables.Select(table => $"    PERFORM second_level_cache.{function}({QuotedName.Literal(table)}::regclass);"));
}
