using System.Data;
using System.Data.Common;
using System.Globalization;

namespace EfSecondLevelCache.Results;

/// <summary>What a reader says of its columns: names, and the database's and the driver's types.</summary>
/// <param name="names">Of the columns.</param>
/// <param name="dataTypeNames">The database's.</param>
/// <param name="fieldTypes">Null where the reader could not say, which Npgsql can't for a type that nobody mapped.</param>
internal sealed class ResultColumns(string[] names, string[] dataTypeNames, Type?[] fieldTypes)
{
    private static readonly CompareInfo NameComparison = CultureInfo.InvariantCulture.CompareInfo;

    public int Count => names.Length;

    public string Name(int ordinal) => names[ordinal];

    public string DataTypeName(int ordinal) => dataTypeNames[ordinal];

    public Type? FieldType(int ordinal) => fieldTypes[ordinal];

    /// <summary>The columns of a reader; <paramref name="known"/> itself where they are the same.</summary>
    public static ResultColumns Of(DbDataReader reader, ResultColumns? known)
    {
        if (known is not null && known.Describes(reader))
            return known;

        var count = reader.FieldCount;
        var names = new string[count];
        var dataTypeNames = new string[count];
        var fieldTypes = new Type?[count];
        for (var i = 0; i < count; i++)
        {
            names[i] = reader.GetName(i);
            dataTypeNames[i] = reader.GetDataTypeName(i);
            fieldTypes[i] = FieldTypeOf(reader, i);
        }

        return new(names, dataTypeNames, fieldTypes);
    }

    /// <summary>Finds a column by Npgsql's rules: as it is written first, then regardless of case, width and kana.</summary>
    /// <returns>-1 where there is none.</returns>
    public int Find(string name)
    {
        var exact = Array.IndexOf(names, name);
        return exact >= 0
            ? exact
            : Array.FindIndex(names, other => NameComparison.Compare(
                other, name, CompareOptions.IgnoreCase | CompareOptions.IgnoreWidth | CompareOptions.IgnoreKanaType) == 0);
    }

    /// <summary>What is known without asking the database; a live reader asks its catalogs.</summary>
    public DataTable ToSchemaTable()
    {
        var table = new DataTable("SchemaTable") { Locale = CultureInfo.InvariantCulture };
        table.Columns.Add(SchemaTableColumn.ColumnName, typeof(string));
        table.Columns.Add(SchemaTableColumn.ColumnOrdinal, typeof(int));
        table.Columns.Add(SchemaTableColumn.DataType, typeof(Type));
        table.Columns.Add("DataTypeName", typeof(string));
        for (var i = 0; i < names.Length; i++)
            table.Rows.Add(names[i], i, fieldTypes[i] ?? (object)DBNull.Value, dataTypeNames[i]);
        return table;
    }

    private bool Describes(DbDataReader reader)
    {
        if (reader.FieldCount != names.Length)
            return false;

        for (var i = 0; i < names.Length; i++)
        {
            if (reader.GetName(i) != names[i] || reader.GetDataTypeName(i) != dataTypeNames[i] || FieldTypeOf(reader, i) != fieldTypes[i])
                return false;
        }

        return true;
    }

    private static Type? FieldTypeOf(DbDataReader reader, int ordinal)
    {
        try
        {
            return reader.GetFieldType(ordinal);
        }
        catch (InvalidCastException)
        {
            return null;
        }
    }
}
