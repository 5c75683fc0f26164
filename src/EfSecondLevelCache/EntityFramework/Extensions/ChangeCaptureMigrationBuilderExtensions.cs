using EfSecondLevelCache.ChangeSources.Notifications;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Migrations.Operations.Builders;

#pragma warning disable IDE0130
namespace Microsoft.EntityFrameworkCore;

/// <summary>Installs in a migration what <c>UseNotifications()</c> needs.</summary>
public static class ChangeCaptureMigrationBuilderExtensions
{
    /// <summary>
    /// Makes tables notify of their changes, together with their partitions and children. A table that does so already is not touched; after an index
    /// was added, call it again, so that the index's columns are told too.
    /// </summary>
    /// <param name="migrationBuilder">Of the migration.</param>
    /// <param name="tables"><c>table</c> or <c>schema.table</c>, in the exact case of the catalog and without quotes.</param>
    public static OperationBuilder<Migrations.Operations.SqlOperation> AddChangeCapture(this MigrationBuilder migrationBuilder, params string[] tables)
    {
        ArgumentNullException.ThrowIfNull(migrationBuilder);
        return migrationBuilder.Sql(CaptureScript.Install(tables.Select(TableName.Parse)));
    }

    /// <summary>Takes the triggers away that <see cref="AddChangeCapture"/> has installed.</summary>
    /// <param name="migrationBuilder">Of the migration.</param>
    /// <param name="tables"><c>table</c> or <c>schema.table</c>, in the exact case of the catalog and without quotes.</param>
    public static OperationBuilder<Migrations.Operations.SqlOperation> DropChangeCapture(this MigrationBuilder migrationBuilder, params string[] tables)
    {
        ArgumentNullException.ThrowIfNull(migrationBuilder);
        return migrationBuilder.Sql(CaptureScript.Remove(tables.Select(TableName.Parse)));
    }
}
