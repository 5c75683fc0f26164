using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>
/// What the look-ups in a catalog need to know of a session: who it is, and where it finds unqualified names. It is compared by value;
/// the fingerprint of the catalog does not cover it.
/// </summary>
/// <param name="User">CURRENT_USER.</param>
/// <param name="Rights">Of that user.</param>
/// <param name="SearchPath">The schemas that exist and may be used, in order, with those that are searched without being named.</param>
/// <param name="Unreadable">The OIDs of the tables that the user may not read as a whole.</param>
internal sealed record CatalogSession(string User, RoleRights Rights, ValueList<string> SearchPath, ValueList<uint> Unreadable)
{
    /// <summary>The major version of the server; 0 where the connection does not tell.</summary>
    public int ServerVersion { get; init; }
}
