using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Tests.Versions;

/// <summary>Alone on the machine: threads that are to meet must run at the same time.</summary>
[CollectionDefinition(nameof(VersionSlotsTests), DisableParallelization = true)]
public class VersionSlotsCollection;

[Collection(nameof(VersionSlotsTests))]
public class VersionSlotsTests
{
    [Fact]
    public void What_never_changed_is_up_to_date()
    {
        var versions = new VersionSlots();

        Assert.Equal(0, versions.Now);
        Assert.True(versions.IsUpToDate([versions.Next(), VersionSlots.Everything], versions.Now));
        Assert.True(versions.IsUpToDate([], versions.Now));
    }

    [Fact]
    public void A_change_outdates_what_was_read_before_it_and_nothing_that_is_read_after_it()
    {
        var versions = new VersionSlots();
        int[] slots = [versions.Next()];
        var before = versions.Now;

        versions.Bump(slots);

        Assert.False(versions.IsUpToDate(slots, before));
        Assert.True(versions.IsUpToDate(slots, versions.Now));
    }

    [Fact]
    public void A_change_of_one_of_several_dependencies_is_enough()
    {
        var versions = new VersionSlots();
        int[] slots = [versions.Next(), versions.Next(), versions.Next()];

        foreach (var slot in slots)
        {
            var before = versions.Now;
            versions.Bump([slot]);

            Assert.False(versions.IsUpToDate(slots, before));
        }
    }

    [Fact]
    public void A_change_leaves_other_slots_alone()
    {
        var versions = new VersionSlots();
        int[] other = [versions.Next()];
        var before = versions.Now;

        versions.Bump([versions.Next()]);

        Assert.True(versions.IsUpToDate(other, before));
    }

    [Fact]
    public void Each_thing_has_a_slot_of_its_own_and_it_is_never_that_of_everything()
    {
        var versions = new VersionSlots();

        int[] slots = [VersionSlots.Everything, versions.Next(), versions.Next(), versions.OfHash(0), versions.OfHash(1)];

        Assert.Equal(slots.Length, slots.Distinct().Count());
        Assert.Equal(versions.OfHash(1), versions.OfHash(1));
    }

    [Fact]
    public void Hashes_beyond_the_shared_slots_share_them()
    {
        const int Shared = 16;
        var versions = new VersionSlots(own: 8, Shared);
        int[] slots = [.. Enumerable.Range(0, 1_000).Select(hash => versions.OfHash((ulong)hash))];

        Assert.Equal(Shared, slots.Distinct().Count());
        Assert.DoesNotContain(versions.Next(), slots);
        foreach (var slot in slots)
        {
            var before = versions.Now;
            versions.Bump([slot]);

            Assert.False(versions.IsUpToDate([slot], before));
            Assert.True(versions.IsUpToDate([slot], versions.Now));
        }
    }

    [Fact]
    public void What_is_closed_is_out_of_date_however_late_it_is_read()
    {
        var versions = new VersionSlots();
        int[] slots = [versions.Next()];

        versions.Close(slots);
        versions.Bump([versions.Next()]);

        Assert.False(versions.IsUpToDate(slots, versions.Now));
        Assert.False(versions.IsUpToDate(slots, long.MaxValue - 1));
    }

    [Fact]
    public void Reopening_outdates_what_was_read_while_it_was_closed()
    {
        var versions = new VersionSlots();
        int[] slots = [versions.Next()];
        versions.Close(slots);
        var meanwhile = versions.Now;

        versions.Reopen(slots);

        Assert.False(versions.IsUpToDate(slots, meanwhile));
        Assert.True(versions.IsUpToDate(slots, versions.Now));
    }

    [Fact]
    public void A_slot_that_was_closed_twice_stays_closed_until_it_is_reopened_twice()
    {
        var versions = new VersionSlots();
        int[] slots = [versions.Next()];
        versions.Close(slots);
        versions.Close(slots);

        versions.Reopen(slots);
        Assert.False(versions.IsUpToDate(slots, versions.Now));

        versions.Reopen(slots);
        Assert.True(versions.IsUpToDate(slots, versions.Now));
    }

    [Fact]
    public void Overlapping_closings_each_keep_what_is_theirs_closed()
    {
        var versions = new VersionSlots();
        int a = versions.Next(), b = versions.Next(), c = versions.Next();
        versions.Close([a, b]);
        versions.Close([b, c]);

        versions.Reopen([a, b]);

        Assert.True(versions.IsUpToDate([a], versions.Now));
        Assert.False(versions.IsUpToDate([b], versions.Now));
        Assert.False(versions.IsUpToDate([c], versions.Now));
    }

    [Fact]
    public void A_change_of_what_is_closed_does_not_open_it()
    {
        var versions = new VersionSlots();
        int[] slots = [versions.Next()];
        versions.Close(slots);

        versions.Bump(slots);

        Assert.False(versions.IsUpToDate(slots, versions.Now));
    }

    [Fact]
    public void Things_beyond_the_capacity_share_slots_which_removes_too_much_and_never_too_little()
    {
        const int Capacity = 8;
        var versions = new VersionSlots(Capacity);
        var slots = Enumerable.Range(0, 1_000).Select(_ => versions.Next()).ToArray();

        Assert.All(slots, slot => Assert.InRange(slot, 1, Capacity - 1));
        Assert.Equal(Capacity - 1, slots.Distinct().Count());
        foreach (var slot in slots)
        {
            var before = versions.Now;
            versions.Bump([slot]);

            Assert.False(versions.IsUpToDate([slot], before));
        }

        Assert.True(versions.IsUpToDate([VersionSlots.Everything], 0));
    }

    [Fact]
    public void Threads_that_ask_at_once_get_slots_of_their_own()
    {
        var versions = new VersionSlots();
        var slots = new int[4][];

        Parallel.For(0, slots.Length, i => slots[i] = [.. Enumerable.Range(0, 1_000).Select(_ => versions.Next())]);

        Assert.Equal(4_000, slots.SelectMany(each => each).Distinct().Count());
    }

    /// <summary>
    /// Whoever counted before a change began must be told that he is out of date once the change has returned, whatever else changes,
    /// closes and reopens the same slots meanwhile. Few slots, so that threads meet; each also checks its own changes at the first moment.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_change_that_has_returned_is_seen_by_everybody_who_counted_before_it(int slotCount)
    {
        const int Seed = 20_260_725;
        var versions = new VersionSlots();
        var slots = Enumerable.Range(0, slotCount).Select(key => versions.Next()).ToArray();
        // A change counts higher than what its writer saw before it; by slot, the highest such bound of a change that has returned.
        var returned = new long[slotCount];
        var violations = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(1));

        void Returned(int index, long before)
        {
            var known = Volatile.Read(ref returned[index]);
            while (known < before + 1 && Interlocked.CompareExchange(ref returned[index], before + 1, known) is var now && now != known)
                known = now;
        }

        void Violated(string rule)
        {
            if (violations.Count < 10)
                violations.Enqueue(rule);
        }

        void Bump(int seed)
        {
            var random = new Random(seed);
            while (!end.IsCancellationRequested)
            {
                var index = random.Next(slotCount);
                int[] one = [slots[index]];
                var before = versions.Now;
                versions.Bump(one);
                if (versions.IsUpToDate(one, before))
                    Violated($"Bump returned; slot {index} was still up to date as of {before}");
                Returned(index, before);
            }
        }

        void CloseAndReopen(int seed)
        {
            var random = new Random(seed);
            while (!end.IsCancellationRequested)
            {
                var index = random.Next(slotCount);
                int[] one = [slots[index]];
                versions.Close(one);
                if (versions.IsUpToDate(one, versions.Now))
                    Violated($"slot {index} is closed and was up to date");
                var before = versions.Now;
                versions.Reopen(one);
                if (versions.IsUpToDate(one, before))
                    Violated($"Reopen returned; slot {index} was still up to date as of {before}");
                Returned(index, before);
            }
        }

        void Read(int seed)
        {
            var random = new Random(seed);
            while (!end.IsCancellationRequested)
            {
                var index = random.Next(slotCount);
                var asOf = versions.Now;
                for (var i = 0; i < 20; i++)
                {
                    var changed = Volatile.Read(ref returned[index]);
                    if (changed > asOf && versions.IsUpToDate([slots[index]], asOf))
                        Violated($"slot {index} was up to date as of {asOf} after change {changed} had returned");
                }
            }
        }

        Action[] works = [() => Bump(Seed), () => Bump(Seed + 1), () => CloseAndReopen(Seed + 2), () => Read(Seed + 3)];
        // Each on a thread of its own, whose exception is the test's.
        var cancellation = TestContext.Current.CancellationToken;
        await Task.WhenAll(works.Select(
            work => Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.True(violations.IsEmpty, string.Join(Environment.NewLine, violations));
        Assert.True(versions.IsUpToDate(slots, versions.Now), "a slot stayed closed, or above the count");
    }

    [Theory]
    [InlineData(1 << 20, 4)]
    [InlineData(64 << 20, 7)]
    [InlineData(256 << 20, 30)]
    public void The_slots_of_a_cache_take_a_small_part_of_its_bound(long maxBytes, int partOf)
    {
        var versions = VersionSlots.ForBound(maxBytes);
        Assert.InRange(versions.MostBytes, 1, maxBytes / partOf);
        var asOf = versions.Now;
        versions.Bump([versions.OfHash(ulong.MaxValue), versions.OfHash(0)]);
        Assert.False(versions.IsUpToDate([versions.OfHash(0)], asOf));
        Assert.True(versions.IsUpToDate([versions.OfHash(1)], asOf));
    }
}
