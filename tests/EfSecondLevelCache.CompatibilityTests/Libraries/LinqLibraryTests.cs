using AutoMapper;
using AutoMapper.QueryableExtensions;
using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.CompatibilityTests.Shop;
using EfSecondLevelCache.IntegrationTests.Support;
using LinqKit;
using Mapster;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.CompatibilityTests.Libraries;

/// <summary>Libraries that rewrite or project queries: LinqKit, AutoMapper, Mapster.</summary>
public sealed class LinqLibraryTests(PostgresServer server) : ScenarioTests<LinqLibraryTests>(server), IScenarios
{
    private static readonly IConfigurationProvider Maps = new MapperConfiguration(c =>
    {
        c.CreateMap<Product, ProductDto>().ForMember(d => d.Dear, o => o.MapFrom(p => p.Price > 5));
        c.CreateMap<Tag, TagDto>();
    });

    public static Scenarios All { get; } = new Scenarios<ShopContext>("shop", ShopContext.SeedAsync)
    {
        {
            "LinqKit: predicates that are put together", async app =>
            {
                await using var db = app.Open<ShopContext>();
                var predicate = PredicateBuilder.New<Product>(p => p.Stock > 20).And(p => p.Name.StartsWith("product")).Or(p => p.Id == 1);
                app.Saw("products", await app.Cached(db.Products.AsExpandable().Where(predicate).OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
                app.Saw("count", await app.Cached(db.Products.AsExpandable().Where(predicate)).CountAsync());
                app.Saw("marked first", await app.Cached(db.Products).AsExpandable().Where(predicate).OrderBy(p => p.Id).Select(p => p.Name).ToListAsync());
                app.Saw("without it", await app.Cached(db.Products.Where(predicate).AsNoTracking().OrderBy(p => p.Id)).ToListAsync());
            }
        },
        {
            "LinqKit: an expression that is invoked", async app =>
            {
                await using var db = app.Open<ShopContext>();
                System.Linq.Expressions.Expression<Func<Product, bool>> dear = p => p.Price > 5;
                app.Saw("categories", await app.Cached(
                    db.Categories.AsExpandable().Where(c => c.Products.Any(dear.Compile())).OrderBy(c => c.Id).Select(c => c.Name)).ToListAsync());
                app.Saw("invoked", await app.Cached(db.Products.AsExpandable().Where(p => dear.Invoke(p)).OrderBy(p => p.Id).Select(p => p.Name)).ToListAsync());
                app.Saw("tracked", await app.Cached(db.Products.AsExpandable().Include(p => p.Category).Where(p => dear.Invoke(p)).OrderBy(p => p.Id)).ToListAsync());
                app.SawTracked(db);
            }
        },
        {
            "AutoMapper: ProjectTo, with what is behind collections", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("products", await app.Cached(db.Products.OrderBy(p => p.Id).ProjectTo<ProductDto>(Maps)).ToListAsync());
                app.Saw("marked first", await app.Cached(db.Products.OrderBy(p => p.Id)).ProjectTo<ProductDto>(Maps).ToListAsync());
                app.Saw("filtered", await app.Cached(db.Products.ProjectTo<ProductDto>(Maps).Where(p => p.CategoryName == "category 2").OrderBy(p => p.Id)).ToListAsync());
            }
        },
        {
            "Mapster: ProjectToType", async app =>
            {
                await using var db = app.Open<ShopContext>();
                app.Saw("products", await app.Cached(db.Products.OrderBy(p => p.Id).ProjectToType<ProductDto>()).ToListAsync());
            }
        },
    };

    private sealed class ProductDto
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";

        public string CategoryName { get; set; } = "";

        public bool Dear { get; set; }

        public List<TagDto> Tags { get; set; } = [];
    }

    private sealed class TagDto
    {
        public string Name { get; set; } = "";
    }
}
