namespace EfSecondLevelCache.Catalog;

/// <summary>
/// The SQL, for PostgreSQL 13 and later. It reads catalogs that everybody may read, and takes no lock on the user's relations, which is
/// why views are not decompiled: a migration that holds a table must not hold the cache.
/// </summary>
internal static class CatalogQueries
{
    // Objects with a lower OID came with initdb. pg_depend does not record who refers to them.
    private const string FirstUserId = "16384";

    private const string IsTable = "c.relkind IN ('r', 'p', 'f')";

    private const string Relevant = "('r', 'p', 'v', 'm', 'f', 'S')";

    /// <summary>Not those that foreign keys and deferrable keys are made of. Their clones on partitions are the user's too.</summary>
    private const string IsUserTrigger =
        $"NOT (p.oid < {FirstUserId} AND (p.proname LIKE 'RI\\_FKey\\_%' OR p.proname = 'unique_key_recheck'))";

    /// <summary>1 for IMMUTABLE, 2 for STABLE, 3 for VOLATILE. An aggregate is as bad as the functions that it is made of.</summary>
    private const string Volatility =
        """
        CASE WHEN p.prokind = 'a' THEN (
            SELECT max(strpos('isv', part.provolatile::text)) FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc part ON part.oid
                IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
            WHERE a.aggfnoid = p.oid)
        ELSE strpos('isv', p.provolatile::text) END
        """;

    /// <summary>Functions that are called by a default or a CHECK of a table.</summary>
    private const string FunctionsOfExpressions =
        $"""
        SELECT DISTINCT coalesce(value.adrelid, checked.conrelid) AS relation, p.oid AS function
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid
        LEFT JOIN pg_catalog.pg_attrdef value ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND value.oid = d.objid
        LEFT JOIN pg_catalog.pg_constraint checked ON d.classid = 'pg_catalog.pg_constraint'::regclass AND checked.oid = d.objid
        WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND p.oid >= {FirstUserId} AND p.provolatile = 'v'
            AND coalesce(value.adrelid, checked.conrelid, 0) <> 0
        """;

    /// <summary>Those whose rights a role has, among the owners of tables with row-level security.</summary>
    private const string RolesOf =
        """
        ARRAY(SELECT owner.oid FROM pg_catalog.pg_roles owner
            WHERE owner.oid IN (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.relrowsecurity)
                AND pg_has_role(r.oid, owner.oid, 'USAGE')
            ORDER BY owner.oid)
        """;

    /// <summary>The rights of those who own views.</summary>
    public const string ViewOwners =
        $"""
        SELECT r.oid, r.rolsuper OR r.rolbypassrls AS bypasses, {RolesOf} AS roles
        FROM pg_catalog.pg_roles r
        WHERE r.oid IN (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.relkind = 'v' AND c.oid >= {FirstUserId})
        """;

    /// <summary>
    /// The server's timeline, as the first eight digits of a file's name; a failover begins another one. NULL on a standby.
    /// </summary>
    public const string Timeline =
        "CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8) END";

    /// <summary>
    /// Sums of hashes, so that the order of rows does not matter. By value where something that is of no interest here is updated often
    /// (TRUNCATE and GRANT touch pg_class), by xmin elsewhere. A temporary relation counts only while it hides a permanent one.
    /// A publication counts, as what it was left out of for a moment was told to nobody: from PostgreSQL 18 on the stream goes on without it.
    /// After a failover nothing is as it was: commits that the standby never got are lost.
    /// </summary>
    public const string Fingerprint =
        $"""
        SELECT ARRAY[
            (SELECT sum(hashnameextended(c.relname, (c.oid::int8 << 32) # (c.relnamespace::int8 << 16) # c.relowner::int8
                # (c.relkind::int4::int8 << 56) # (c.relrowsecurity::int4::int8 << 48) # (c.relforcerowsecurity::int4::int8 << 49))
                # CASE WHEN c.relkind = 'v' THEN coalesce(hashtext(c.reloptions::text), 0) ELSE 0 END)
             FROM pg_catalog.pg_class c WHERE c.relkind IN {Relevant} AND c.relpersistence <> 't' AND c.oid >= {FirstUserId}),
            (SELECT sum(hashnameextended(c.relname, c.oid::int8))
             FROM pg_catalog.pg_class c WHERE c.relkind IN {Relevant} AND c.relpersistence = 't' AND EXISTS (
                SELECT FROM pg_catalog.pg_class hidden WHERE hidden.relname = c.relname AND hidden.relpersistence <> 't')),
            (SELECT sum(hashnameextended(n.nspname, n.oid::int8))
             FROM pg_catalog.pg_namespace n WHERE n.oid >= {FirstUserId} AND n.nspname NOT LIKE 'pg\_%'),
            (SELECT sum(hashnameextended(a.attname, (a.attrelid::int8 << 32) # (a.atttypid::int8 << 12) # (a.attcollation::int8 << 8)
                # (a.atttypmod::int8 << 24) # a.attnum # (a.atthasdef::int4::int8 << 60) # (a.attidentity::int4::int8 << 52) # (a.attgenerated::int4::int8 << 44)))
             FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
             WHERE {IsTable} AND c.relpersistence <> 't' AND c.oid >= {FirstUserId} AND a.attnum > 0 AND NOT a.attisdropped),
            (SELECT sum(hashint8extended((i.inhrelid::int8 << 32) # i.inhparent::int8, 0)) FROM pg_catalog.pg_inherits i),
            (SELECT sum(hashint8extended(con.oid::int8, con.xmin::text::int8)) FROM pg_catalog.pg_constraint con WHERE con.contype = 'f'),
            (SELECT sum(hashint8extended(t.oid::int8, t.xmin::text::int8))
             FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal OR t.tgparentid <> 0),
            (SELECT sum(hashint8extended(e.relation::int8, e.function::int8)) FROM ({FunctionsOfExpressions}) e),
            (SELECT sum(hashint8extended(r.oid::int8, r.xmin::text::int8)) FROM pg_catalog.pg_rewrite r WHERE r.oid >= {FirstUserId}),
            (SELECT sum(hashint8extended(pol.oid::int8, pol.xmin::text::int8)) FROM pg_catalog.pg_policy pol),
            (SELECT sum(hashint8extended(p.oid::int8, p.xmin::text::int8)) FROM pg_catalog.pg_proc p WHERE p.oid >= {FirstUserId}),
            (SELECT sum(hashint8extended(t.oid::int8, t.xmin::text::int8))
             FROM pg_catalog.pg_type t WHERE t.oid >= {FirstUserId} AND t.typtype <> 'c' AND t.typcategory <> 'A'),
            (SELECT sum(hashint8extended(o.oid::int8, o.bypasses::int4) # hashtextextended(o.roles::text, o.oid::int8))
             FROM ({ViewOwners}) o),
            (SELECT sum(hashint8extended(pub.oid::int8, pub.xmin::text::int8)) FROM pg_catalog.pg_publication pub),
            (SELECT sum(hashint8extended(pub.oid::int8, pub.xmin::text::int8)) FROM pg_catalog.pg_publication_rel pub)
        ]::text, {Timeline}
        """;

    /// <summary>The user's name and rights, and the search path.</summary>
    public const string Session =
        $"""
        SELECT r.rolname, r.rolsuper OR r.rolbypassrls, {RolesOf}, current_schemas(true)::text[],
            ARRAY(SELECT c.oid FROM pg_catalog.pg_class c
                WHERE c.relkind IN ('r', 'p') AND c.oid >= {FirstUserId} AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY c.oid)
        FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
        """;

    public const string Relations =
        $"""
        SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence = 't', c.oid < {FirstUserId}, c.relowner,
            c.relrowsecurity, c.relforcerowsecurity,
            c.relkind = 'v' AND EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o
                WHERE o.option_name = 'security_invoker' AND o.option_value::bool)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN {Relevant}
        """;

    /// <summary>Without arrays and row types, of which every table has its own.</summary>
    public const string Types =
        """
        SELECT t.oid, n.nspname, t.typname, t.typtype, t.typbasetype, t.typtypmod <> -1
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typtype <> 'c' AND t.typcategory <> 'A'
        """;

    public const string NondeterministicCollations = "SELECT oid FROM pg_catalog.pg_collation WHERE NOT collisdeterministic";

    public const string Columns =
        $"""
        SELECT a.attrelid, a.attname, a.attnum, a.atttypid, a.attcollation,
            CASE WHEN a.attgenerated <> '' THEN 'g' WHEN a.attidentity <> '' THEN 'i' WHEN a.atthasdef THEN 'd' ELSE 'n' END::"char",
            a.atttypmod <> -1
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        WHERE {IsTable} AND c.oid >= {FirstUserId} AND a.attnum > 0 AND NOT a.attisdropped
        """;

    public const string Inheritance =
        $"""
        SELECT i.inhrelid, i.inhparent
        FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent WHERE {IsTable}
        """;

    /// <summary>A column number of 0 stands for an expression.</summary>
    public const string PartitionKeys = "SELECT partrelid, partattrs FROM pg_catalog.pg_partitioned_table";

    public const string ForeignKeys =
        """
        SELECT conname, conrelid, conkey, confrelid, confkey, confdeltype, confupdtype, convalidated
        FROM pg_catalog.pg_constraint WHERE contype = 'f'
        """;

    public const string Functions =
        $"""
        SELECT n.nspname, p.proname, max({Volatility}), array_agg(DISTINCT l.lanname)::text[],
            coalesce(bool_or(p.prokind = 'f' AND p.pronargs - p.pronargdefaults <= 1 AND argument.typtype IN ('c', 'p')), false),
            coalesce(array_agg(l.lanname::text) FILTER (WHERE p.provolatile = 'v'), ARRAY[]::text[]),
            coalesce(array_agg(coalesce(p.prosrc, '')) FILTER (WHERE p.provolatile = 'v'), ARRAY[]::text[])
        FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        LEFT JOIN pg_catalog.pg_type argument ON argument.oid = p.proargtypes[0]
        WHERE p.oid >= {FirstUserId}
        GROUP BY n.nspname, p.proname
        """;

    /// <summary>The functions of triggers, defaults and checks, with their text where it can be read.</summary>
    public const string HookFunctions =
        $"""
        SELECT p.oid, n.nspname, p.proname, p.oid < {FirstUserId} OR p.provolatile <> 'v', l.lanname, p.prosrc
        FROM pg_catalog.pg_proc p
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        WHERE p.oid IN (SELECT t.tgfoid FROM pg_catalog.pg_trigger t UNION SELECT e.function FROM ({FunctionsOfExpressions}) e)
        """;

    public const string Triggers =
        $"""
        SELECT t.tgrelid, t.tgname, t.tgfoid, t.tgtype, t.tgattr
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgenabled <> 'D' AND {IsUserTrigger}
        """;

    public const string ExpressionFunctions = FunctionsOfExpressions;

    public const string Rules =
        $"""
        SELECT ev_class, rulename, ev_type FROM pg_catalog.pg_rewrite WHERE ev_type <> '1' AND ev_enabled <> 'D' AND oid >= {FirstUserId}
        """;

    /// <summary>The text is left out while somebody holds a table alone: to get it would mean to wait for them.</summary>
    public const string Policies =
        """
        SELECT p.oid, p.polrelid, p.polname, CASE WHEN NOT EXISTS (
            SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
            WHERE d.datname = current_database() AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
                AND l.pid <> pg_backend_pid()
        ) THEN pg_get_expr(p.polqual, p.polrelid) END
        FROM pg_catalog.pg_policy p WHERE p.polcmd IN ('r', '*')
        """;

    /// <summary>
    /// What the definitions of views (policy 0) and of policies refer to: a row 'd' for each definition, 'r' for a relation, 'f' for a
    /// function of PostgreSQL's own that is not IMMUTABLE, 'u' for a user's, 'x' for another construct whose value moves. pg_depend tells
    /// of the user's objects; PostgreSQL's own it does not record, they are found in the stored tree. A column or alias can't pretend to
    /// be a part of the tree: blanks are escaped there, and constants are written as bytes.
    /// </summary>
    public const string Definitions =
        $$"""
        WITH definition AS MATERIALIZED (
            SELECT 'pg_catalog.pg_rewrite'::regclass AS class, r.oid AS object,
                r.ev_class AS relation, 0::oid AS policy, r.ev_action::text AS tree
            FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
            WHERE r.ev_type = '1' AND c.relkind = 'v' AND c.oid >= {{FirstUserId}}
            UNION ALL
            SELECT 'pg_catalog.pg_policy'::regclass, p.oid, p.polrelid, p.oid, p.polqual::text
            FROM pg_catalog.pg_policy p WHERE p.polcmd IN ('r', '*')
        ), reference AS MATERIALIZED (
            SELECT relation, policy, CASE found[1] WHEN 'relid' THEN 'r' ELSE 'f' END AS kind, found[2]::oid AS id
            FROM definition, regexp_matches(tree, ':(relid|funcid|aggfnoid|winfnoid) (\d+)', 'g') found
            WHERE found[2]::int8 BETWEEN 1 AND {{FirstUserId}} - 1
            UNION
            SELECT relation, policy,
                CASE d.refclassid WHEN 'pg_catalog.pg_class'::regclass THEN 'r' ELSE 'f' END, coalesce(o.oprcode, d.refobjid)
            FROM definition
            JOIN pg_catalog.pg_depend d ON d.classid = class AND d.objid = object
            LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 'pg_catalog.pg_operator'::regclass AND o.oid = d.refobjid
            WHERE d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
                AND NOT (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = relation)
        )
        SELECT relation, policy, 'd', 0::oid, ''::name, ''::name, 0::int2 FROM definition
        UNION ALL
        SELECT relation, policy, kind, id, '', '', 0::int2 FROM reference WHERE kind = 'r'
        UNION ALL
        SELECT relation, policy, CASE WHEN id < {{FirstUserId}} THEN 'f' ELSE 'u' END, id, n.nspname, p.proname, p.pronargs
        FROM reference JOIN pg_catalog.pg_proc p ON p.oid = id JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE kind = 'f' AND {{Volatility}} > 1
        UNION ALL
        SELECT relation, policy, 'x', 0, '', construct::name, 0::int2 FROM definition, LATERAL (VALUES
            ('the time of day', tree ~ '\{SQLVALUEFUNCTION :op [0-8] '),
            ('the time of day', tree ~ '\{COERCEVIAIO :arg \{CONST [^}]*\} :resulttype (1082|1083|1114|1184|1266) '),
            ('TABLESAMPLE', tree LIKE '%{TABLESAMPLECLAUSE %'),
            ('FOR UPDATE or FOR SHARE', tree LIKE '%{ROWMARKCLAUSE %')) AS moves(construct, found)
        WHERE found
        """;
}
