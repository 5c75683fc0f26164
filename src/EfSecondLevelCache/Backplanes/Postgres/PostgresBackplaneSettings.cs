using EfSecondLevelCache.Values;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.Postgres;

/// <summary>The settings of PostgreSQL as the backplane.</summary>
/// <param name="Database">The one that carries the messages; null: that of the first context that is used.</param>
internal sealed record PostgresBackplaneSettings(GivenDatabase? Database = null) : BackplaneFactory
{
    public override IBackplane Create(ILogger logger) => new PostgresBackplane(Database, logger);

    /// <summary>Without the password: settings are printed where two differ.</summary>
    public override string ToString() => "PostgreSQL";
}
