using System.Data.Common;
using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>In every state, a cached reader answers, or throws, as Npgsql's does.</summary>
[Collection(nameof(FidelityCollection))]
public sealed class ReaderContractTests(FidelityDatabase database)
{
    private const string Sql =
        """
        SELECT 7 AS i, 7::bigint AS l, 'text' AS t, NULL::int AS n, NULL::text AS nt, '\x0102'::bytea AS b, 1.50 AS d, 1.5::real AS f,
               ARRAY[1, 2] AS a, ''::text AS e, NULL::int[] AS na, 5000000000 AS big
        """;

    private static readonly Type[] Types =
    [
        typeof(int), typeof(long), typeof(string), typeof(int), typeof(string), typeof(byte[]), typeof(decimal), typeof(float),
        typeof(List<int>), typeof(string), typeof(int[]), typeof(long),
    ];

    private static readonly Dictionary<string, Func<DbDataReader, object?>> Questions = new Dictionary<string, Func<DbDataReader, object?>>
    {
        ["FieldCount"] = reader => reader.FieldCount,
        ["HasRows"] = reader => reader.HasRows,
        ["IsClosed"] = reader => reader.IsClosed,
        ["Depth"] = reader => reader.Depth,
        ["RecordsAffected"] = reader => reader.RecordsAffected,
        ["GetOrdinal T"] = reader => reader.GetOrdinal("T"),
        ["GetOrdinal of none"] = reader => reader.GetOrdinal("none"),
        ["GetOrdinal empty"] = reader => reader.GetOrdinal(""),
        ["this[t]"] = reader => reader["t"],
        ["GetValues"] = reader => reader.GetValues(new object[3]),
        ["GetValues null"] = reader => reader.GetValues(null!),
    }
    .Concat(
        from ordinal in new[] { -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, int.MaxValue }
        from question in new (string Name, Func<DbDataReader, int, object?> Ask)[]
        {
            ("IsDBNull", (reader, i) => reader.IsDBNull(i)),
            ("GetName", (reader, i) => reader.GetName(i)),
            ("GetFieldType", (reader, i) => reader.GetFieldType(i)),
            ("GetDataTypeName", (reader, i) => reader.GetDataTypeName(i)),
            ("GetValue", (reader, i) => reader.GetValue(i)),
            ("this", (reader, i) => reader[i]),
            ("GetBoolean", (reader, i) => reader.GetBoolean(i)),
            ("GetInt32", (reader, i) => reader.GetInt32(i)),
            ("GetInt64", (reader, i) => reader.GetInt64(i)),
            ("GetDouble", (reader, i) => reader.GetDouble(i)),
            ("GetGuid", (reader, i) => reader.GetGuid(i)),
            ("GetDateTime", (reader, i) => reader.GetDateTime(i)),
            ("GetString", (reader, i) => reader.GetString(i)),
            ("GetChar", (reader, i) => reader.GetChar(i)),
            ("GetFieldValue<int?>", (reader, i) => reader.GetFieldValue<int?>(i)),
            ("GetFieldValue<object>", (reader, i) => reader.GetFieldValue<object>(i)),
            ("GetFieldValue<uint>", (reader, i) => reader.GetFieldValue<uint>(i)),
            ("GetFieldValue<DayOfWeek>", (reader, i) => reader.GetFieldValue<DayOfWeek>(i)),
            ("GetFieldValue<int[]>", (reader, i) => reader.GetFieldValue<int[]>(i)),
            ("GetFieldValue<List<int>>", (reader, i) => reader.GetFieldValue<List<int>>(i)),
            ("GetFieldValueAsync<string>", (reader, i) => reader.GetFieldValueAsync<string>(i).GetAwaiter().GetResult()),
            ("IsDBNullAsync", (reader, i) => reader.IsDBNullAsync(i).GetAwaiter().GetResult()),
        }
        select KeyValuePair.Create<string, Func<DbDataReader, object?>>(
            $"{question.Name} {ordinal}", reader => question.Ask(reader, ordinal)))
    .ToDictionary();

    // Npgsql drops the fraction of a number; a cached reader converts only where nothing is lost. And where there is no value, it does
    // not see that the column is of a type that could never be an int.
    private static readonly string[] Different =
        ["GetInt32 6", "GetInt64 6", "GetDouble 6", "GetFieldValue<int?> 6", "GetFieldValue<int?> 4", "GetFieldValue<int?> 10"];

    public static TheoryData<string> States
        => ["before the first row", "on a row", "after the last row", "after the last result", "closed", "disposed"];

    [Theory]
    [MemberData(nameof(States))]
    public async Task Questions_are_answered_as_Npgsql_answers_them(string state)
    {
        await using var command = database.DataSource.CreateCommand(Sql);
        CachedResult result;
        await using (var reader = await command.ExecuteReaderAsync())
        {
            var layout = RowLayout.TryCreate(Types, out _)!;
            result = (await ResultCapture.CaptureAsync(true, reader, layout, long.MaxValue, null, default)).Result!;
        }

        await using var live = await command.ExecuteReaderAsync();
        var cached = new CachedDataReader();
        cached.Reset(result);
        await Bring(live, state);
        await Bring(cached, state);

        var differences = string.Join("\n", Questions.Keys.Except(Different)
            .Select(question => (question, live: Answer(live, question), cached: Answer(cached, question)))
            .Where(answer => answer.live != answer.cached)
            .Select(answer => $"{answer.question}: {answer.live}, cached {answer.cached}"));
        Assert.True(differences.Length == 0, differences);
    }

    private static async Task Bring(DbDataReader reader, string state)
    {
        switch (state)
        {
            case "on a row":
                Assert.True(await reader.ReadAsync());
                break;
            case "after the last row":
                Assert.True(await reader.ReadAsync());
                Assert.False(await reader.ReadAsync());
                break;
            case "after the last result":
                Assert.False(await reader.NextResultAsync());
                break;
            case "closed":
                await reader.CloseAsync();
                break;
            case "disposed":
                await reader.DisposeAsync();
                break;
        }
    }

    private static string Answer(DbDataReader reader, string question)
    {
        try
        {
            return ExactValue.Of(Questions[question](reader));
        }
        catch (Exception exception)
        {
            return exception.GetType().Name;
        }
    }
}
