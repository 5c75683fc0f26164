using EfSecondLevelCache.Results;

namespace EfSecondLevelCache.Tests.Results;

public class NamedColumnsTests
{
    [Fact]
    public void Columns_are_found_regardless_of_case_and_place_and_the_others_are_not_stored()
    {
        var layout = Expected(("Name", typeof(string)), ("Id", typeof(int))).LayoutFor(Reader("extra", "ID", "name"))!;

        Assert.Equal([null, typeof(int), typeof(string)], layout.Columns.Select(column => column.ClrType));
    }

    [Fact]
    public void One_column_that_is_not_found_is_the_first()
        => Assert.Equal([typeof(int), null], Layout(Expected(("Value", typeof(int))), "?column?", "other"));

    [Fact]
    public void One_column_that_is_found_is_that_one()
        => Assert.Equal([null, typeof(int)], Layout(Expected(("Value", typeof(int))), "?column?", "value"));

    [Fact]
    public void Without_a_column_that_is_wanted_there_is_no_layout()
        => Assert.Null(Expected(("Name", typeof(string)), ("Id", typeof(int))).LayoutFor(Reader("id", "title")));

    [Fact]
    public void A_column_that_is_wanted_as_two_types_has_no_layout()
        => Assert.Null(Expected(("Name", typeof(string)), ("NAME", typeof(int))).LayoutFor(Reader("name")));

    [Fact]
    public void Readers_with_the_same_columns_share_a_layout_and_others_do_not()
    {
        var columns = Expected(("Id", typeof(int)), ("Name", typeof(string)));

        var first = columns.LayoutFor(Reader("Id", "Name"));

        Assert.Same(first, columns.LayoutFor(Reader("Id", "Name")));
        Assert.Equal([typeof(string), typeof(int)], Layout(columns, "Name", "Id"));
        Assert.Equal([typeof(int), typeof(string)], Layout(columns, "Id", "Name"));
    }

    [Fact]
    public void A_type_that_cant_be_stored_is_named()
    {
        Assert.Null(NamedColumns.TryCreate([("Id", typeof(int?)), ("Link", typeof(Stream))], out var unsupported));
        Assert.Equal(typeof(Stream), unsupported);
    }

    private static NamedColumns Expected(params (string, Type)[] columns) => NamedColumns.TryCreate(columns, out _)!;

    private static FakeDataReader Reader(params string[] names)
        => new(new FakeResultSet([.. names.Select(_ => typeof(int))], [], names));

    private static IEnumerable<Type?> Layout(NamedColumns columns, params string[] names)
        => columns.LayoutFor(Reader(names))!.Columns.Select(column => column.ClrType);
}
