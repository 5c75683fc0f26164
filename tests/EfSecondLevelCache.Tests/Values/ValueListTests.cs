using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.Values;

public class ValueListTests
{
    [Fact]
    public void Lists_of_equal_items_in_the_same_order_are_equal()
    {
        ValueList<string> one = ["a", "b"];
        ValueList<string> other = ["a", string.Concat("", "b")];

        Assert.True(one.Equals(other));
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.False(one.Equals(["b", "a"]));
        Assert.False(one.Equals(["a"]));
        Assert.False(one.Equals((object)new[] { "a", "b" }));
        Assert.False(one.Equals((ValueList<string>?)null));
    }

    [Fact]
    public void Adding_makes_another_list()
    {
        ValueList<int> one = [1];
        var two = one.Add(2);

        Assert.Equal([1], one);
        Assert.Equal([1, 2], two);
        Assert.Equal(2, two.Count);
        Assert.Equal(2, two[1]);
        Assert.Equal("1, 2", two.ToString());
        Assert.Empty(ValueList<int>.Empty);
    }

    [Fact]
    public void What_a_list_was_made_from_does_not_change_it()
    {
        var items = new[] { 1, 2 };
        ValueList<int> list = [.. items];
        items[0] = 9;

        Assert.Equal([1, 2], list);
    }
}
