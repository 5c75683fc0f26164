namespace EfSecondLevelCache.Changes;

/// <summary>Who tells of a change.</summary>
internal enum ChangeOrigin
{
    /// <summary>A write of this process, or the application itself: the other nodes hear of it from here.</summary>
    ThisNode,

    /// <summary>The catalog was read, and is another one.</summary>
    Catalog,

    /// <summary>A change source, which each node has for itself.</summary>
    Source,

    /// <summary>Another node.</summary>
    Node,
}
