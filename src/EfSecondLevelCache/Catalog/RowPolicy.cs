namespace EfSecondLevelCache.Catalog;

/// <summary>A policy of row-level security that decides which rows are read.</summary>
/// <param name="Name">Of the policy.</param>
/// <param name="Text">Its USING; null where the table was locked when the catalog was read.</param>
/// <param name="Definition">What it reads and calls.</param>
internal sealed record RowPolicy(string Name, string? Text, Definition Definition)
{
    public override string ToString() => Text is null ? Name : $"{Name} USING {Text}";
}
