using EfSecondLevelCache.Sql;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;

namespace EfSecondLevelCache.Tests.Sql;

public class BuiltInFunctionsTests
{
    [Theory]
    [InlineData("lower", 1, FunctionVolatility.Pure)]
    [InlineData("count", 1, FunctionVolatility.Pure)]
    [InlineData("row_number", 0, FunctionVolatility.Pure)]
    [InlineData("date_trunc", 2, FunctionVolatility.Pure)]
    [InlineData("to_char", 2, FunctionVolatility.Pure)]
    [InlineData("jsonb_build_object", 2, FunctionVolatility.Pure)]
    [InlineData("to_tsvector", 1, FunctionVolatility.Pure)]
    [InlineData("current_user", 0, FunctionVolatility.Pure)]
    [InlineData("coalesce", 2, FunctionVolatility.Pure)]
    [InlineData("age", 2, FunctionVolatility.Pure)]
    [InlineData("age", 1, FunctionVolatility.Moving)]
    [InlineData("now", 0, FunctionVolatility.Moving)]
    [InlineData("clock_timestamp", 0, FunctionVolatility.Moving)]
    [InlineData("statement_timestamp", 0, FunctionVolatility.Moving)]
    [InlineData("transaction_timestamp", 0, FunctionVolatility.Moving)]
    [InlineData("timeofday", 0, FunctionVolatility.Moving)]
    [InlineData("current_date", 0, FunctionVolatility.Moving)]
    [InlineData("current_time", 0, FunctionVolatility.Moving)]
    [InlineData("localtimestamp", 0, FunctionVolatility.Moving)]
    [InlineData("timezone", 2, FunctionVolatility.Moving)]
    [InlineData("random", 0, FunctionVolatility.Moving)]
    [InlineData("random_normal", 0, FunctionVolatility.Moving)]
    [InlineData("gen_random_uuid", 0, FunctionVolatility.Moving)]
    [InlineData("uuidv7", 0, FunctionVolatility.Moving)]
    [InlineData("uuid_generate_v4", 0, FunctionVolatility.Moving)]
    [InlineData("nextval", 1, FunctionVolatility.Moving)]
    [InlineData("currval", 1, FunctionVolatility.Moving)]
    [InlineData("setval", 2, FunctionVolatility.Moving)]
    [InlineData("set_config", 3, FunctionVolatility.Moving)]
    [InlineData("current_setting", 1, FunctionVolatility.Moving)]
    [InlineData("pg_advisory_xact_lock", 1, FunctionVolatility.Moving)]
    [InlineData("txid_current", 0, FunctionVolatility.Moving)]
    [InlineData("pg_current_snapshot", 0, FunctionVolatility.Moving)]
    [InlineData("pg_backend_pid", 0, FunctionVolatility.Moving)]
    [InlineData("pg_sleep", 1, FunctionVolatility.Moving)]
    [InlineData("pg_notify", 2, FunctionVolatility.Moving)]
    [InlineData("inet_client_addr", 0, FunctionVolatility.Moving)]
    [InlineData("lo_get", 1, FunctionVolatility.Moving)]
    [InlineData("pg_read_file", 1, FunctionVolatility.Moving)]
    [InlineData("pg_stat_get_live_tuples", 1, FunctionVolatility.Moving)]
    [InlineData("has_table_privilege", 2, FunctionVolatility.Moving)]
    [InlineData("ts_rewrite", 3, FunctionVolatility.Pure)]
    [InlineData("ts_rewrite", 2, FunctionVolatility.Unknown)]
    [InlineData("query_to_xml", 4, FunctionVolatility.Unknown)]
    [InlineData("table_to_xml", 4, FunctionVolatility.Unknown)]
    [InlineData("cursor_to_xml", 5, FunctionVolatility.Unknown)]
    [InlineData("ts_stat", 1, FunctionVolatility.Unknown)]
    [InlineData("dblink", 2, FunctionVolatility.Unknown)]
    [InlineData("my_function", 0, FunctionVolatility.Unknown)]
    [InlineData("LOWER", 1, FunctionVolatility.Unknown)]
    internal void A_function_is_known_by_its_name(string name, int arguments, FunctionVolatility expected)
    {
        Assert.Equal(expected, BuiltInFunctions.VolatilityOf(null, name, arguments));
        Assert.Equal(expected, BuiltInFunctions.VolatilityOf("pg_catalog", name, arguments));
        Assert.Equal(FunctionVolatility.Unknown, BuiltInFunctions.VolatilityOf("public", name, arguments));
    }

    [Fact]
    public void No_function_is_of_two_kinds()
    {
        string[] all =
        [
            .. BuiltInFunctions.Immutable, .. BuiltInFunctions.StableBySession, .. BuiltInFunctions.Constructs, .. BuiltInFunctions.Moving,
        ];
        Assert.Empty(all.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key));
    }

    [Theory]
    [InlineData("COALESCE", null, "coalesce")]
    [InlineData("lower", null, "lower")]
    [InlineData("NOW", null, "now")]
    [InlineData("ST_Distance", null, "st_distance")]
    [InlineData("\"ST_Distance\"", null, "ST_Distance")]
    [InlineData("App.My_Twice", "app", "my_twice")]
    [InlineData("\"App\".my_Twice", "App", "my_twice")]
    [InlineData("GRÖSSE_İ", null, "grÖsse_İ")]
    [InlineData("f(1) + G", null, "f(1) + G")]
    [InlineData("A23456789012345678901234567890123456789012345678901234567890123LOST", null,
        "a23456789012345678901234567890123456789012345678901234567890123")]
    internal void The_name_of_a_function_that_EF_Core_writes_as_it_is_is_read_as_PostgreSQL_reads_it(string written, string? schema, string name)
        => Assert.Equal(
            new RawSqlFunction(schema, name, 0), RawSqlFunction.Of(new SqlFunctionExpression(written, [], true, [], typeof(string), null)));

    [Theory]
    [InlineData(null, "Lower")]
    [InlineData("", "lower")]
    [InlineData("App", "F.g")]
    internal void The_name_of_any_other_function_is_quoted_where_it_must_be(string? schema, string name)
        => Assert.Equal(
            new RawSqlFunction(schema is "" ? null : schema, name, 0),
            RawSqlFunction.Of(new SqlFunctionExpression(schema, name, [], true, [], typeof(string), null)));

    [Fact]
    internal void A_quoted_name_is_cut_too()
        => Assert.Equal(63, RawSqlFunction.Of(new SqlFunctionExpression(null!, new string('F', 64), [], true, [], typeof(int), null)).Name.Length);

    // What the translators of the EF Core provider write, without what belongs to extensions.
    [Fact]
    public void Every_function_of_PostgreSQL_that_the_EF_Core_provider_writes_is_known()
    {
        var names = """
            abs acos acosh array_agg array_append array_cat array_position array_remove array_to_string array_to_tsvector asin asinh
            atan atan2 atanh avg btrim bit_and bit_or bool_and bool_or cardinality ceiling concat_ws corr cos cosh count covar_pop
            covar_samp date_part date_trunc degrees encode exp family floor get_byte host hostmask inet_merge inet_same_family
            isempty json_agg json_array_elements_text json_array_length json_object_agg json_to_recordset json_typeof jsonb_agg
            jsonb_array_elements_text jsonb_array_length jsonb_object_agg jsonb_set jsonb_set_lax jsonb_to_recordset jsonb_typeof
            left length ln log lower lower_inc lower_inf lpad ltrim macaddr8_set7bit make_date make_interval make_timestamp
            make_timestamptz masklen max min netmask network numnode phraseto_tsquery plainto_tsquery position power querytree
            radians range_agg range_intersect_agg range_merge regexp_count regexp_replace regr_avgx regr_avgy regr_count
            regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy replace reverse right round rpad rtrim set_byte set_masklen
            setweight sign sin sinh split_part sqrt stddev_pop stddev_samp string_agg string_to_array strip strpos substr substring
            sum tan tanh text to_char to_date to_json to_jsonb to_timestamp to_tsquery to_tsvector trunc ts_delete ts_filter
            ts_headline ts_rank ts_rank_cd tsquery_phrase unnest upper upper_inc upper_inf var_pop var_samp websearch_to_tsquery
            coalesce nullif greatest least
            """.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

        Assert.All(names, name => Assert.Equal(FunctionVolatility.Pure, BuiltInFunctions.VolatilityOf(null, name, 2)));
    }
}
