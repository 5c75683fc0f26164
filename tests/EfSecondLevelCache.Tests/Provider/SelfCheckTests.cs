using EfSecondLevelCache.EntityFramework;
using EfSecondLevelCache.Provider;

namespace EfSecondLevelCache.Tests.Provider;

public sealed class SelfCheckTests
{
    [Fact]
    public void Every_part_passes_with_the_versions_in_use()
    {
        Assert.True(Parts.FastDoor);
        Assert.True(Parts.Plans);
        Assert.True(Parts.SaveChanges);
        Assert.True(Parts.ReadBack);
    }

    [Fact]
    public void A_part_whose_type_does_not_load_is_switched_off()
    {
        Assert.False(SelfCheck.Passes("a part of this test", "nothing", static () => [Type.GetType("EfSecondLevelCache.Gone, EfSecondLevelCache", true)!]));
        Assert.Contains(SelfCheck.SwitchedOff, part => part.Part == "a part of this test" && part.Detail.Contains("EF Core 10."));
    }

    [Fact]
    public void A_part_that_calls_what_is_gone_is_switched_off()
    {
        Assert.False(SelfCheck.Passes("another part of this test", "nothing", static () => throw new MissingMethodException("Gone")));
        Assert.Single(SelfCheck.SwitchedOff, part => part.Part == "another part of this test");
    }

    /// <summary>What a part calls is compiled ahead, so that a method that is gone is met here and not in a query.</summary>
    [Fact]
    public void The_methods_of_a_part_are_compiled()
    {
        Assert.True(SelfCheck.Passes("a part that works", "nothing", static () => [typeof(Works)]));
        Assert.DoesNotContain(SelfCheck.SwitchedOff, part => part.Part == "a part that works");
    }

    private sealed class Works
    {
        public static int Twice(int number) => 2 * number;
    }
}
