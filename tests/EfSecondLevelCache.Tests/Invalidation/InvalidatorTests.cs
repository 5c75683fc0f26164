using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Invalidation;

namespace EfSecondLevelCache.Tests.Invalidation;

public class InvalidatorTests
{
    private static readonly TableName Orders = new(null, "orders");
    private static readonly TableName SalesOrders = new("sales", "orders");
    private static readonly TableName StockOrders = new("stock", "orders");

    private readonly VersionSlots _versions = new();
    private readonly Counters _counters = new();
    private readonly Invalidator _invalidator;

    public InvalidatorTests() => _invalidator = new Invalidator(_versions, _counters);

    [Fact]
    public void A_change_of_a_table_outdates_who_read_it_and_nobody_else()
    {
        var orders = Read(Orders);
        var both = Read(new TableName(null, "customers"), Orders);
        var customers = Read(new TableName(null, "customers"));
        var nothing = Read();

        Change(Orders);

        Assert.False(IsUpToDate(orders));
        Assert.False(IsUpToDate(both));
        Assert.True(IsUpToDate(customers));
        Assert.True(IsUpToDate(nothing));
    }

    [Fact]
    public void What_is_read_after_the_change_is_up_to_date()
    {
        Read(Orders);
        Change(Orders);

        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void A_change_of_a_qualified_name_reaches_who_read_it_unqualified()
    {
        var unqualified = Read(Orders);

        Change(SalesOrders);

        Assert.False(IsUpToDate(unqualified));
    }

    [Fact]
    public void A_change_of_an_unqualified_name_reaches_every_schema_that_it_may_stand_for()
    {
        var sales = Read(SalesOrders);
        var stock = Read(StockOrders);

        Change(Orders);

        Assert.False(IsUpToDate(sales));
        Assert.False(IsUpToDate(stock));
    }

    [Fact]
    public void The_same_name_in_two_schemas_is_two_tables()
    {
        var sales = Read(SalesOrders);
        var stock = Read(StockOrders);

        Change(SalesOrders);

        Assert.False(IsUpToDate(sales));
        Assert.True(IsUpToDate(stock));
    }

    [Fact]
    public void Names_are_compared_in_their_exact_case()
    {
        var upper = Read(new TableName(null, "Orders"));

        Change(Orders);

        Assert.True(IsUpToDate(upper));
    }

    [Fact]
    public void A_schema_and_a_table_never_look_like_another_pair()
    {
        var dotted = Read(new TableName("a.b", "c"));

        Change(new TableName("a", "b.c"));

        Assert.True(IsUpToDate(dotted));
    }

    [Fact]
    public void A_table_that_nobody_read_can_change()
    {
        var orders = Read(Orders);

        Change(new TableName("audit", "entries"));

        Assert.True(IsUpToDate(orders));
    }

    [Fact]
    public void Another_database_is_not_touched()
    {
        var here = Read("shop", Orders);
        var there = Read("archive", Orders);

        _invalidator.Changed([new TableChange("shop", Orders)]);

        Assert.False(IsUpToDate(here));
        Assert.True(IsUpToDate(there));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("sales")]
    public void A_change_anywhere_reaches_the_table_in_every_database(string? schema)
    {
        var changed = new TableName(schema, "orders");
        var qualified = Read("shop", SalesOrders);
        var unqualified = Read("archive", Orders);
        var otherTable = Read("shop", new TableName(schema, "customers"));
        var otherSchema = Read("shop", StockOrders);

        _invalidator.Changed([new TableChange(null, changed)]);

        Assert.False(IsUpToDate(qualified));
        Assert.False(IsUpToDate(unqualified));
        Assert.True(IsUpToDate(otherTable));
        Assert.Equal(schema is not null, IsUpToDate(otherSchema));
    }

    [Fact]
    public void A_change_of_unknown_tables_reaches_everything_of_its_database()
    {
        var table = Read("shop", Orders);
        var noTable = Read("shop");
        var unknown = ReadUnknown("shop");
        var there = Read("archive", Orders);

        _invalidator.Changed([new TableChange("shop", null)]);

        Assert.False(IsUpToDate(table));
        Assert.False(IsUpToDate(noTable));
        Assert.False(IsUpToDate(unknown));
        Assert.True(IsUpToDate(there));
    }

    [Fact]
    public void Who_may_have_read_any_table_is_reached_by_every_change_of_the_database()
    {
        var here = ReadUnknown("shop");
        var there = ReadUnknown("archive");

        Change(new TableName(null, "never_seen"));

        Assert.False(IsUpToDate(here));
        Assert.True(IsUpToDate(there));
    }

    [Fact]
    public void Who_may_have_read_any_table_is_reached_by_a_change_in_every_database()
    {
        var unknown = ReadUnknown("shop");

        // Nobody has read it by its name; through a view or a function this one may have.
        _invalidator.Changed([new TableChange(null, Orders)]);

        Assert.False(IsUpToDate(unknown));
    }

    [Fact]
    public void A_change_of_everything_reaches_everything()
    {
        Result[] results = [Read("shop", Orders), Read("archive", SalesOrders), Read("shop"), ReadUnknown("shop"), ReadTagged("menu")];

        _invalidator.Changed([TableChange.Everything]);

        Assert.All(results, result => Assert.False(IsUpToDate(result)));
    }

    [Fact]
    public void A_tag_outdates_what_bears_it()
    {
        var menu = ReadTagged("menu");
        var both = ReadTagged("prices", "menu");
        var prices = ReadTagged("prices");
        var upper = ReadTagged("Menu");

        _invalidator.TagChanged("menu");

        Assert.False(IsUpToDate(menu));
        Assert.False(IsUpToDate(both));
        Assert.True(IsUpToDate(prices));
        Assert.True(IsUpToDate(upper));
    }

    [Fact]
    public void A_tag_is_no_table_and_a_table_is_no_tag()
    {
        var tag = ReadTagged("orders");
        var table = Read(Orders);

        Change(Orders);
        Assert.True(IsUpToDate(tag));

        table = Read(Orders);
        _invalidator.TagChanged("orders");
        Assert.True(IsUpToDate(table));
    }

    [Fact]
    public void Several_changes_at_once_reach_all_that_they_name()
    {
        var orders = Read(Orders);
        var there = Read("archive", Orders);
        var customers = Read(new TableName(null, "customers"));

        _invalidator.Changed([new TableChange("shop", Orders), new TableChange("archive", SalesOrders)]);

        Assert.False(IsUpToDate(orders));
        Assert.False(IsUpToDate(there));
        Assert.True(IsUpToDate(customers));
    }

    [Fact]
    public void What_is_unsettled_is_neither_kept_nor_served_until_it_is_settled()
    {
        var before = Read(Orders);
        var customers = Read(new TableName(null, "customers"));
        var unsettled = Unsettle(Orders);
        var meanwhile = Read(Orders);

        Assert.False(IsUpToDate(before));
        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(customers));

        _invalidator.Settle(unsettled);

        Assert.False(IsUpToDate(before));
        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void A_table_that_two_unsettle_is_settled_when_both_have_ended()
    {
        var one = Unsettle(Orders);
        var other = Unsettle(Orders);

        _invalidator.Settle(one);
        Assert.False(IsUpToDate(Read(Orders)));

        _invalidator.Settle(other);
        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void What_is_unsettled_together_with_something_else_is_settled_with_its_own_part()
    {
        var one = Unsettle(Orders);
        var other = Unsettle(new TableName(null, "customers"), SalesOrders);

        _invalidator.Settle(one);
        Assert.False(IsUpToDate(ReadUnknown("shop")));
        Assert.False(IsUpToDate(Read(SalesOrders)));
        Assert.True(IsUpToDate(Read(StockOrders)));

        _invalidator.Settle(other);
        Assert.True(IsUpToDate(ReadUnknown("shop")));
        Assert.True(IsUpToDate(Read(SalesOrders, Orders)));
    }

    [Fact]
    public void A_schema_that_is_first_seen_while_its_table_is_unsettled_is_unsettled_too()
    {
        var unsettled = Unsettle(Orders);
        var meanwhile = Read(SalesOrders);
        Assert.False(IsUpToDate(meanwhile));

        _invalidator.Settle(unsettled);

        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(Read(SalesOrders)));
        Assert.True(IsUpToDate(Read(Orders)));
        Assert.True(IsUpToDate(ReadUnknown("shop")));
    }

    [Fact]
    public void Changes_are_counted()
    {
        _invalidator.Changed([new TableChange("shop", Orders), new TableChange("shop", SalesOrders)]);
        _invalidator.TagChanged("menu");

        Assert.Equal(3, _counters.Invalidations.Value);
    }

    [Theory]
    [InlineData(null, null, "any table of any database")]
    [InlineData("shop", null, "any table of shop")]
    [InlineData(null, "sales.orders", "sales.orders of any database")]
    [InlineData("shop", "orders", "orders of shop")]
    public void A_change_says_in_words_what_it_is(string? database, string? table, string words)
        => Assert.Equal(words, new TableChange(database, table is null ? null : TableName.Parse(table)).ToString());

    private void Change(TableName table) => _invalidator.Changed([new TableChange("shop", table)]);

    private int[] Unsettle(params TableName[] tables) => _invalidator.Unsettle([.. tables.Select(table => new TableChange("shop", table))]);

    private Result Read(params TableName[] tables) => Read("shop", tables);

    private Result Read(string database, params TableName[] tables)
        => new(_invalidator.DependenciesOf(database, tables, unknownTables: false, tags: []), _versions.Now);

    private Result ReadUnknown(string database)
        => new(_invalidator.DependenciesOf(database, [], unknownTables: true, tags: []), _versions.Now);

    private Result ReadTagged(params string[] tags)
        => new(_invalidator.DependenciesOf("shop", [], unknownTables: false, tags), _versions.Now);

    private bool IsUpToDate(Result result) => _versions.IsUpToDate(result.Slots, result.AsOf);

    private sealed record Result(int[] Slots, long AsOf);
}
