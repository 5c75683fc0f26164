using System.Text.Json;

namespace EfSecondLevelCache.IntegrationTests.Support;

/// <summary>The comparison that other tests rest on sees every difference.</summary>
public sealed class GraphTextTests
{
    private static readonly DateTime Noon = new(2024, 1, 1, 12, 0, 0, DateTimeKind.Utc);

    public static TheoryData<object?, object?> Different => new(
        (1, 1L),
        (1m, 1.0m),
        (0.0, -0.0),
        (null, ""),
        ("null", null),
        ("1", 1),
        (Noon, DateTime.SpecifyKind(Noon, DateTimeKind.Unspecified)),
        (Noon, new DateTimeOffset(Noon)),
        (new DateTimeOffset(Noon), new DateTimeOffset(Noon).ToOffset(TimeSpan.FromHours(1))),
        (new[] { 1, 2 }, new[] { 2, 1 }),
        (new[] { 1, 2 }, new List<int> { 1, 2 }),
        (new int?[] { null }, new int?[] { 0 }),
        (new byte[] { 1 }, new byte[] { 2 }),
        (new Dictionary<string, string?> { ["a"] = null }, new Dictionary<string, string?> { ["a"] = "" }),
        (JsonDocument.Parse("{\"a\": 1}"), JsonDocument.Parse("{\"a\": 2}")),
        (new Node { Name = "a" }, new Node { Name = "b" }),
        (new Node { Next = new Node { Name = "a" } }, new Node { Next = new Node { Name = "b" } }),
        ((1, "a"), (1, "b")));

    [Theory]
    [MemberData(nameof(Different))]
    public void What_differs_has_another_text(object? left, object? right)
    {
        Assert.NotEqual(GraphText.Of(left), GraphText.Of(right));
        Assert.Equal(GraphText.Of(left), GraphText.Of(left));
    }

    [Fact]
    public void The_same_object_twice_is_not_two_equal_ones()
    {
        var node = new Node();
        Assert.NotEqual(GraphText.Of(new[] { node, node }), GraphText.Of(new[] { node, new Node() }));
    }

    [Fact]
    public void A_cycle_ends()
    {
        var node = new Node();
        node.Next = node;
        Assert.Contains("Next #0", GraphText.Of(node), StringComparison.Ordinal);
    }

    private sealed class Node
    {
        public string? Name { get; set; }
        public Node? Next { get; set; }
    }
}
