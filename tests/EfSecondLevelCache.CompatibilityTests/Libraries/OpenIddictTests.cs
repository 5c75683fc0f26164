using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace EfSecondLevelCache.CompatibilityTests.Libraries;

/// <summary>OpenIddict over its EF Core stores.</summary>
public sealed class OpenIddictTests(PostgresServer server) : ScenarioTests<OpenIddictTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<TokensContext>("openiddict")
    {
        {
            "applications and scopes", Expect.NoOptIn, app => RunAsync(app, async services =>
            {
                var applications = services.GetRequiredService<IOpenIddictApplicationManager>();
                var scopes = services.GetRequiredService<IOpenIddictScopeManager>();
                var id = $"client {app.Pass}";
                app.Saw("nobody", await applications.FindByClientIdAsync(id) is null);
                var application = await applications.CreateAsync(new OpenIddictApplicationDescriptor
                {
                    ClientId = id,
                    DisplayName = "A client",
                    RedirectUris = { new Uri("https://example.com/in") },
                    Permissions = { Permissions.Endpoints.Token, Permissions.GrantTypes.AuthorizationCode },
                });
                await app.FailsAsync("again", async () => await applications.CreateAsync(new OpenIddictApplicationDescriptor { ClientId = id }));
                await scopes.CreateAsync(new OpenIddictScopeDescriptor { Name = $"scope-{app.Pass}", Resources = { "api" } });
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("found", await applications.GetDisplayNameAsync((await applications.FindByClientIdAsync(id))!));
                    app.Saw("by address", await CountAsync(applications.FindByRedirectUriAsync("https://example.com/in")));
                    app.Saw("count", await applications.CountAsync());
                    app.Saw("scopes", await CountAsync(scopes.FindByResourceAsync("api")));
                }

                var descriptor = new OpenIddictApplicationDescriptor();
                await applications.PopulateAsync(descriptor, application);
                descriptor.DisplayName = "Renamed";
                await applications.UpdateAsync(application, descriptor);
                app.Saw("renamed", await applications.GetDisplayNameAsync((await applications.FindByClientIdAsync(id))!));
                await applications.DeleteAsync(application);
                app.Saw("gone", await applications.FindByClientIdAsync(id) is null);
                await scopes.DeleteAsync((await scopes.FindByNameAsync($"scope-{app.Pass}"))!);
            })
        },
        {
            "authorizations and tokens: found, revoked, pruned", Expect.NoOptIn, app => RunAsync(app, async services =>
            {
                var applications = services.GetRequiredService<IOpenIddictApplicationManager>();
                var authorizations = services.GetRequiredService<IOpenIddictAuthorizationManager>();
                var tokens = services.GetRequiredService<IOpenIddictTokenManager>();
                var subject = $"subject {app.Pass}";
                var application = await applications.CreateAsync(new OpenIddictApplicationDescriptor { ClientId = subject, DisplayName = "A client" });
                var client = (await applications.GetIdAsync(application))!;
                var authorization = await authorizations.CreateAsync(new OpenIddictAuthorizationDescriptor
                {
                    ApplicationId = client, Subject = subject, Status = Statuses.Valid, Type = AuthorizationTypes.Permanent, Scopes = { "openid" },
                    CreationDate = DateTimeOffset.UnixEpoch,
                });
                var token = await tokens.CreateAsync(new OpenIddictTokenDescriptor
                {
                    ApplicationId = client, AuthorizationId = await authorizations.GetIdAsync(authorization), ReferenceId = $"reference {app.Pass}",
                    Subject = subject, Status = Statuses.Valid, Type = TokenTypeHints.AccessToken, CreationDate = DateTimeOffset.UnixEpoch,
                    ExpirationDate = DateTimeOffset.UnixEpoch.AddHours(1),
                });
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("by subject", await CountAsync(tokens.FindBySubjectAsync(subject)));
                    app.Saw("by reference", await tokens.FindByReferenceIdAsync($"reference {app.Pass}") is not null);
                    app.Saw("of the client", await CountAsync(authorizations.FindAsync(subject, client, Statuses.Valid, null, null)));
                    app.Saw("valid", await tokens.HasStatusAsync((await tokens.FindByReferenceIdAsync($"reference {app.Pass}"))!, Statuses.Valid));
                }

                app.Saw("revoked", await tokens.TryRevokeAsync(token));
                app.Saw("valid", await tokens.HasStatusAsync((await tokens.FindByReferenceIdAsync($"reference {app.Pass}"))!, Statuses.Valid));
                app.Saw("all revoked", await authorizations.RevokeBySubjectAsync(subject));
                app.Saw("pruned", await tokens.PruneAsync(DateTimeOffset.UnixEpoch.AddDays(1)));
                app.Saw("pruned", await authorizations.PruneAsync(DateTimeOffset.UnixEpoch.AddDays(1)));
                app.Saw("left", await CountAsync(tokens.FindBySubjectAsync(subject)));
            })
        },
    };

    private static async Task RunAsync(App app, Func<IServiceProvider, Task> run)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddDbContext<TokensContext>(options => app.Configure(options));
        services.AddOpenIddict().AddCore(core => core.UseEntityFrameworkCore().UseDbContext<TokensContext>());
        await using var provider = services.BuildServiceProvider();
        await using var scope = provider.CreateAsyncScope();
        app.Watch(scope.ServiceProvider.GetRequiredService<TokensContext>());
        await run(scope.ServiceProvider);
    }

    private static async Task<int> CountAsync<T>(IAsyncEnumerable<T> items)
    {
        var count = 0;
        await foreach (var _ in items)
            count++;
        return count;
    }
}

public sealed class TokensContext(DbContextOptions options) : DbContext(options)
{
    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.UseOpenIddict();
}
