using System.Collections;
using System.Data.Common;

namespace EfSecondLevelCache.Benchmarks.Queries.Floors;

/// <summary>
/// The rows of one execution, in arrays of their columns' types. Nulls are not kept: the benchmarks' columns have none, and a floor
/// should not pay for what it doesn't use.
/// </summary>
internal sealed class PrebuiltRows
{
    private PrebuiltRows(string[] names, Type[] types, Array[] columns, int count)
    {
        Names = names;
        Types = types;
        Columns = columns;
        Count = count;
    }

    public string[] Names { get; }

    public Type[] Types { get; }

    public Array[] Columns { get; }

    public int Count { get; }

    public static async Task<PrebuiltRows> ReadAsync(DbDataReader reader)
    {
        var names = new string[reader.FieldCount];
        var types = new Type[reader.FieldCount];
        var values = new List<object>[reader.FieldCount];
        for (var i = 0; i < reader.FieldCount; i++)
        {
            names[i] = reader.GetName(i);
            types[i] = reader.GetFieldType(i);
            values[i] = [];
        }

        while (await reader.ReadAsync())
        {
            for (var i = 0; i < reader.FieldCount; i++)
                values[i].Add(reader.GetValue(i));
        }

        var columns = new Array[reader.FieldCount];
        for (var i = 0; i < columns.Length; i++)
        {
            columns[i] = Array.CreateInstance(types[i], values[i].Count);
            ((IList)values[i]).CopyTo(columns[i], 0);
        }

        return new PrebuiltRows(names, types, columns, values[0].Count);
    }
}
