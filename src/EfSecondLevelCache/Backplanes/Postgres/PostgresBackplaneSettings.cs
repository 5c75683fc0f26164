using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes.Postgres;

/// <summary>The settings of PostgreSQL as the backplane.</summary>
/// <param name="ConnectionString">To the database that carries the messages; null: it is that of the first context that is used.</param>
internal sealed record PostgresBackplaneSettings(string? ConnectionString = null) : BackplaneFactory
{
    public override IBackplane Create(ILogger logger) => new PostgresBackplane(ConnectionString, logger);

    /// <summary>Without the password: settings are printed where two differ.</summary>
    public override string ToString() => "PostgreSQL";
}
