using EfSecondLevelCache.ChangeSources;

namespace EfSecondLevelCache.Tests.ChangeSources;

/// <summary>What was known at a moment counts for a while, by both clocks.</summary>
public sealed class LeaseTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private readonly TwoClocks _clocks = new();

    [Fact]
    public void It_counts_until_the_limit()
    {
        var lease = new Lease(_clocks);
        Advance(monotonic: 4.9, wall: 4.9);
        Assert.True(lease.IsWithin(Limit));
        Advance(monotonic: 0.2, wall: 0.2);
        Assert.False(lease.IsWithin(Limit));
    }

    [Fact]
    public void A_suspended_machine_s_monotonic_clock_stood_still()
    {
        var lease = new Lease(_clocks);
        Advance(monotonic: 0.1, wall: 3600);
        Assert.False(lease.IsWithin(Limit));
    }

    [Fact]
    public void A_wall_clock_that_is_set_back_is_not_trusted()
    {
        var lease = new Lease(_clocks);
        Advance(monotonic: 0.1, wall: -3600);
        Assert.False(lease.IsWithin(Limit));
    }

    private void Advance(double monotonic, double wall)
    {
        _clocks.Monotonic += TimeSpan.FromSeconds(monotonic);
        _clocks.Wall += TimeSpan.FromSeconds(wall);
    }

    private sealed class TwoClocks : TimeProvider
    {
        public TimeSpan Monotonic { get; set; }

        public DateTimeOffset Wall { get; set; } = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Monotonic.Ticks;

        public override DateTimeOffset GetUtcNow() => Wall;
    }
}
