using System.Diagnostics;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.TestHost;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace EfSecondLevelCache.CompatibilityTests.Hosting;

/// <summary>Who makes contexts and asks for their health: pools, factories, ASP.NET Core, tracing.</summary>
public sealed class HostingTests(PostgresServer server) : ScenarioTests<HostingTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "pooled contexts that are given back with work left", app => WithServicesAsync(
                app,
                services => services.AddDbContextPool<ShopContext>(options => app.Configure(options), poolSize: 2),
                async services =>
                {
                    for (var i = 0; i < 4; i++)
                    {
                        await using var scope = services.CreateAsyncScope();
                        var db = scope.ServiceProvider.GetRequiredService<ShopContext>();
                        app.Saw("tracked before", db.ChangeTracker.Entries().Count());
                        app.Saw("products", await app.Cached(db.Products.OrderBy(p => p.Id)).ToListAsync());
                        db.Products.Local.First().Name = "never saved";
                        if (i == 1)
                            await db.Database.BeginTransactionAsync();
                        if (i == 2)
                            await db.Database.OpenConnectionAsync();
                        app.Saw("in transaction", db.Database.CurrentTransaction is not null);
                    }
                })
        },
        {
            "a factory, and a pooled factory", async app =>
            {
                await WithServicesAsync(app, services => services.AddDbContextFactory<ShopContext>(options => app.Configure(options)), ReadAsync);
                await WithServicesAsync(app, services => services.AddPooledDbContextFactory<ShopContext>(options => app.Configure(options)), ReadAsync);

                async Task ReadAsync(IServiceProvider services)
                {
                    var factory = services.GetRequiredService<IDbContextFactory<ShopContext>>();
                    for (var i = 0; i < 3; i++)
                    {
                        await using var db = await factory.CreateDbContextAsync();
                        app.Saw("count", await app.Cached(db.Products).CountAsync());
                        db.Add(new Tag { Name = $"of pass {app.Pass}" });
                        app.Saw("rows", await db.SaveChangesAsync());
                        app.Saw("tags", await app.Cached(db.Tags).CountAsync());
                    }
                }
            }
        },
        {
            "requests of ASP.NET Core, at once", Expect.Concurrent, async app =>
            {
                using var host = await new HostBuilder().ConfigureWebHost(web => web
                    .UseTestServer()
                    .ConfigureServices(services => services.AddRouting().AddDbContext<ShopContext>(options => app.Configure(options)))
                    .Configure(builder => builder.UseRouting().UseEndpoints(endpoints =>
                    {
                        endpoints.MapGet("/products/{id:int}", async (int id, ShopContext db, CancellationToken aborted) =>
                            await app.Cached(db.Products.Where(p => p.Id == id).Select(p => p.Name)).SingleOrDefaultAsync(aborted) is { } name
                                ? Microsoft.AspNetCore.Http.Results.Ok(name)
                                : Microsoft.AspNetCore.Http.Results.NotFound());
                        endpoints.MapPost("/counters/{id:int}", async (int id, ShopContext db) =>
                            await db.Counters.Where(c => c.Id == id).ExecuteUpdateAsync(s => s.SetProperty(c => c.Value, c => c.Value + 1)));
                        endpoints.MapGet("/counters/{id:int}", async (int id, ShopContext db) =>
                            await app.Cached(db.Counters.Where(c => c.Id == id).Select(c => c.Value)).SingleAsync());
                    }))).StartAsync();
                using var client = host.GetTestClient();
                var names = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => GetAsync(client, $"products/{1 + (i % 10)}")));
                app.Saw("names", names);
                for (var i = 0; i < 3; i++)
                {
                    using var posted = await client.PostAsync(new Uri("http://localhost/counters/1"), null);
                    app.Saw("written", posted.StatusCode);
                    app.Saw("counter", await GetAsync(client, "counters/1"));
                    app.Saw("counter", await GetAsync(client, "counters/1"));
                }
            }
        },
        {
            "health checks of a context", Expect.NoOptIn | Expect.Concurrent, app => WithServicesAsync(
                app,
                services =>
                {
                    services.AddLogging();
                    services.AddDbContext<ShopContext>(options => app.Configure(options));
                    services.AddHealthChecks()
                        .AddDbContextCheck<ShopContext>("connects")
                        .AddDbContextCheck<ShopContext>("asks", customTestQuery: (db, cancellationToken) => db.Products.AnyAsync(cancellationToken));
                },
                async services =>
                {
                    for (var i = 0; i < 2; i++)
                    {
                        var report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
                        app.Saw("health", report.Entries.OrderBy(e => e.Key).Select(e => $"{e.Key}: {e.Value.Status} {e.Value.Description} {e.Value.Exception?.Message}"));
                    }
                })
        },
        {
            "a health check of a database that is gone", Expect.NoHits | Expect.NoSource, async app =>
            {
                await using var db = app.Open<ShopContext>(options => options.UseNpgsql(npgsql => npgsql.CommandTimeout(5)));
                db.Database.SetConnectionString(new Npgsql.NpgsqlConnectionStringBuilder(app.ConnectionString) { Database = "nowhere" }.ConnectionString);
                app.Saw("can connect", await db.Database.CanConnectAsync());
                app.Saw("can connect", db.Database.CanConnect());
                await app.FailsAsync("query", () => app.Cached(db.Products).CountAsync());
                await app.FailsAsync("save", () =>
                {
                    db.Add(new Tag { Name = "x" });
                    return db.SaveChangesAsync();
                });
            }
        },
        {
            "tracing: what is a child of a request", Expect.NoHits, async app =>
            {
                var activities = new List<Activity>();
                using var source = new ActivitySource($"requests of {app.Database}");
                using var listener = new ActivityListener
                {
                    ShouldListenTo = s => s.Name == "Npgsql" || s.Name == source.Name,
                    Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                    ActivityStopped = activity =>
                    {
                        lock (activities)
                            activities.Add(activity);
                    },
                };
                ActivitySource.AddActivityListener(listener);
                ActivityTraceId trace;
                using (var request = source.StartActivity("request")!)
                {
                    trace = request.TraceId;
                    await using var db = app.Open<ShopContext>();
                    app.Saw("count", await db.Products.CountAsync());
                    (await db.Counters.SingleAsync(c => c.Id == 2)).Value++;
                    await db.SaveChangesAsync();
                }

                int Children()
                {
                    lock (activities)
                        return activities.Count(activity => activity.TraceId == trace && activity.Source.Name == "Npgsql");
                }

                // What the request has caused has ended with it; a heartbeat that is its child would come later.
                var ended = Children();
                await Task.Delay(1500);
                app.Saw("came later", Children() - ended);
            }
        },
    };

    private static async Task<string> GetAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri($"http://localhost/{path}"));
        return $"{response.StatusCode} {await response.Content.ReadAsStringAsync()}";
    }

    private static async Task WithServicesAsync(App app, Action<IServiceCollection> add, Func<IServiceProvider, Task> run)
    {
        var services = new ServiceCollection();
        add(services);
        await using var provider = services.BuildServiceProvider();
        await run(provider);
    }
}
