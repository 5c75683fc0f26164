namespace EfSecondLevelCache.Values;

/// <summary>What a statement does to a table. ON CONFLICT DO UPDATE and MERGE are several.</summary>
[Flags]
internal enum WriteOperations
{
    None = 0,
    Insert = 1 << 0,
    Update = 1 << 1,
    Delete = 1 << 2,
    Truncate = 1 << 3,
    Any = Insert | Update | Delete | Truncate,
}
