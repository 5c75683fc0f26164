using System.Diagnostics;
using EfSecondLevelCache.Sql;
using Npgsql;

namespace EfSecondLevelCache.Tests.Sql;

/// <summary>Compares what is said of PostgreSQL's functions and keywords with what a server says; skipped where there is none.</summary>
public class BuiltInFunctionsOnServerTests(BuiltInFunctionsOnServerTests.Server server)
    : IClassFixture<BuiltInFunctionsOnServerTests.Server>
{
    [Fact]
    public void No_function_that_is_called_pure_has_a_volatile_overload()
        => Assert.DoesNotContain(Functions(), f => f.Volatility == "v" && IsPure(f.Name, f.Arguments));

    [Fact]
    public void A_function_that_is_called_immutable_has_only_immutable_overloads()
        => Assert.DoesNotContain(Functions(), f => f.Volatility != "i" && BuiltInFunctions.Immutable.Contains(f.Name));

    [Fact]
    public void A_stable_function_that_is_called_pure_is_one_of_those_that_were_looked_at()
        => Assert.DoesNotContain(Functions(),
            f => f.Volatility == "s" && IsPure(f.Name, f.Arguments) && !BuiltInFunctions.StableBySession.Contains(f.Name));

    // Guards against names that are misspelt or that stand in the wrong list: the lists would be shorter than they look.
    [Fact]
    public void What_the_server_has_stands_in_the_right_list()
    {
        var functions = Functions().ToLookup(f => f.Name, f => f.Volatility);

        Assert.DoesNotContain(BuiltInFunctions.StableBySession, name => functions.Contains(name) && !functions[name].Contains("s"));
        Assert.DoesNotContain(BuiltInFunctions.Constructs, functions.Contains);
        Assert.True(BuiltInFunctions.Immutable.Count(functions.Contains) > 300);
        Assert.True(BuiltInFunctions.StableBySession.Count(functions.Contains) > 60);
        Assert.True(BuiltInFunctions.Moving.Count(functions.Contains) > 150);
    }

    [Fact]
    public void Keywords_are_of_the_class_that_the_server_says()
    {
        // Those of a later version are names to an earlier one.
        string[] asNames = ["overlay", "substring"];
        foreach (var (word, category) in server.Query("select word, catcode from pg_get_keywords()", line => (line[0], line[1])))
        {
            var keyword = RawSqlKeywords.Find(word);
            var canNameRelation = category is "U" or "C" || word == "system_user";
            var canNameFunction = category is "U" or "T" || word == "system_user" || asNames.Contains(word);

            Assert.Equal(canNameRelation, keyword?.CanNameRelation ?? true);
            Assert.True(canNameFunction == (keyword?.CanNameFunction ?? true) || BuiltInFunctions.Constructs.Contains(word), word);
        }
    }

    private static bool IsPure(string name, int arguments)
        => BuiltInFunctions.VolatilityOf(null, name, arguments) == FunctionVolatility.Pure;

    private IEnumerable<(string Name, string Volatility, int Arguments)> Functions()
        => server.Query(
            "select proname, provolatile, pronargs from pg_proc where pronamespace = 'pg_catalog'::regnamespace",
            line => (line[0], line[1], int.Parse(line[2])));

    /// <summary>That of EFSLC_TEST_CONNECTION; else server binaries on this machine, run in single-user mode, without a port.</summary>
    public sealed class Server : IDisposable
    {
        private readonly string? _connectionString = Environment.GetEnvironmentVariable("EFSLC_TEST_CONNECTION");
        private readonly string? _binaries = FindBinaries();
        private string? _directory;

        internal IReadOnlyList<T> Query<T>(string sql, Func<string[], T> read)
        {
            if (string.IsNullOrEmpty(_connectionString) && _binaries is null)
                Assert.Skip("Neither EFSLC_TEST_CONNECTION is set nor are there PostgreSQL server binaries on this machine.");
            T[] rows = [.. (string.IsNullOrEmpty(_connectionString) ? RunSingleUser(sql) : RunOnServer(sql)).Select(read)];
            Assert.NotEmpty(rows);
            return rows;
        }

        public void Dispose()
        {
            if (_directory is not null)
                Run($"rm -rf '{_directory}'", "");
        }

        private static string? FindBinaries()
        {
            var path = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
            var packaged = Directory.Exists("/usr/lib/postgresql")
                ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin")) : [];
            return path.Concat(packaged).FirstOrDefault(directory => File.Exists(Path.Combine(directory, "initdb")));
        }

        private List<string[]> RunOnServer(string sql)
        {
            using var connection = new NpgsqlConnection(_connectionString);
            connection.Open();
            using var command = new NpgsqlCommand(sql, connection);
            using var reader = command.ExecuteReader();
            var rows = new List<string[]>();
            while (reader.Read())
                rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i))!)]);
            return rows;
        }

        private IEnumerable<string[]> RunSingleUser(string sql)
        {
            if (_directory is null)
            {
                _directory = Run("mktemp -d", "").Trim();
                Run($"'{_binaries}/initdb' -D '{_directory}' -A trust -E UTF8 --locale=C -N", "");
            }

            // Its rows have tabs between columns; what else it prints has none.
            return Run($"'{_binaries}/postgres' --single -D '{_directory}' template1", $"copy ({sql}) to stdout\n")
                .Split('\n').Select(line => line.Replace("backend> ", "").Split('\t')).Where(columns => columns.Length > 1);
        }

        // The server refuses to run as root.
        private static string Run(string shell, string input)
        {
            string[] command = ["sh", "-c", shell];
            if (Environment.UserName == "root")
                command = ["runuser", "-u", "postgres", "--", .. command];
            using var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
            })!;
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"`{shell}` failed: {errors.Result}");
            return output;
        }
    }
}
