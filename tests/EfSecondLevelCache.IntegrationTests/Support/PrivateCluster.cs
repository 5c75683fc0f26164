using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>
/// A PostgreSQL cluster in a temporary folder that this process starts from the server's own binaries. A shell outside of this
/// process owns it and waits for the end of its standard input, which comes however this process ends: then it stops the server and
/// removes the folder.
/// </summary>
internal sealed class PrivateCluster : IAsyncDisposable
{
    // The folder is short because the path of a unix socket must be. Errors of the first commands reach us; after "ready" nobody
    // reads any more.
    private const string Script =
        """
        set -eu
        trap '' INT HUP TERM
        PATH="$1:$PATH" port=$2 settings=$3
        folder=$(mktemp -d /tmp/efslc.XXXXXX)
        cd "$folder"
        trap 'cd /; rm -rf "$folder"' EXIT
        initdb --pgdata=data --username=postgres --auth=trust --encoding=UTF8 --no-locale --no-sync >log 2>&1 || { cat log >&2; exit 1; }
        printf '%s\n' "port = $port" "listen_addresses = '127.0.0.1'" "unix_socket_directories = '$folder'" "$settings" \
            >>data/postgresql.conf
        pg_ctl --pgdata=data --log=server.log --wait --timeout=60 start >log 2>&1 || { cat log server.log >&2; exit 1; }
        echo "ready $folder"
        cat >/dev/null
        pg_ctl --pgdata=data --mode=immediate --wait stop >log 2>&1
        """;

    private readonly Process _owner;

    private PrivateCluster(Process owner, string folder, int port)
    {
        _owner = owner;
        SocketFolder = folder;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Where its unix socket is.</summary>
    public string SocketFolder { get; }

    public string ConnectionString => $"Host=127.0.0.1;Port={Port};Username=postgres;Database=postgres";

    /// <summary>The folder of the server's binaries; null where there are none on this machine.</summary>
    public static string? FindBinaries()
    {
        var path = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator) ?? [];
        const string Debian = "/usr/lib/postgresql";
        var versions = Directory.Exists(Debian)
            ? Directory.GetDirectories(Debian).OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0)
            : Enumerable.Empty<string>();
        return path.Concat(versions.Select(d => Path.Combine(d, "bin")))
            .FirstOrDefault(d => d.Length > 0 && File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "pg_ctl")));
    }

    /// <param name="binaries">What <see cref="FindBinaries"/> found.</param>
    /// <param name="settings">Go over those of <see cref="ServerSettings.ForTests"/>.</param>
    public static async Task<PrivateCluster> StartAsync(string binaries, IReadOnlyDictionary<string, string>? settings = null)
    {
        var lines = string.Join('\n', ServerSettings.ForTests.Concat(settings ?? new Dictionary<string, string>())
            .Select(s => $"{s.Key} = '{s.Value}'"));

        // Somebody else may take the port between our look and the server's bind.
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            var owner = await StartOwnerAsync(binaries, port, lines);
            if (await owner.StandardOutput.ReadLineAsync() is ['r', 'e', 'a', 'd', 'y', ' ', .. var folder])
                return new PrivateCluster(owner, folder, port);
            var error = await owner.StandardError.ReadToEndAsync();
            owner.Dispose();
            if (attempt == 3)
                throw new InvalidOperationException($"PostgreSQL from {binaries} did not start on port {port}:\n{error}");
        }
    }

    /// <summary>As after a crash: without a word to its clients.</summary>
    /// <param name="binaries">What <see cref="FindBinaries"/> found.</param>
    public async Task RestartAsync(string binaries)
    {
        // In its folder, as it was started there by a relative path.
        string[] command =
        [
            "/bin/sh", "-c", "cd \"$1\" && \"$2/pg_ctl\" --pgdata=data --log=server.log --mode=immediate --wait --timeout=60 restart", "restart",
            SocketFolder, binaries,
        ];
        if (Environment.UserName == "root")
            command = ["runuser", "-u", await OtherUserAsync(), "--", .. command];
        var exitCode = await ExitCodeAsync(command[0], command[1..]);
        if (exitCode != 0)
            throw new InvalidOperationException($"pg_ctl restart ended with {exitCode}.");
    }

    public async ValueTask DisposeAsync()
    {
        _owner.StandardInput.Close();
        await _owner.WaitForExitAsync();
        _owner.Dispose();
    }

    private static async Task<Process> StartOwnerAsync(string binaries, int port, string settings)
    {
        string[] shell = ["/bin/sh", "-c", Script, "cluster", binaries, $"{port}", settings];

        // PostgreSQL refuses to run as root.
        string[] command = Environment.UserName == "root" ? ["runuser", "-u", await OtherUserAsync(), "--", .. shell] : shell;
        return Process.Start(new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        })!;
    }

    private static async Task<string> OtherUserAsync()
    {
        const string Own = "efslc-tests";
        foreach (var name in (string[])["postgres", Own])
        {
            if (await ExitCodeAsync("id", "-u", name) == 0)
                return name;
        }

        return await ExitCodeAsync("useradd", "--system", "--no-create-home", Own) == 0
            ? Own
            : throw new InvalidOperationException(
                $"PostgreSQL refuses to run as root, there is no user postgres, and useradd could not make the user {Own}. "
                + "Run the tests as another user.");
    }

    private static async Task<int> ExitCodeAsync(string command, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
