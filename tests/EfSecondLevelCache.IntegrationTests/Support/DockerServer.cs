using System.ComponentModel;
using System.Diagnostics;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>A PostgreSQL container. It removes itself when it stops, and it stops when this process ends in any way.</summary>
internal sealed class DockerServer : IAsyncDisposable
{
    private readonly Process _container;

    private DockerServer(Process container, string connectionString)
    {
        _container = container;
        ConnectionString = connectionString;
    }

    public string ConnectionString { get; }

    /// <summary>Null where no engine answers.</summary>
    public static async Task<DockerServer?> StartAsync()
    {
        if (await OutputAsync("version", "--format", "{{.Server.Version}}") is null)
            return null;

        var name = $"efslc-tests-{Guid.NewGuid():N}";

        // The container's first process is a shell that reads our pipe, so its end is the container's.
        var settings = string.Join(' ', ServerSettings.ForTests.Select(s => $"-c {s.Key}={s.Value}"));
        var main = $"docker-entrypoint.sh postgres {settings} >/dev/null 2>&1 & cat >/dev/null";
        var container = Process.Start(new ProcessStartInfo("docker",
            [
                "run", "--rm", "--interactive", "--name", name, "--publish", "127.0.0.1::5432",
                "--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--entrypoint", "sh", "postgres:17", "-c", main,
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;

        string? address;
        while ((address = await OutputAsync("port", name, "5432/tcp")) is null)
        {
            if (container.HasExited)
                throw new InvalidOperationException($"docker run postgres:17 failed:\n{await container.StandardError.ReadToEndAsync()}");
            await Task.Delay(200);
        }

        return new DockerServer(container, $"Host=127.0.0.1;Port={address.Trim().Split(':')[^1]};Username=postgres;Database=postgres");
    }

    public async ValueTask DisposeAsync()
    {
        _container.StandardInput.Close();
        await _container.WaitForExitAsync();
        _container.Dispose();
    }

    private static async Task<string?> OutputAsync(params string[] arguments)
    {
        try
        {
            using var docker = Process.Start(
                new ProcessStartInfo("docker", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = await docker.StandardOutput.ReadToEndAsync();
            await docker.WaitForExitAsync();
            return docker.ExitCode == 0 ? output : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
