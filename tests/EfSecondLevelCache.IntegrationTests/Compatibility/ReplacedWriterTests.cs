using EfSecondLevelCache.IntegrationTests.Serving;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Update;
using Microsoft.EntityFrameworkCore.Update.Internal;
using Npgsql.EntityFrameworkCore.PostgreSQL.Update.Internal;

namespace EfSecondLevelCache.IntegrationTests.Compatibility;

/// <summary>A SaveChanges that an application's own services execute changes what is served as EF Core's does.</summary>
public sealed class ReplacedWriterTests(ShopDatabase database) : ShopTests(database)
{
    [Theory]
    [InlineData("the batch executor")]
    [InlineData("the batch executor, where it is EF Core's")]
    [InlineData("the update generator")]
    [InlineData("the command factory")]
    public async Task It_removes_what_it_changed(string replaced)
    {
        await using var cache = new SecondLevelCache();
        // A service provider that is not kept is none of the twenty that EF Core allows a process.
        Action<DbContextOptionsBuilder> configure = options => _ = replaced switch
        {
            "the batch executor" => options.EnableServiceProviderCaching(false).ReplaceService<IBatchExecutor, OwnExecutor>(),
            "the batch executor, where it is EF Core's" => options.EnableServiceProviderCaching(false).ReplaceService<IBatchExecutor, BatchExecutor, OwnExecutor>(),
            "the update generator" => options.EnableServiceProviderCaching(false).ReplaceService<IUpdateSqlGenerator, OwnGenerator>(),
            _ => options.EnableServiceProviderCaching(false).ReplaceService<IModificationCommandFactory, OwnFactory>(),
        };
        for (var category = 1; category <= 4; category++)
            await CountAsync(category);

        await using (var db = Open(cache, configure))
        {
            // Never loaded: what its row was before is the database's to tell.
            var product = new Product { Id = 8, Name = "moved", CategoryId = 0 };
            db.Attach(product);
            product.CategoryId = 3;
            await db.SaveChangesAsync();
        }

        await using var plain = Open(null);
        for (var category = 1; category <= 4; category++)
            Assert.Equal(await plain.Products.CountAsync(p => p.CategoryId == category), await CountAsync(category));

        async Task<int> CountAsync(int category)
        {
            await using var db = Open(cache);
            return await db.Products.Cacheable().CountAsync(p => p.CategoryId == category);
        }
    }

    private sealed class OwnExecutor(
        Microsoft.EntityFrameworkCore.Infrastructure.ICurrentDbContext context, IDiagnosticsLogger<DbLoggerCategory.Update> logger)
        : BatchExecutor(context, logger);

    private sealed class OwnGenerator(UpdateSqlGeneratorDependencies dependencies) : NpgsqlUpdateSqlGenerator(dependencies);

    private sealed class OwnFactory : NpgsqlModificationCommandFactory;
}
