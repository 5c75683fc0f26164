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
        for running in */postmaster.pid; do pg_ctl --pgdata="${running%/*}" --mode=immediate --wait stop >log 2>&1; done
        """;

    private const string BinariesVariable = "EFSLC_POSTGRES_BIN";

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

    /// <summary>
    /// The folder of the server's binaries: that of <c>EFSLC_POSTGRES_BIN</c>, else one on this machine; null where there is none.
    /// </summary>
    public static string? FindBinaries()
    {
        if (Environment.GetEnvironmentVariable(BinariesVariable) is { Length: > 0 } given)
            return given;
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
    public Task RestartAsync(string binaries)
        => RunAsync(binaries, "pg_ctl --pgdata=data --log=server.log --mode=immediate --wait --timeout=60 restart");

    /// <summary>It is gone, as after a crash.</summary>
    /// <param name="binaries">What <see cref="FindBinaries"/> found.</param>
    public Task KillAsync(string binaries) => RunAsync(binaries, "pg_ctl --pgdata=data --mode=immediate --wait stop");

    /// <summary>Starts a streaming standby of it, which ends with it. It is restarted for that: a copy of a server that is stopped needs no backup.</summary>
    /// <param name="binaries">What <see cref="FindBinaries"/> found.</param>
    /// <returns>The standby's port.</returns>
    public async Task<int> StartStandbyAsync(string binaries)
    {
        var port = FreePort();
        await RunAsync(
            binaries,
            $"""
            pg_ctl --pgdata=data --mode=fast --wait stop
            cp -R data standby
            printf '%s\n' "port = {port}" "primary_conninfo = 'host=127.0.0.1 port={Port} user=postgres'" >>standby/postgresql.conf
            touch standby/standby.signal
            pg_ctl --pgdata=data --log=server.log --wait --timeout=60 start
            pg_ctl --pgdata=standby --log=standby.log --wait --timeout=60 start
            """);
        return port;
    }

    public async ValueTask DisposeAsync()
    {
        _owner.StandardInput.Close();
        await _owner.WaitForExitAsync();
        _owner.Dispose();
    }

    /// <summary>In its folder, where it was started by a relative path.</summary>
    private async Task RunAsync(string binaries, string script)
    {
        string[] command = ["/bin/sh", "-euc", $"cd \"$1\"; PATH=\"$2:$PATH\"\n{script}", "cluster", SocketFolder, binaries];
        if (Environment.UserName == "root")
            command = ["runuser", "-u", await OtherUserAsync(), "--", .. command];
        var exitCode = await ExitCodeAsync(command[0], command[1..]);
        if (exitCode != 0)
            throw new InvalidOperationException($"This ended with {exitCode}: {script}");
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
