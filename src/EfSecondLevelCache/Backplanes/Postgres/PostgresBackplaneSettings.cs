using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.Postgres;

/// <summary>The settings of PostgreSQL as the backplane.</summary>
internal sealed record PostgresBackplaneSettings(string ConnectionString) : BackplaneFactory
{
    public override IBackplane Create(ILogger logger) => new PostgresBackplane(ConnectionString, logger);

    /// <summary>Without the password: settings are printed where two differ.</summary>
    public override string ToString() => "PostgreSQL";
}
