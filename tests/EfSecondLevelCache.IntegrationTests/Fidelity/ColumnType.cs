using System.Collections;
using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Numerics;
using System.Text.Json;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>A type of PostgreSQL, the CLR type that EF Core reads it as, and values of it, typical and extreme, as SQL text.</summary>
public sealed record ColumnType(string StoreType, Type ClrType, params string[] Values)
{
    /// <summary>Everything that Npgsql and its EF Core provider map.</summary>
    public static readonly ColumnType[] All =
    [
        new("boolean", typeof(bool), "true", "false"),
        new("smallint", typeof(short), "0", "-32768", "32767"),
        new("smallint", typeof(byte), "0", "255"),
        new("integer", typeof(int), "0", "-2147483648", "2147483647"),
        new("bigint", typeof(long), "0", "-9223372036854775808", "9223372036854775807"),
        new("real", typeof(float), "1.5", "-0", "NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45"),
        new("double precision", typeof(double), "1.5", "-0", "NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324"),
        new("numeric", typeof(decimal), "0", "1", "1.0", "1.00", "-0.0000000000000000000000000001", "79228162514264337593543950335"),
        new("numeric(10,2)", typeof(decimal), "12.5", "-99999999.99"),
        new("numeric", typeof(BigInteger), "0", "1", "-1", "2147483648", "-2147483648", "1e100", "-1e500"),
        new("numeric", typeof(float), "1.5", "-2.25"),
        new("numeric", typeof(double), "1.5", "-2.25"),
        new("money", typeof(decimal), "12.34", "-92233720368547758.08", "92233720368547758.07"),
        new("oid", typeof(uint), "0", "4294967295"),
        new("xid", typeof(uint), "3", "4294967295"),
        new("cid", typeof(uint), "0", "4294967295"),
        new("regtype", typeof(uint), "integer", "text"),
        new("xid8", typeof(ulong), "3", "18446744073709551615"),
        new("tid", typeof(NpgsqlTid), "(0,1)", "(4294967295,65535)"),
        new("pg_lsn", typeof(NpgsqlLogSequenceNumber), "0/0", "FFFFFFFF/FFFFFFFF"),

        new("text", typeof(string), "", "a", "größe 🐘 \u0301 ı", " x ", "O'Brien", LongText),
        new("character varying(20)", typeof(string), "", "varying"),
        new("character(5)", typeof(string), "ab", "abcde"),
        new("character(1)", typeof(char), "x", "é"),
        new("text", typeof(char), "x"),
        new("citext", typeof(string), "MiXed"),
        new("xml", typeof(string), "<a b=\"c\">d</a>"),
        new("jsonpath", typeof(string), "$.\"a\"[*]"),
        new("ltree", typeof(string), "top.science.astronomy", ""),
        new("lquery", typeof(string), "top.*"),
        new("ltxtquery", typeof(string), "europe & asia"),
        new("mood", typeof(Mood), "sad", "happy"),
        new("mood", typeof(string), "sad", "happy"),

        new("json", typeof(string), """{"a": [1, 2.50, null], "b":  "x"}""", " [] ", "null"),
        new("jsonb", typeof(string), """{"a": [1, 2.50, null], "b": "ü"}""", "[]", "null", "\"text\""),
        new("json", typeof(JsonDocument), """{"a": [1, 2.50, null], "b":  "x"}""", "[]", "null", "1e400"),
        new("jsonb", typeof(JsonDocument), """{"a": [1, 2.50, null], "b": "ü"}""", "[]", "null", "\"text\"", LongJson),
        new("json", typeof(JsonElement), """{"a": [1, 2.50, null], "b":  "x"}""", "[]", "null"),
        new("jsonb", typeof(JsonElement), """{"a": [1, 2.50, null], "b": "ü"}""", "[]", "null", "\"text\"", LongJson),

        new("date", typeof(DateOnly), "2024-02-29", "0001-01-01", "9999-12-31", "infinity", "-infinity"),
        new("date", typeof(DateTime), "2024-02-29", "0001-01-01", "9999-12-31", "infinity", "-infinity"),
        new("time", typeof(TimeOnly), "00:00", "23:59:59.999999"),
        new("time", typeof(TimeSpan), "00:00", "23:59:59.999999"),
        new("time with time zone", typeof(DateTimeOffset), "12:00+02", "23:59:59.999999-11:30"),
        new("timestamp", typeof(DateTime), "2024-02-29 12:34:56.789012", "0001-01-01", "9999-12-31 23:59:59.999999", "infinity"),
        new("timestamp with time zone", typeof(DateTime), "2024-02-29 12:34:56.789012+05", "0001-01-01 00:00+00", "infinity", "-infinity"),
        new("timestamp with time zone", typeof(DateTimeOffset), "2024-02-29 12:34:56.789012+05", "infinity", "-infinity"),
        new("interval", typeof(TimeSpan), "0", "1 day 02:03:04.567890", "-10675199 days"),
        new("interval", typeof(NpgsqlInterval), "1 year 2 months -3 days 04:05:06.000007", "178000000 years"),

        new("bytea", typeof(byte[]), @"\x", @"\x00ff10", LongBytes),
        new("uuid", typeof(Guid), "00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        new("bit(3)", typeof(BitArray), "101"),
        new("bit(1)", typeof(bool), "1", "0"),
        new("bit varying", typeof(BitArray), "", "1", "010101010101010101010101010101010101010101"),

        new("inet", typeof(IPAddress), "192.168.1.1", "::1", "2001:db8::ff00:42:8329"),
        new("inet", typeof(NpgsqlInet), "192.168.1.1/24", "2001:db8::/32"),
        new("cidr", typeof(IPNetwork), "192.168.1.0/24", "2001:db8::/32", "0.0.0.0/0"),
#pragma warning disable CS0618 // Obsolete, but still mapped.
        new("cidr", typeof(NpgsqlCidr), "192.168.1.0/24", "2001:db8::/32"),
#pragma warning restore CS0618
        new("macaddr", typeof(PhysicalAddress), "08:00:2b:01:02:03"),
        new("macaddr8", typeof(PhysicalAddress), "08:00:2b:01:02:03:04:05"),

        new("point", typeof(NpgsqlPoint), "(1.5,-0)", "(NaN,Infinity)"),
        new("line", typeof(NpgsqlLine), "{1,2,3}"),
        new("lseg", typeof(NpgsqlLSeg), "[(1,2),(3,4)]"),
        new("box", typeof(NpgsqlBox), "(3,4),(1,2)"),
        new("path", typeof(NpgsqlPath), "[(1,2),(3,4),(5,6)]", "((1,2),(3,4))"),
        new("polygon", typeof(NpgsqlPolygon), "((1,2),(3,4),(5,6))"),
        new("circle", typeof(NpgsqlCircle), "<(1,2),3>"),
        new("cube", typeof(NpgsqlCube), "(1,2,3),(4,5,6)", "(7)"),

        new("tsvector", typeof(NpgsqlTsVector), "", "'a':1A,2 'fat':3B 'rat'"),
        new("tsquery", typeof(NpgsqlTsQuery), "fat & (rat | !cat:*AB) <-> dog", "one", ""),

        new("int4range", typeof(NpgsqlRange<int>), "[1,5)", "(,5)", "empty", "(,)"),
        new("int8range", typeof(NpgsqlRange<long>), "[1,5)"),
        new("numrange", typeof(NpgsqlRange<decimal>), "[1.0,5.00]", "(1,)"),
        new("tsrange", typeof(NpgsqlRange<DateTime>), "[2024-01-01,2024-02-01)"),
        new("tstzrange", typeof(NpgsqlRange<DateTime>), "[2024-01-01 00:00+00,infinity)"),
        new("tstzrange", typeof(NpgsqlRange<DateTimeOffset>), "[2024-01-01 00:00+00,)"),
        new("daterange", typeof(NpgsqlRange<DateOnly>), "[2024-01-01,2024-02-01)"),
        new("daterange", typeof(NpgsqlRange<DateTime>), "[2024-01-01,2024-02-01)"),
        new("int4multirange", typeof(NpgsqlRange<int>[]), "{}", "{[1,5),[7,9)}"),
        new("int8multirange", typeof(List<NpgsqlRange<long>>), "{}", "{[1,5),[7,9)}"),
        new("nummultirange", typeof(NpgsqlRange<decimal>[]), "{[1.0,5.00],[7,9)}"),
        new("tsmultirange", typeof(NpgsqlRange<DateTime>[]), "{[2024-01-01,2024-02-01)}"),
        new("tstzmultirange", typeof(NpgsqlRange<DateTime>[]), "{[2024-01-01 00:00+00,2024-02-01 00:00+00)}"),
        new("datemultirange", typeof(NpgsqlRange<DateOnly>[]), "{[2024-01-01,2024-02-01)}"),

        new("hstore", typeof(Dictionary<string, string>), "", "a=>1, b=>NULL, \"c d\"=>\"\""),
        new("hstore", typeof(ImmutableDictionary<string, string>), "", "a=>1, b=>NULL, \"c d\"=>\"\""),

        new("boolean[]", typeof(bool[]), "{}", "{t,f}"),
        new("smallint[]", typeof(short[]), "{1,-1}"),
        new("smallint[]", typeof(byte[]), "{1,255}"),
        new("integer[]", typeof(int[]), "{}", "{1,2,3}"),
        new("integer[]", typeof(List<int>), "{}", "{1,2,3}"),
        new("integer[]", typeof(int?[]), "{1,NULL,3}"),
        new("integer[]", typeof(List<int?>), "{1,NULL,3}"),
        new("integer[]", typeof(int[,]), "{{1,2,3},{4,5,6}}"),
        new("integer[]", typeof(int[,,]), "{{{1},{2}},{{3},{4}}}"),
        new("bigint[]", typeof(long[]), "{1}"),
        new("real[]", typeof(float[]), "{NaN,-0}"),
        new("double precision[]", typeof(double[]), "{NaN,-0}"),
        new("numeric[]", typeof(decimal[]), "{1.0,1.00}"),
        new("numeric[]", typeof(BigInteger[]), "{1,1e50}"),
        new("numeric[]", typeof(BigInteger?[]), "{1,NULL,1e50}"),
        new("text[]", typeof(string[]), "{}", "{a,NULL,\"\",\"a b\",a}"),
        new("text[]", typeof(List<string>), "{}", "{a,NULL,\"\",\"a b\",a}"),
        new("text[]", typeof(string[,]), "{{a,b},{NULL,a}}"),
        new("uuid[]", typeof(Guid[]), "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"),
        new("date[]", typeof(DateOnly[]), "{2024-01-01}"),
        new("time[]", typeof(TimeOnly[]), "{12:00}"),
        new("timestamp[]", typeof(DateTime[]), "{2024-01-01 12:00}"),
        new("timestamp with time zone[]", typeof(DateTime[]), "{2024-01-01 12:00+00}"),
        new("timestamp with time zone[]", typeof(List<DateTimeOffset>), "{2024-01-01 12:00+00}"),
        new("interval[]", typeof(TimeSpan[]), "{1 day}"),
        new("bytea[]", typeof(byte[][]), @"{}", """{"\\x0102",NULL,"\\x"}"""),
        new("jsonb[]", typeof(JsonDocument[]), """{"{\"a\": 1}",NULL}"""),
        new("jsonb[]", typeof(JsonElement[]), """{"{\"a\": 1}","[]"}"""),
        new("jsonb[]", typeof(string[]), """{"{\"a\": 1}",NULL}"""),
        new("bit varying[]", typeof(BitArray[]), "{101,0}"),
        new("inet[]", typeof(IPAddress[]), "{192.168.1.1,NULL,::1}"),
        new("inet[]", typeof(List<NpgsqlInet>), "{192.168.1.1/24}"),
        new("inet[]", typeof(NpgsqlInet?[]), "{192.168.1.1/24,NULL}"),
        new("cidr[]", typeof(IPNetwork[]), "{192.168.1.0/24}"),
        new("macaddr[]", typeof(PhysicalAddress[]), "{08:00:2b:01:02:03}"),
        new("point[]", typeof(NpgsqlPoint[]), "{\"(1,2)\"}"),
        new("path[]", typeof(NpgsqlPath[]), "{\"[(1,2),(3,4)]\"}"),
        new("polygon[]", typeof(List<NpgsqlPolygon>), "{\"((1,2),(3,4))\"}"),
        new("cube[]", typeof(NpgsqlCube[]), "{\"(1,2),(3,4)\"}"),
        new("tsvector[]", typeof(NpgsqlTsVector[]), "{\"'a':1A\"}"),
        new("tsquery[]", typeof(NpgsqlTsQuery[]), "{\"a & b\"}"),
        new("int4range[]", typeof(NpgsqlRange<int>[]), "{\"[1,5)\"}"),
        new("hstore[]", typeof(Dictionary<string, string>[]), "{\"a=>1\",NULL}"),
        new("mood[]", typeof(Mood[]), "{sad,ok}"),
        new("mood[]", typeof(List<Mood>), "{sad,ok}"),
        new("ltree[]", typeof(string[]), "{a.b}"),
        new("citext[]", typeof(string[]), "{aB}"),
    ];

    private static string LongText => new string('x', 100_000) + 'ß';

    private static string LongJson => "[" + string.Join(",", Enumerable.Range(0, 10_000)) + "]";

    private static string LongBytes => @"\x" + string.Concat(Enumerable.Repeat("0123456789abcdef", 12_000));

    public static IEnumerable<TheoryDataRow<string>> Names => All.Select(type => new TheoryDataRow<string>(type.ToString()));

    /// <summary>The values as SQL, null being the last of them.</summary>
    public IEnumerable<string> Literals
        => Values.Select(value => $"'{value.Replace("'", "''")}'::{StoreType}").Append($"NULL::{StoreType}");

    public string Query
        => string.Join(" UNION ALL ", Literals.Select((literal, i) => $"SELECT {literal} AS value, {i} AS i")) + " ORDER BY i";

    public static ColumnType Named(string name) => All.Single(type => type.ToString() == name);

    public override string ToString() => $"{StoreType} as {Name(ClrType)}";

    private static string Name(Type type)
        => Nullable.GetUnderlyingType(type) is { } underlying ? Name(underlying) + "?"
            : type.IsArray ? Name(type.GetElementType()!) + "[" + new string(',', type.GetArrayRank() - 1) + "]"
            : type.IsGenericType ? $"{type.Name[..type.Name.IndexOf('`')]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
            : type.Name;
}
