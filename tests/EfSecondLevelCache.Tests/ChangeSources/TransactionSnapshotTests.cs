using EfSecondLevelCache.ChangeSources;
using EfSecondLevelCache.ChangeSources.Replication;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Tests.ChangeSources;

/// <summary>Which transactions a query sees.</summary>
public sealed class TransactionSnapshotTests
{
    [Theory]
    [InlineData("10:20:12,15", 9u, true)]
    [InlineData("10:20:12,15", 10u, true)]
    [InlineData("10:20:12,15", 12u, false)]
    [InlineData("10:20:12,15", 13u, true)]
    [InlineData("10:20:12,15", 15u, false)]
    [InlineData("10:20:12,15", 20u, false)]
    [InlineData("10:20:12,15", 21u, false)]
    [InlineData("20:20:", 19u, true)]
    [InlineData("20:20:", 20u, false)]
    // The log has the lower 32 bits.
    [InlineData("4294967300:4294967310:4294967305", 9u, false)]
    [InlineData("4294967300:4294967310:4294967305", 8u, true)]
    [InlineData("4294967300:4294967310:4294967305", 4294967290u, true)]
    [InlineData("4294967290:4294967295:", 3u, false)]
    public void It_sees_what_had_ended_when_it_was_taken(string snapshot, uint xid, bool sees)
        => Assert.Equal(sees, TransactionSnapshot.Parse(snapshot).Sees(xid));

    [Fact]
    public void What_was_told_and_is_not_visible_yet_is_named()
    {
        var recent = new RecentTransactions();
        var change = new TableChange(new TableName("public", "items"));
        recent.Add(12, [change]);
        Assert.Equal([change], recent.UnseenBy(TransactionSnapshot.Parse("10:20:12"), askedAt: 1));
        Assert.Empty(recent.UnseenBy(TransactionSnapshot.Parse("10:20:13"), askedAt: 1));

        // It stays for those who took their snapshot before others could see it.
        recent.Settle(TransactionSnapshot.Parse("20:20:"));
        Assert.Equal([change], recent.UnseenBy(TransactionSnapshot.Parse("10:20:12"), askedAt: 1));
    }
}
