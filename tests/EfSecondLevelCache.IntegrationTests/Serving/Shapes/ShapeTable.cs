namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>Every kind of query whose result is cached.</summary>
public sealed class ShapeTable : IServedQueries<ShapesContext>
{
    public static IReadOnlyList<ServedQuery<ShapesContext>> All { get; } =
        [.. EntityShapes.All, .. QueryShapes.All, .. MappingShapes.All, .. RawSqlShapes.All, .. TypeShapes.All];
}
