using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore.Metadata;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>A compiled query in each marking; EF Core binds one to the model of the context that first executes it.</summary>
internal sealed class CompiledShape<TDelegate>(Func<TDelegate> plain, Func<TDelegate> cacheable, Func<TDelegate> notCacheable)
{
    private readonly ConcurrentDictionary<(IModel, Marking), TDelegate> _compiled = new();

    public TDelegate this[ShapesContext db, Marking marking] => _compiled.GetOrAdd((db.Model, marking), key => key.Item2 switch
    {
        Marking.Cacheable => cacheable(),
        Marking.NotCacheable => notCacheable(),
        _ => plain(),
    });
}
