using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.OData;
using Microsoft.AspNetCore.OData.Query;
using Microsoft.AspNetCore.OData.Routing.Controllers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.OData.ModelBuilder;

namespace EfSecondLevelCache.CompatibilityTests.Services;

/// <summary>OData looks at the type of a query's provider to decide how it writes its expressions.</summary>
public sealed class ODataTests(StoreDatabase database) : IClassFixture<StoreDatabase>
{
    public static TheoryData<string> Questions =>
    [
        "Products?$expand=Reviews($filter=Stars gt 1)",
        "Products?$expand=Category($expand=Products)",
        "Products?$filter=Category/Name eq 'Category 2'&$orderby=Price desc&$top=2&$skip=1&$count=true",
        "Products?$filter=Reviews/any(r: r/Stars gt 3)&$select=Id,Name",
        "Products?$apply=groupby((CategoryId),aggregate(Price with sum as Total))",
        "Categories?$expand=Products($filter=Price gt 3;$orderby=Name;$expand=Reviews($select=Text))",
        "Products?$filter=contains(tolower(Name),'product 1')&$expand=Reviews($count=true;$top=1)",
        "Products?$orderby=Category/Name&$select=Name&$expand=Category($select=Name)",
    ];

    [Theory]
    [MemberData(nameof(Questions))]
    public async Task An_answer_is_what_it_is_without_the_cache_and_the_second_one_is_served(string question)
    {
        await using var all = new SecondLevelCache(cache => cache.CacheAllQueries());
        await using var asked = new SecondLevelCache();
        var plain = await AskAsync(null, question, times: 1);

        Assert.Equal(HttpStatusCode.OK, plain.Status);
        Assert.Equal(plain, await AskAsync(asked, question, times: 2));
        Assert.Equal(plain, await AskAsync(all, question, times: 2));
        Assert.Equal(plain, await AskAsync(asked, question.Replace("?", "Cached?", StringComparison.Ordinal), times: 2));
        Assert.True(all.Statistics.Hits > 0);
        Assert.True(asked.Statistics.Hits > 0);
        Assert.Equal(0, all.Statistics.Refusals);
    }

    private async Task<(HttpStatusCode Status, string Text)> AskAsync(SecondLevelCache? cache, string question, int times)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseSetting("urls", "http://127.0.0.1:0");
        builder.Services.AddDbContext<StoreContext>(options => database.Configure(options, cache));
        builder.Services.AddControllers()
            .AddApplicationPart(typeof(ODataTests).Assembly)
            .AddOData(odata => odata.EnableQueryFeatures().AddRouteComponents("odata", Model()));
        await using var application = builder.Build();
        application.MapControllers();
        await application.StartAsync();
        var address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        using var client = new HttpClient { BaseAddress = new Uri($"{address}/odata/") };
        (HttpStatusCode, string) answer = default;
        for (var i = 0; i < times; i++)
        {
            using var response = await client.GetAsync(question);
            var text = (await response.Content.ReadAsStringAsync())
                .Replace(address, "", StringComparison.Ordinal).Replace("Cached", "", StringComparison.Ordinal);
            if (i > 0)
                Assert.Equal(answer, (response.StatusCode, text));
            answer = (response.StatusCode, text);
        }

        return answer;
    }

    private static Microsoft.OData.Edm.IEdmModel Model()
    {
        var model = new ODataConventionModelBuilder();
        model.EntitySet<Product>("Products");
        model.EntitySet<Category>("Categories");
        model.EntitySet<Review>("Reviews");
        model.EntitySet<Product>("ProductsCached");
        model.EntitySet<Category>("CategoriesCached");
        return model.GetEdmModel();
    }
}

public class ProductsController(StoreContext db) : ODataController
{
    [EnableQuery(MaxExpansionDepth = 5)]
    public IQueryable<Product> Get() => db.Products.OrderBy(p => p.Id);
}

public class CategoriesController(StoreContext db) : ODataController
{
    [EnableQuery(MaxExpansionDepth = 5)]
    public IQueryable<Category> Get() => db.Categories.OrderBy(c => c.Id);
}

public class ProductsCachedController(StoreContext db) : ODataController
{
    [EnableQuery(MaxExpansionDepth = 5)]
    public IQueryable<Product> Get() => db.Products.OrderBy(p => p.Id).Cacheable(q => q.Tag("odata"));
}

public class CategoriesCachedController(StoreContext db) : ODataController
{
    [EnableQuery(MaxExpansionDepth = 5)]
    public IQueryable<Category> Get() => db.Categories.OrderBy(c => c.Id).Cacheable(q => q.VaryBy("odata"));
}
