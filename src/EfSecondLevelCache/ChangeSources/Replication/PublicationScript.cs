using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources.Replication;

/// <summary>
/// The SQL that publishes tables. A table without a replica identity is left out: once it is published, PostgreSQL refuses the application's own
/// UPDATE and DELETE of it.
/// </summary>
internal static class PublicationScript
{
    /// <summary>
    /// The tables of a publication that publishes all operations and all rows. A partitioned table has no rows of its own: what counts is that its
    /// partitions are published.
    /// </summary>
    public static string CapturedTablesSql(string publication)
        => $"""
            SELECT t.relid
            FROM pg_catalog.pg_publication p, pg_catalog.pg_get_publication_tables(p.pubname) t
            WHERE p.pubname = {Literal(publication)} AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot
                AND pg_catalog.to_jsonb(t) ->> 'qual' IS NULL
            UNION SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relkind = 'p'
            ORDER BY 1
            """;

    /// <summary>One statement, as a migration may put it in a block of its own.</summary>
    public static string Install(string publication, IEnumerable<TableName> tables)
        => $"""
            DO $install$
            DECLARE
                publication CONSTANT text := {Literal(publication)};
                target oid;
                members text;
            BEGIN
                PERFORM pg_advisory_xact_lock(hashtextextended('second_level_cache', 0));
                IF NOT EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.pubname = publication) THEN
                    EXECUTE format('CREATE PUBLICATION %I', publication);
                END IF;
                FOREACH target IN ARRAY ARRAY[{string.Join(", ", tables.Select(table => $"{QuotedName.Literal(table)}::regclass::oid"))}]::oid[] LOOP
                    -- With its partitions and children, and what it is one of. A child that comes later has to be added then.
                    WITH RECURSIVE below AS (
                        SELECT target AS oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN below b ON i.inhparent = b.oid
                    ), above AS (
                        SELECT oid FROM below UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN above a ON i.inhrelid = a.oid
                    )
                    SELECT string_agg('ONLY ' || c.oid::regclass, ', ') INTO members
                    FROM above a JOIN pg_catalog.pg_class c ON c.oid = a.oid
                    WHERE c.relkind = 'r' AND c.relpersistence = 'p'
                        AND (c.relreplident = 'f'
                            OR c.relreplident = 'd' AND EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                            OR c.relreplident = 'i' AND EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident))
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_get_publication_tables(publication) t WHERE t.relid = c.oid);
                    IF members IS NOT NULL THEN
                        EXECUTE format('ALTER PUBLICATION %I ADD TABLE %s', publication, members);
                    END IF;
                END LOOP;
            END $install$;
            """;

    public static string Remove(string publication) => $"DROP PUBLICATION IF EXISTS {QuotedName.Identifier(publication)};";

    private static string Literal(string text) => QuotedName.Literal(text);
}
