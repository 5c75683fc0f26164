using System.Data.Common;
using Npgsql;

namespace EfSecondLevelCache.Values;

/// <summary>Connection strings as settings: what is wrong with one is said where it is set, and without what it keeps secret.</summary>
internal static class ConnectionStrings
{
    private const int LastPort = 65_535;

    /// <summary>A value that belongs to any other word may be a password whose word is misspelled.</summary>
    private static readonly HashSet<string> Tellable = new(StringComparer.OrdinalIgnoreCase) { "host", "server", "port", "database" };

    /// <param name="connectionString">As it was given.</param>
    /// <param name="setting">As it is written, for example <c>UsePostgresBackplane(connectionString)</c>.</param>
    /// <param name="parameter">Of the method that was called.</param>
    /// <returns>It, as Npgsql writes it.</returns>
    /// <exception cref="ArgumentException">Npgsql could not connect by it, whatever the server.</exception>
    public static string Check(string connectionString, string setting, string parameter)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionString, parameter);
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(connectionString);
            if (settings.Port is < 1 or > LastPort)
                throw new ArgumentException($"Port is not between 1 and {LastPort}");
            // What fits together only this one checks; the pool is the cache's own affair.
            NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, Multiplexing = false }).Dispose();
            return settings.ConnectionString;
        }
        catch (Exception fault)
        {
            throw new ArgumentException(
                $"{setting} has a connection string that Npgsql can't use, \"{Tell(connectionString)}\": {Reason(fault)}. "
                + "Give one like Host=db.example.com;Database=shop;Username=cache;Password=...", parameter);
        }
    }

    private static string Reason(Exception fault)
    {
        // Its message names the word; the parameter, which repeats it, and a value, which may be secret, are left out.
        var text = fault is ArgumentNullException { ParamName: "Host" } ? "Host is missing" : fault.Message;
        var end = text.IndexOf(" (Parameter", StringComparison.Ordinal);
        return (end < 0 ? text : text[..end]).TrimEnd('.');
    }

    private static string Tell(string connectionString)
    {
        try
        {
            var words = new DbConnectionStringBuilder { ConnectionString = connectionString };
            return string.Join(';', words.Keys.Cast<string>().Select(word => $"{word}={(Tellable.Contains(word) ? words[word] : "...")}"));
        }
        catch (ArgumentException)
        {
            return "...";
        }
    }
}
