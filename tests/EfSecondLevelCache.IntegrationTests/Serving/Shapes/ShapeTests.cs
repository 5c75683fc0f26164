using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

public sealed class PlainContextShapeTests(ShapesDatabase database) : ShapeSpecification(database), IClassFixture<ShapesDatabase>
{
    private protected override ShapesContext CreateContext(SecondLevelCache cache)
    {
        var options = new DbContextOptionsBuilder<ShapesContext>().AddSecondLevelCache(cache);
        ShapesDatabase.UseDatabase(options, Database.Tap.ConnectionString);
        return new ShapesContext(options.Options);
    }
}
