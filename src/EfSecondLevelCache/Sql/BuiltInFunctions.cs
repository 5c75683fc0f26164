using System.Collections.Frozen;

namespace EfSecondLevelCache.Sql;

/// <summary>What is known of PostgreSQL's own functions by their names alone.</summary>
/// <remarks>
/// A name with several overloads is what the worst of them is, unless their numbers of arguments tell them apart. A user's function of
/// the same name and other argument types is not seen here; the catalog knows of it, and has the last word.
/// </remarks>
internal static class BuiltInFunctions
{
    /// <summary>Every overload is IMMUTABLE, in each version from 15 to 18 that has it.</summary>
    public static readonly FrozenSet<string> Immutable = Set("""
        abbrev abs acos acosd acosh any_value area array_agg array_append array_cat array_dims array_fill array_length
        array_lower array_ndims array_position array_positions array_prepend array_remove array_replace array_reverse
        array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit bit_and bit_count bit_length
        bit_or bit_xor bool bool_and bool_or box bpchar broadcast btrim cardinality casefold cbrt ceil ceiling center char
        char_length character_length chr cidr circle corr cos cosd cosh cot cotd count covar_pop covar_samp crc32 crc32c
        cume_dist date_bin datemultirange daterange decode degrees dense_rank diameter div encode erf erfc every exp factorial
        family first_value float4 float8 floor gamma gcd generate_subscripts get_bit get_byte hashtext hashtextextended height
        host hostmask inet_merge inet_same_family initcap int2 int4 int4multirange int4range int8 int8multirange int8range
        interval is_normalized isclosed isempty isfinite ishorizontal isopen isparallel isperp isvertical json_array_elements
        json_array_elements_text json_array_length json_each json_each_text json_extract_path json_extract_path_text json_object
        json_object_keys json_strip_nulls json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length
        jsonb_concat jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_exists
        jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg
        jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
        jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lag
        last_value lcm lead left lgamma like line ln log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr macaddr8
        macaddr8_set7bit make_date make_interval make_time make_timestamp masklen max md5 min min_scale mod mode multirange
        netmask network normalize npoints nth_value ntile num_nonnulls num_nulls nummultirange numnode numrange octet_length
        overlay parse_ident path percent_rank percentile_cont percentile_disc pg_lsn pg_size_bytes pg_size_pretty
        pg_wal_lsn_diff pi point polygon position pow power querytree quote_ident radians radius range_agg range_intersect_agg
        range_merge rank regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
        regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy
        regr_syy repeat replace reverse right round row_number rpad rtrim scale set_bit set_byte set_masklen setweight sha224
        sha256 sha384 sha512 sign sin sind sinh slope split_part sqrt starts_with stddev stddev_pop stddev_samp string_agg
        string_to_array string_to_table strip strpos substr substring sum tan tand tanh text to_ascii to_bin to_hex to_oct
        translate trim_array trim_scale trunc ts_delete ts_filter ts_rank ts_rank_cd tsmultirange tsquery_and tsquery_not
        tsquery_or tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array unicode_assigned unistr unnest upper
        upper_inc upper_inf uuid_extract_timestamp uuid_extract_version var_pop var_samp varbit varchar variance width
        width_bucket xml_is_well_formed_content xml_is_well_formed_document xmlagg xmlcomment xmlexists xmltext xpath
        xpath_exists
        """);

    /// <summary>
    /// STABLE, but only for settings that are part of every key: the user and the database, TimeZone, DateStyle, IntervalStyle, lc_*,
    /// default_text_search_config, xmloption. Each has been looked at.
    /// </summary>
    public static readonly FrozenSet<string> StableBySession = Set("""
        array_to_json array_to_string concat concat_ws convert convert_from convert_to current_catalog current_database
        current_role current_user date date_add date_part date_subtract date_trunc extract format generate_series
        get_current_ts_config json_agg json_build_array json_build_object json_object_agg json_populate_record
        json_populate_recordset json_to_record json_to_recordset json_to_tsvector jsonb_agg jsonb_build_array
        jsonb_build_object jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz jsonb_path_query_first_tz
        jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset jsonb_to_record jsonb_to_recordset
        jsonb_to_tsvector length make_timestamptz money numeric overlaps pg_typeof phraseto_tsquery plainto_tsquery
        quote_literal quote_nullable row_to_json session_user system_user time timestamp timestamptz to_char to_date
        to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector ts_headline user websearch_to_tsquery xml
        xml_is_well_formed
        """);

    /// <summary>What looks like a function, but is grammar. Functions may stand in the arguments, where they are seen.</summary>
    public static readonly FrozenSet<string> Constructs = Set("""
        coalesce exists greatest grouping json_array json_arrayagg json_exists json_objectagg json_query json_scalar
        json_serialize json_table json_value least merge_action nullif treat trim xmlattributes xmlconcat xmlelement
        xmlforest xmlparse xmlpi xmlroot xmlserialize xmltable
        """);

    /// <summary>
    /// The value depends on more than the arguments: the clock, chance, sequences, the session, the server's state, files, the catalog.
    /// None of them changes a row of a table. <c>timezone</c> and <c>timetz</c> are here as they take the offset of today for a time
    /// without a date.
    /// </summary>
    public static readonly FrozenSet<string> Moving = Set("""
        clock_timestamp current_date current_query current_schema current_schemas current_setting current_time
        current_timestamp localtime localtimestamp now statement_timestamp timeofday timetz timezone
        transaction_timestamp version
        gen_random_bytes gen_random_uuid gen_salt random random_normal setseed uuid_generate_v1 uuid_generate_v1mc
        uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 uuidv4 uuidv7
        currval lastval nextval pg_notify pg_sleep pg_sleep_for pg_sleep_until set_config setval
        pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
        pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
        pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
        inet_client_addr inet_client_port inet_server_addr inet_server_port pg_backend_pid pg_blocking_pids
        pg_cancel_backend pg_client_encoding pg_conf_load_time pg_is_in_recovery pg_is_other_temp_schema
        pg_jit_available pg_listening_channels pg_my_temp_schema pg_notification_queue_usage pg_postmaster_start_time
        pg_reload_conf pg_safe_snapshot_blocking_pids pg_terminate_backend pg_trigger_depth row_security_active
        mxid_age pg_current_snapshot pg_current_xact_id pg_current_xact_id_if_assigned pg_export_snapshot
        pg_last_committed_xact pg_visible_in_snapshot pg_xact_commit_timestamp pg_xact_status txid_current
        txid_current_if_assigned txid_current_snapshot txid_status txid_visible_in_snapshot
        pg_current_logfile pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_last_wal_receive_lsn
        pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_logical_emit_message pg_walfile_name
        pg_walfile_name_offset
        pg_column_compression pg_column_size pg_database_size pg_indexes_size pg_relation_filenode pg_relation_filepath
        pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size
        lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_lseek lo_lseek64 lo_open lo_put lo_tell
        lo_tell64 lo_truncate lo_truncate64 lo_unlink loread lowrite pg_ls_dir pg_read_binary_file pg_read_file
        pg_stat_file
        col_description enum_first enum_last enum_range format_type has_any_column_privilege has_column_privilege
        has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
        has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
        has_type_privilege obj_description pg_collation_is_visible pg_describe_object pg_function_is_visible
        pg_get_constraintdef pg_get_expr pg_get_functiondef pg_get_indexdef pg_get_partkeydef pg_get_ruledef
        pg_get_serial_sequence pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_partition_ancestors
        pg_partition_root pg_partition_tree pg_sequence_last_value pg_table_is_visible pg_timezone_abbrevs
        pg_timezone_names pg_type_is_visible regclass shobj_description to_regclass to_regcollation to_regnamespace
        to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype
        """);

    // Unknown on purpose, as they run SQL that they are given as text, or read a table by its name: query_to_xml and its kin, ts_stat,
    // dblink, crosstab.

    /// <param name="schema">Null: the search path decides, and pg_catalog comes first on it.</param>
    /// <param name="name">As PostgreSQL compares it: in lower case if it is written without quotes.</param>
    /// <param name="arguments">How many it is called with.</param>
    public static FunctionVolatility VolatilityOf(string? schema, string name, int arguments)
    {
        if (schema is not (null or "pg_catalog"))
            return FunctionVolatility.Unknown;
        return name switch
        {
            "age" => arguments == 2 ? FunctionVolatility.Pure : FunctionVolatility.Moving, // age(x): until today
            "ts_rewrite" => arguments == 3 ? FunctionVolatility.Pure : FunctionVolatility.Unknown, // ts_rewrite(x, query): runs it
            _ when Immutable.Contains(name) || StableBySession.Contains(name) || Constructs.Contains(name)
                => FunctionVolatility.Pure,
            _ when Moving.Contains(name) || name.StartsWith("pg_stat_get_", StringComparison.Ordinal) => FunctionVolatility.Moving,
            _ => FunctionVolatility.Unknown,
        };
    }

    private static FrozenSet<string> Set(string names)
        => names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}
