namespace EfSecondLevelCache.Values;

/// <summary>
/// A column of which the analysis of a query took for granted that its values compare as the model says. The database may know better: what
/// is text in the model may be citext there, or have a collation under which 'abc' equals 'ABC'; then nothing that was found counts.
/// </summary>
internal readonly record struct ComparedColumn(TableName Table, string Column, ComparisonFamily Family);
