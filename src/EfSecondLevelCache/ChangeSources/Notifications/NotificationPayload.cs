using System.Text.Json;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.ChangeSources.Notifications;

/// <summary>
/// What the trigger sends: <c>[version, xid, schema, table, rows]</c>, rows being objects of values by column, or null where they would not fit.
/// </summary>
internal static class NotificationPayload
{
    /// <returns>A change of null: anybody may notify on the channel, a later version of the trigger too, and this could not be read.</returns>
    public static (string? Xid, ToldChange? Change) Read(string payload)
    {
        try
        {
            using var document = JsonDocument.Parse(payload);
            var parts = document.RootElement;
            if (parts.ValueKind is not JsonValueKind.Array || parts.GetArrayLength() != 5 || parts[0].GetInt32() != CaptureScript.Version)
                return default;
            if (parts[2].GetString() is not { } schema || parts[3].GetString() is not { } table)
                return default;
            var rows = parts[4].ValueKind is JsonValueKind.Null ? null : parts[4].EnumerateArray().Select(ReadRow).ToList();
            return (parts[1].GetString(), new ToldChange(new TableName(schema, table), rows));
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            return default;
        }
    }

    private static Dictionary<string, string?> ReadRow(JsonElement row)
    {
        var values = new Dictionary<string, string?>();
        foreach (var column in row.EnumerateObject())
        {
            switch (column.Value.ValueKind)
            {
                case JsonValueKind.Null:
                    values[column.Name] = null;
                    break;
                case JsonValueKind.String:
                    values[column.Name] = column.Value.GetString();
                    break;
                case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False:
                    values[column.Name] = column.Value.GetRawText();
                    break;
            }
        }

        return values;
    }
}
