namespace EfSecondLevelCache.Catalog;

/// <summary>A column of a table.</summary>
/// <param name="Name">In the exact case of the catalog.</param>
/// <param name="Number">Its place in the table; differs between a partition and its root.</param>
/// <param name="Type">With domains looked through.</param>
/// <param name="HasDeterministicCollation">Strings are equal if and only if their bytes are. True for what is no string.</param>
/// <param name="Default">Where its value comes from if the statement states none.</param>
/// <param name="HasModifier">The type has a precision or a length, <c>timestamp(0)</c> or <c>varchar(20)</c>: what is kept may be rounded or cut.</param>
internal sealed record Column(
    string Name, short Number, ColumnType Type, bool HasDeterministicCollation, ColumnDefault Default, bool HasModifier = false)
{
    /// <summary>The value is computed whatever the statement says.</summary>
    public bool IsGenerated => Default == ColumnDefault.Generated;
}

/// <summary>Where the value of a column comes from if an INSERT states none.</summary>
internal enum ColumnDefault
{
    Null,
    Expression,
    Identity,

    /// <summary>GENERATED ALWAYS AS (...), stored or virtual: an INSERT or UPDATE can state none.</summary>
    Generated,
}
