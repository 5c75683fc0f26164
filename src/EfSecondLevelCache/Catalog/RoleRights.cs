using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>What decides whether row-level security applies to a role.</summary>
/// <param name="BypassesRowSecurity">A superuser, or BYPASSRLS.</param>
/// <param name="Roles">The OIDs of the roles whose rights it has, among those that own tables with row-level security.</param>
internal sealed record RoleRights(bool BypassesRowSecurity, ValueList<uint> Roles)
{
    public static readonly RoleRights None = new(false, []);

    public bool IsSubjectTo(Relation table) => table.RowSecurity switch
    {
        RowSecurityMode.Disabled => false,
        RowSecurityMode.Enabled => !BypassesRowSecurity && !Roles.Contains(table.Owner),
        _ => !BypassesRowSecurity,
    };
}
