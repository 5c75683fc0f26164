using System.Net;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.OData;
using Microsoft.AspNetCore.OData.Query;
using Microsoft.AspNetCore.OData.Routing.Controllers;
using Microsoft.AspNetCore.TestHost;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.OData.ModelBuilder;

namespace EfSecondLevelCache.CompatibilityTests.Libraries;

/// <summary>OData over ASP.NET Core, which decides by EF Core's own services how it translates.</summary>
public sealed class ODataTests(PostgresServer server) : ScenarioTests<ODataTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        { "filter, order and page", app => GetAsync(app, "Products?$filter=Price gt 3 and startswith(Name,'product')&$orderby=Price desc&$skip=1&$top=3") },
        { "select", app => GetAsync(app, "Products?$select=Id,Name&$orderby=Id") },
        { "count with the rows", app => GetAsync(app, "Products?$count=true&$top=2&$orderby=Id") },
        { "count alone", app => GetAsync(app, "Products/$count?$filter=Stock gt 40") },
        { "expand a reference", app => GetAsync(app, "Products?$expand=Category&$orderby=Id") },
        { "expand a collection with a filter", app => GetAsync(app, "Products?$expand=Tags($filter=Id gt 1)&$orderby=Id") },
        { "expand a collection, ordered and cut", app => GetAsync(app, "Categories?$expand=Products($orderby=Price desc;$top=2)&$orderby=Id") },
        { "expand and select in it", app => GetAsync(app, "Categories?$expand=Products($select=Name;$filter=Stock gt 20)&$select=Name&$orderby=Id") },
        { "expand within an expand", app => GetAsync(app, "Products?$expand=Category($expand=Products($filter=Id lt 5))&$orderby=Id") },
        { "any and all in a filter", app => GetAsync(app, "Categories?$filter=Products/any(p: p/Price gt 10) and Products/all(p: p/Stock ge 10)&$orderby=Id") },
        { "a filter across a reference", app => GetAsync(app, "Products?$filter=Category/Name eq 'category 2'&$orderby=Id") },
        { "apply: groups", app => GetAsync(app, "Products?$apply=groupby((CategoryId),aggregate(Price with sum as Total,$count as Number))&$orderby=CategoryId") },
        { "apply: a filter and an aggregate", app => GetAsync(app, "Products?$apply=filter(Stock gt 20)/aggregate(Stock with max as Most)") },
        { "compute", app => GetAsync(app, "Products?$compute=Price mul 2 as Twice&$select=Id,Twice&$orderby=Id") },
        { "a filter that is refused", Expect.NoHits, app => GetAsync(app, "Products?$filter=Nothing eq 1") },
    };

    private static async Task GetAsync(App app, string query)
    {
        using var host = await StartAsync(app);
        using var client = host.GetTestClient();
        for (var i = 0; i < 2; i++)
        {
            using var response = await client.GetAsync(new Uri($"http://localhost/odata/{query}"));
            app.SawText("status", $"{response.StatusCode}");
            var body = await response.Content.ReadAsStringAsync();
            app.SawText("body", response.StatusCode is HttpStatusCode.OK ? body : body.Split("stacktrace")[0]);
        }
    }

    private static Task<IHost> StartAsync(App app)
    {
        var model = new ODataConventionModelBuilder();
        model.EntitySet<Product>("Products");
        model.EntitySet<Category>("Categories");
        model.EntitySet<Tag>("Tags");
        return new HostBuilder().ConfigureWebHost(web => web
            .UseTestServer()
            .ConfigureServices(services =>
            {
                services.AddSingleton(app);
                services.AddDbContext<ShopContext>(options => app.Configure(options));
                services.AddControllers()
                    .ConfigureApplicationPartManager(parts =>
                    {
                        parts.ApplicationParts.Clear();
                        parts.ApplicationParts.Add(new AssemblyPart(typeof(ODataTests).Assembly));
                    })
                    .AddOData(options => options.EnableQueryFeatures().AddRouteComponents("odata", model.GetEdmModel()));
            })
            .Configure(builder => builder.UseRouting().UseEndpoints(endpoints => endpoints.MapControllers())))
            .StartAsync();
    }
}

public sealed class ProductsController(ShopContext db, App app) : ODataController
{
    [EnableQuery]
    public IQueryable<Product> Get() => app.Cached(db.Products);
}

public sealed class CategoriesController(ShopContext db, App app) : ODataController
{
    [EnableQuery]
    public IQueryable<Category> Get() => app.Cached(db.Categories);
}
