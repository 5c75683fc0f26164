using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.Changes;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.Tests.Changes;

public class InvalidatorTests
{
    private static readonly TableName Orders = new(null, "orders");
    private static readonly TableName SalesOrders = new("sales", "orders");
    private static readonly TableName StockOrders = new("stock", "orders");

    private readonly VersionSlots _versions = new();
    private readonly Counters _counters = new();
    private readonly DependencySlots _slots;
    private readonly Invalidator _invalidator;

    public InvalidatorTests()
    {
        _slots = new DependencySlots(_versions);
        _invalidator = new Invalidator(_versions, _slots, _counters, new SecondLevelCacheOptions());
    }

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

        Change(Orders);

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

        _invalidator.Apply(ChangeOrigin.ThisNode, new TablesChanged([changed]));

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

        _invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", [TableChange.UnknownTables]));

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
        _invalidator.Apply(ChangeOrigin.ThisNode, new TablesChanged([Orders]));

        Assert.False(IsUpToDate(unknown));
    }

    [Fact]
    public void A_change_of_everything_reaches_everything()
    {
        Result[] results = [Read("shop", Orders), Read("archive", SalesOrders), Read("shop"), ReadUnknown("shop"), ReadTagged("menu")];

        _invalidator.Apply(ChangeOrigin.ThisNode, new EverythingChanged());

        Assert.All(results, result => Assert.False(IsUpToDate(result)));
    }

    [Fact]
    public void A_tag_outdates_what_bears_it()
    {
        var menu = ReadTagged("menu");
        var both = ReadTagged("prices", "menu");
        var prices = ReadTagged("prices");
        var upper = ReadTagged("Menu");

        _invalidator.Apply(ChangeOrigin.ThisNode, new TagChanged("menu"));

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
        _invalidator.Apply(ChangeOrigin.ThisNode, new TagChanged("orders"));
        Assert.True(IsUpToDate(table));
    }

    [Fact]
    public void Several_changes_at_once_reach_all_that_they_name()
    {
        var orders = Read(Orders);
        var products = Read(new TableName(null, "products"));
        var customers = Read(new TableName(null, "customers"));

        _invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", [new TableChange(Orders), new TableChange(new TableName(null, "products"))]));

        Assert.False(IsUpToDate(orders));
        Assert.False(IsUpToDate(products));
        Assert.True(IsUpToDate(customers));
    }

    [Fact]
    public void What_is_unsettled_is_neither_kept_nor_served_until_it_is_settled()
    {
        var before = Read(Orders);
        var there = Read("archive", Orders);
        var unsettled = Unsettle(Orders);
        var meanwhile = Read(Orders);

        Assert.False(IsUpToDate(before));
        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(there));

        _invalidator.End(unsettled, Outcome.Committed);

        Assert.False(IsUpToDate(before));
        Assert.False(IsUpToDate(meanwhile));
        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void What_two_unsettle_is_settled_when_both_have_ended()
    {
        var one = Unsettle(Orders);
        var other = Unsettle(Orders);

        _invalidator.End(one, Outcome.Committed);
        Assert.False(IsUpToDate(Read(Orders)));

        _invalidator.End(other, Outcome.Committed);
        Assert.True(IsUpToDate(Read(Orders)));
    }

    [Fact]
    public void Without_a_catalog_a_write_may_have_changed_anything_of_its_database()
    {
        var customers = Read(new TableName(null, "customers"));
        var there = Read("archive", Orders);

        _invalidator.Apply(ChangeOrigin.ThisNode, new RowsWritten(NotRead("shop"), [new TableChange(Orders)]));

        Assert.False(IsUpToDate(customers));
        Assert.True(IsUpToDate(there));
    }

    [Fact]
    public void A_change_of_a_row_outdates_who_read_it_by_its_value_and_who_read_the_whole_table()
    {
        var five = ReadRows(Orders, ("id", 5));
        var six = ReadRows(Orders, ("id", 6));
        var all = Read(Orders);

        Change(Orders, Row(("id", 5)));

        Assert.False(IsUpToDate(five));
        Assert.True(IsUpToDate(six));
        Assert.False(IsUpToDate(all));
    }

    [Fact]
    public void A_row_that_moves_outdates_both_where_it_was_and_where_it_is()
    {
        var from = ReadRows(Orders, ("customer_id", 1));
        var to = ReadRows(Orders, ("customer_id", 2));
        var other = ReadRows(Orders, ("customer_id", 3));

        Change(Orders, Row(("id", 5), ("customer_id", 1)), Row(("id", 5), ("customer_id", 2)));

        Assert.False(IsUpToDate(from));
        Assert.False(IsUpToDate(to));
        Assert.True(IsUpToDate(other));
    }

    [Fact]
    public void A_value_that_is_not_known_outdates_all_who_read_by_that_column_and_nobody_else()
    {
        var one = ReadRows(Orders, ("customer_id", 1));
        var two = ReadRows(Orders, ("customer_id", 2));
        var six = ReadRows(Orders, ("id", 6));

        Change(Orders, Row(("id", 5)), Row(("id", 5), ("customer_id", 2)));

        Assert.False(IsUpToDate(one));
        Assert.False(IsUpToDate(two));
        Assert.True(IsUpToDate(six));
    }

    [Fact]
    public void Rows_that_are_not_known_outdate_who_read_any_of_the_table()
    {
        var row = ReadRows(Orders, ("id", 5));
        var elsewhere = ReadRows(new TableName(null, "customers"), ("id", 5));

        Change(Orders);

        Assert.False(IsUpToDate(row));
        Assert.True(IsUpToDate(elsewhere));
    }

    [Fact]
    public void All_columns_of_a_key_have_to_be_equal()
    {
        var line = ReadRows(Orders, ("order_id", 1), ("product_id", 2));
        var otherLine = ReadRows(Orders, ("order_id", 1), ("product_id", 3));
        var swapped = ReadRows(Orders, ("order_id", 2), ("product_id", 1));

        Change(Orders, Row(("product_id", 2), ("order_id", 1)));

        Assert.False(IsUpToDate(line));
        Assert.True(IsUpToDate(otherLine));
        Assert.True(IsUpToDate(swapped));
    }

    [Fact]
    public void A_value_of_another_family_is_not_known()
    {
        var row = ReadRows(Orders, ("id", 5));

        Change(Orders, new RowImage([new ColumnImage("id", ComparisonFamily.Text, 7, IsStated: false)]));

        Assert.False(IsUpToDate(row));
    }

    [Fact]
    public void Rows_are_told_apart_by_a_bounded_number_of_keys()
    {
        var table = _slots.Of("shop").Of(Orders);
        for (var i = 0; i < TableSlots.MostKeys; i++)
            Assert.NotNull(table.KeyOf([new KeyColumn($"c{i}", ComparisonFamily.Integer)]));

        Assert.Null(table.KeyOf([new KeyColumn("one_more", ComparisonFamily.Integer)]));
        Assert.NotNull(table.KeyOf([new KeyColumn("c0", ComparisonFamily.Integer)]));
    }

    [Fact]
    public void Changes_are_counted()
    {
        _invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", [new TableChange(Orders), new TableChange(SalesOrders)]));
        _invalidator.Apply(ChangeOrigin.ThisNode, new TagChanged("menu"));

        Assert.Equal(3, _counters.Invalidations.Value);
    }

    [Fact]
    public void A_change_says_in_words_what_it_is()
    {
        Assert.Equal("any table", $"{TableChange.UnknownTables}");
        Assert.Equal("sales.orders", $"{new TableChange(SalesOrders)}");
        Assert.Equal("orders (1 row images)", $"{new TableChange(Orders) { Rows = [Row(("id", 1))] }}");
    }

    private static KnownDatabase NotRead(string name) => new(name, TimeProvider.System, _ => { });

    private static RowImage Row(params (string Column, int Value)[] values)
        => new([.. values.Select(v => new ColumnImage(v.Column, ComparisonFamily.Integer, HashOf(v.Value), IsStated: false))]);

    private static ulong HashOf(int value)
    {
        Assert.True(ComparisonHash.TryHash(ComparisonFamily.Integer, value, out var hash));
        return hash;
    }

    private void Change(TableName table) => _invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", [new TableChange(table)]));

    private void Change(TableName table, params RowImage[] rows) => _invalidator.Apply(ChangeOrigin.Source, new RowsChanged("shop", [new TableChange(table) { Rows = rows }]));

    private int[] Unsettle(TableName table) => _invalidator.Apply(ChangeOrigin.ThisNode, new RowsWritten(NotRead("shop"), [new TableChange(table)]), Outcome.Pending);

    private Result Read(params TableName[] tables) => Read("shop", tables);

    private Result Read(string database, params TableName[] tables)
        => Of(database, tables.Select(table => _slots.Of(database).Of(table).AnyRow));

    private Result ReadRows(TableName table, params (string Column, int Value)[] values)
    {
        var slots = _slots.Of("shop").Of(table);
        var key = slots.KeyOf([.. values.Select(v => new KeyColumn(v.Column, ComparisonFamily.Integer))])!;
        ulong[] hashes = [.. values.Select(v => HashOf(v.Value))];
        return Of("shop", [slots.UnknownRows, key.UnknownValues, key.Of(hashes)]);
    }

    private Result ReadUnknown(string database) => Of(database, [_slots.Of(database).AnyTable]);

    private Result ReadTagged(params string[] tags) => Of("shop", tags.Select(_slots.OfTag));

    /// <summary>What every result depends on, and what this one does.</summary>
    private Result Of(string database, IEnumerable<int> slots)
        => new([VersionSlots.Everything, _slots.Of(database).UnknownTables, .. slots], _versions.Now);

    private bool IsUpToDate(Result result) => _versions.IsUpToDate(result.Slots, result.AsOf);

    private sealed record Result(int[] Slots, long AsOf);
}
