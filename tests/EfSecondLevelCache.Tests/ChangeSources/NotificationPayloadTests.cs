using EfSecondLevelCache.ChangeSources.Notifications;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.ChangeSources;

/// <summary>What the triggers send, and what anybody else may send on their channel.</summary>
public sealed class NotificationPayloadTests
{
    [Fact]
    public void It_has_the_values_of_rows()
    {
        var (xid, change) = NotificationPayload.Read("""[1, "7", "s", "t", [{"id": 9007199254740993, "name": "ü", "ok": true, "no": null, "js": {}}]]""");
        Assert.Equal("7", xid);
        Assert.Equal(new TableName("s", "t"), change!.Value.Table);
        var row = Assert.Single(change.Value.Rows!);
        Assert.Equal(("9007199254740993", "ü", "true", (string?)null), (row["id"], row["name"], row["ok"], row["no"]));
        Assert.False(row.ContainsKey("js"));
    }

    [Fact]
    public void Rows_that_did_not_fit_are_not_known()
        => Assert.Null(NotificationPayload.Read("""[1, "7", "s", "t", null]""").Change!.Value.Rows);

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("""[2, "7", "s", "t", null]""")]
    [InlineData("""["1", "7", "s", "t", null]""")]
    [InlineData("""[1, "7", "s", "t", [3]]""")]
    [InlineData("""[1, "7", "s", "t", {}]""")]
    [InlineData("""[1, 7, "s", "t", []]""")]
    [InlineData("""[1, "7", "s", null, []]""")]
    public void What_is_not_understood_may_be_any_change(string payload) => Assert.Null(NotificationPayload.Read(payload).Change);
}
