using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Versions;

/// <summary>What nodes tell each other; the changes among it are all that is known of it below the backplanes.</summary>
internal abstract record MessageContent;

/// <summary>What has changed, in the one form in which this process's writes, the application, change sources and other nodes tell it.</summary>
internal abstract record Change : MessageContent
{
    /// <summary>Anything may have changed.</summary>
    public static readonly Change Everything = new EverythingChanged();
}

/// <summary>Rows of a database changed; what changed with them is told apart.</summary>
internal sealed record RowsChanged(string Database, IReadOnlyCollection<TableChange> Changes) : Change
{
    /// <summary>Any table of the database may have changed.</summary>
    public static RowsChanged Unknown(string database) => new(database, [TableChange.UnknownTables]);
}

/// <summary>Rows that this process has written; what changes with them is not among it yet.</summary>
internal sealed record RowsWritten(KnownDatabase Database, IReadOnlyCollection<TableChange> Changes) : Change;

/// <summary>Tables changed in whichever databases there are tables of these names.</summary>
internal sealed record TablesChanged(IReadOnlyCollection<TableName> Tables) : Change;

internal sealed record TagChanged(string Tag) : Change;

internal sealed record EverythingChanged : Change;
