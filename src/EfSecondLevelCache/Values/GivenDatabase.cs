using Npgsql;

namespace EfSecondLevelCache.Values;

/// <summary>A database that a setting names: by a connection string, or by a data source of the application, which may have passwords that change.</summary>
/// <param name="ConnectionString">Without the password where a source has it.</param>
/// <param name="Source">Null: the connection string has everything.</param>
internal sealed record GivenDatabase(string ConnectionString, NpgsqlDataSource? Source = null)
{
    /// <inheritdoc cref="ConnectionStrings.Check"/>
    public static GivenDatabase Of(string connectionString, string setting, string parameter)
        => new(ConnectionStrings.Check(connectionString, setting, parameter));

    public static GivenDatabase Of(NpgsqlDataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new GivenDatabase(source.ConnectionString, source);
    }

    /// <summary>Without secrets: settings are printed where two differ.</summary>
    public override string ToString() => Source is null ? "a connection string" : "a data source";

    /// <summary>A connection with the credentials, which is not opened.</summary>
    public NpgsqlConnection CreateConnection() => Source?.CreateConnection() ?? new NpgsqlConnection(ConnectionString);

    /// <summary>A pool of the cache's own. Each connection asks the application's source for the password of that moment.</summary>
    public NpgsqlDataSource CreateSource(Action<NpgsqlConnectionStringBuilder> configure)
    {
        var builder = new NpgsqlDataSourceBuilder(ConnectionString);
        configure(builder.ConnectionStringBuilder);
        if (Source is { } source)
        {
            builder.ConnectionStringBuilder.Password = null;
            builder.UsePasswordProvider(_ => PasswordNow(source), (_, cancellationToken) => PasswordNowAsync(source, cancellationToken));
        }

        return builder.Build();
    }

    /// <summary>The password that a source gives its connections at this moment; empty: they need none.</summary>
    internal static string PasswordNow(NpgsqlDataSource source)
    {
        using var connection = source.CreateConnection();
        using var clone = connection.CloneWith(source.ConnectionString);
        return PasswordIn(clone);
    }

    /// <inheritdoc cref="PasswordNow"/>
    internal static async ValueTask<string> PasswordNowAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        using var connection = source.CreateConnection();
        using var clone = await connection.CloneWithAsync(source.ConnectionString, cancellationToken).ConfigureAwait(false);
        return PasswordIn(clone);
    }

    private static string PasswordIn(NpgsqlConnection clone) => new NpgsqlConnectionStringBuilder(clone.ConnectionString).Password ?? "";
}
