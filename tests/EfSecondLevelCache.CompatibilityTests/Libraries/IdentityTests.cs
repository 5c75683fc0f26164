using System.Security.Claims;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace EfSecondLevelCache.CompatibilityTests.Libraries;

/// <summary>ASP.NET Core Identity over its EF Core stores.</summary>
public sealed class IdentityTests(PostgresServer server) : ScenarioTests<IdentityTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<UsersContext>("identity")
    {
        {
            "users: created, found, changed, with a second name refused, deleted", Expect.NoOptIn, app => WithUsersAsync(app, async (users, _) =>
            {
                var name = $"anna{app.Pass}";
                app.Saw("created", Text(await users.CreateAsync(New(name), "Secret-123")));
                app.Saw("again", Text(await users.CreateAsync(new IdentityUser { Id = "other", UserName = name, Email = $"{name}@example.com" }, "Secret-123")));
                app.Saw("weak", Text(await users.CreateAsync(New("weak"), "x")));
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("by name", Text(await users.FindByNameAsync(name)));
                    app.Saw("by email", Text(await users.FindByEmailAsync($"{name}@example.com")));
                    app.Saw("nobody", Text(await users.FindByNameAsync("nobody")));
                }

                var user = (await users.FindByNameAsync(name))!;
                app.Saw("password", await users.CheckPasswordAsync(user, "Secret-123"));
                app.Saw("email", Text(await users.SetEmailAsync(user, $"{name}@example.org")));
                app.Saw("by the new email", Text(await users.FindByEmailAsync($"{name}@example.org")));
                app.Saw("by the old email", Text(await users.FindByEmailAsync($"{name}@example.com")));
                app.Saw("password changed", Text(await users.ChangePasswordAsync(user, "Secret-123", "Other-456")));
                app.Saw("deleted", Text(await users.DeleteAsync(user)));
                app.Saw("gone", Text(await users.FindByNameAsync(name)));
            })
        },
        {
            "roles and claims", Expect.NoOptIn, app => WithUsersAsync(app, async (users, roles) =>
            {
                var (name, role) = ($"ben{app.Pass}", $"role{app.Pass}");
                await users.CreateAsync(New(name), "Secret-123");
                app.Saw("role", Text(await roles.CreateAsync(new IdentityRole(role) { Id = role })));
                app.Saw("role again", Text(await roles.CreateAsync(new IdentityRole(role) { Id = "other" })));
                await roles.AddClaimAsync((await roles.FindByNameAsync(role))!, new Claim("level", "1"));
                var user = (await users.FindByNameAsync(name))!;
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("in role", await users.IsInRoleAsync(user, role));
                    app.Saw("roles", await users.GetRolesAsync(user));
                    app.Saw("claims", (await users.GetClaimsAsync(user)).Select(c => $"{c.Type}={c.Value}"));
                }

                app.Saw("added", Text(await users.AddToRoleAsync(user, role)));
                app.Saw("claimed", Text(await users.AddClaimsAsync(user, [new Claim("color", "red"), new Claim("size", "1")])));
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("in role", await users.IsInRoleAsync(user, role));
                    app.Saw("in the role", (await users.GetUsersInRoleAsync(role)).Select(u => u.UserName));
                    app.Saw("claims", (await users.GetClaimsAsync(user)).Select(c => $"{c.Type}={c.Value}").Order());
                    app.Saw("for the claim", (await users.GetUsersForClaimAsync(new Claim("color", "red"))).Select(u => u.UserName).Order());
                    app.Saw("role claims", (await roles.GetClaimsAsync((await roles.FindByNameAsync(role))!)).Select(c => $"{c.Type}={c.Value}"));
                }

                app.Saw("replaced", Text(await users.ReplaceClaimAsync(user, new Claim("color", "red"), new Claim("color", "blue"))));
                app.Saw("removed", Text(await users.RemoveFromRoleAsync(user, role)));
                app.Saw("in role", await users.IsInRoleAsync(user, role));
                app.Saw("claims", (await users.GetClaimsAsync(user)).Select(c => $"{c.Type}={c.Value}").Order());
                app.Saw("role deleted", Text(await roles.DeleteAsync((await roles.FindByNameAsync(role))!)));
                await users.DeleteAsync(user);
            })
        },
        {
            "lockout, sign-in data and tokens", Expect.NoOptIn, app => WithUsersAsync(app, async (users, _) =>
            {
                var name = $"carl{app.Pass}";
                await users.CreateAsync(New(name), "Secret-123");
                var user = (await users.FindByNameAsync(name))!;
                for (var i = 0; i < 6; i++)
                {
                    app.Saw("failed", Text(await users.AccessFailedAsync(user)));
                    app.Saw("locked out", await users.IsLockedOutAsync((await users.FindByNameAsync(name))!));
                }

                app.Saw("reset", Text(await users.ResetAccessFailedCountAsync(user)));
                await users.SetLockoutEndDateAsync(user, new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero));
                app.Saw("login", Text(await users.AddLoginAsync(user, new UserLoginInfo("oidc", $"key{app.Pass}", "OpenID"))));
                for (var i = 0; i < 2; i++)
                {
                    app.Saw("by login", Text(await users.FindByLoginAsync("oidc", $"key{app.Pass}")));
                    app.Saw("logins", (await users.GetLoginsAsync(user)).Select(l => l.ProviderKey));
                    app.Saw("token", await users.GetAuthenticationTokenAsync(user, "oidc", "access"));
                }

                app.Saw("set", Text(await users.SetAuthenticationTokenAsync(user, "oidc", "access", "abc")));
                app.Saw("token", await users.GetAuthenticationTokenAsync(user, "oidc", "access"));
                app.Saw("removed", Text(await users.RemoveLoginAsync(user, "oidc", $"key{app.Pass}")));
                app.Saw("by login", Text(await users.FindByLoginAsync("oidc", $"key{app.Pass}")));
                app.Saw("phone", Text(await users.SetPhoneNumberAsync(user, "123")));
            })
        },
        {
            "two administrators change one user", Expect.NoOptIn, app => WithUsersAsync(app, async (users, _) =>
            {
                var name = $"dora{app.Pass}";
                await users.CreateAsync(New(name), "Secret-123");
                await WithUsersAsync(app, async (others, _) =>
                {
                    var user = (await users.FindByNameAsync(name))!;
                    var same = (await others.FindByNameAsync(name))!;
                    app.Saw("first", Text(await users.SetPhoneNumberAsync(user, "1")));
                    app.Saw("second", Text(await others.SetPhoneNumberAsync(same, "2")));
                });
            })
        },
    };

    private static async Task WithUsersAsync(App app, Func<UserManager<IdentityUser>, RoleManager<IdentityRole>, Task> run)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddDataProtection();
        services.AddDbContext<UsersContext>(options => app.Configure(options));
        services.AddIdentityCore<IdentityUser>(options => options.User.RequireUniqueEmail = true)
            .AddRoles<IdentityRole>().AddEntityFrameworkStores<UsersContext>().AddDefaultTokenProviders();
        services.AddSingleton<IPasswordHasher<IdentityUser>, ReadableHasher>();
        await using var provider = services.BuildServiceProvider();
        await using var scope = provider.CreateAsyncScope();
        app.Watch(scope.ServiceProvider.GetRequiredService<UsersContext>());
        await run(scope.ServiceProvider.GetRequiredService<UserManager<IdentityUser>>(), scope.ServiceProvider.GetRequiredService<RoleManager<IdentityRole>>());
    }

    private static IdentityUser New(string name) => new() { Id = name, UserName = name, Email = $"{name}@example.com" };

    private static string Text(IdentityResult result) => $"{result}: {string.Join(", ", result.Errors.Select(e => e.Description))}";

    private static string Text(IdentityUser? user)
        => user is null ? "nobody" : $"{user.Id} {user.UserName} {user.NormalizedEmail} {user.PasswordHash} {user.AccessFailedCount} {user.PhoneNumber}";

    private sealed class ReadableHasher : IPasswordHasher<IdentityUser>
    {
        public string HashPassword(IdentityUser user, string password) => $"hash of {password}";

        public PasswordVerificationResult VerifyHashedPassword(IdentityUser user, string hashedPassword, string providedPassword)
            => hashedPassword == $"hash of {providedPassword}" ? PasswordVerificationResult.Success : PasswordVerificationResult.Failed;
    }
}

public sealed class UsersContext(DbContextOptions options) : IdentityDbContext(options)
{
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        // It is made of random bytes, and tells no two runs apart.
        builder.Entity<IdentityUser>().Property(u => u.SecurityStamp).HasConversion(_ => "stamp", text => text);
    }
}
