using EfSecondLevelCache.ChangeSources;

namespace EfSecondLevelCache.Tests.ChangeSources;

/// <summary>Whether what a token stands for happened before a position of the log.</summary>
public sealed class ServerPositionTests
{
    private static readonly ServerPosition Position = new(Timeline: 2, Lsn: 1000, TransactionSnapshot.Parse("10:20:12"));

    [Theory]
    [InlineData(2u, 999ul, 0ul, true)]
    [InlineData(2u, 1000ul, 0ul, true)]
    [InlineData(2u, 1001ul, 0ul, false)]
    // A later timeline has forgotten the end of the one before.
    [InlineData(1u, 999ul, 0ul, false)]
    [InlineData(3u, 999ul, 0ul, false)]
    // Taken inside of a transaction: it counts when that has ended.
    [InlineData(2u, 999ul, 12ul, false)]
    [InlineData(2u, 999ul, 20ul, false)]
    [InlineData(2u, 999ul, 13ul, true)]
    [InlineData(2u, 1001ul, 13ul, false)]
    public void It_did_when_both_its_place_and_its_transaction_did(uint timeline, ulong lsn, ulong xid, bool before)
        => Assert.Equal(before, Position.IsNotBefore(new ChangeToken { Timeline = timeline, Lsn = lsn, Xid = xid }));
}
