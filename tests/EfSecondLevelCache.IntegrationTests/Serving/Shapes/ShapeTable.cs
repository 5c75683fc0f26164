namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>Every kind of query whose result is cached.</summary>
internal static class ShapeTable
{
    private static readonly Dictionary<string, Shape> Shapes =
        ((IEnumerable<Shape>)[.. EntityShapes.All, .. QueryShapes.All, .. MappingShapes.All, .. RawSqlShapes.All, .. TypeShapes.All])
        .ToDictionary(s => s.Name);

    public static IEnumerable<string> Names => Shapes.Keys;

    public static Shape Get(string name) => Shapes[name];
}
