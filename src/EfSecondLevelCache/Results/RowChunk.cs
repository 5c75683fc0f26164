namespace EfSecondLevelCache.Results;

/// <summary>Some rows, as <see cref="RowLayout"/> lays them out.</summary>
/// <param name="inline">The rows' bytes.</param>
/// <param name="references">The rows' references.</param>
internal readonly struct RowChunk(byte[] inline, object?[] references)
{
    public static readonly RowChunk Empty = new([], []);

    public readonly byte[] Inline = inline;

    public readonly object?[] References = references;
}
