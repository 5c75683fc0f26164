using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.Tests.Support;

/// <summary>A context whose model is given, for what is made of models.</summary>
internal sealed class ModelContext(Action<ModelBuilder> build) : DbContext
{
    public Action<ModelBuilder> Build => build;

    /// <summary>The model as a context uses it.</summary>
    public static IModel ModelOf(Action<ModelBuilder> build)
    {
        using var context = new ModelContext(build);
        return context.Model;
    }

    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder)
        => optionsBuilder.UseNpgsql(ShopContext.ConnectionString).ReplaceService<IModelCacheKeyFactory, OneModelPerBuild>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => build(modelBuilder);

    private sealed class OneModelPerBuild : IModelCacheKeyFactory
    {
        public object Create(DbContext context, bool designTime) => (((ModelContext)context).Build, designTime);
    }
}
