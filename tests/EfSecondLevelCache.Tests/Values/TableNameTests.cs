using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.Values;

public class TableNameTests
{
    [Theory]
    [InlineData("orders", null, "orders")]
    [InlineData("sales.orders", "sales", "orders")]
    [InlineData("sales.orders.2024", "sales", "orders.2024")]
    [InlineData("Sales.Order Lines", "Sales", "Order Lines")]
    [InlineData(".orders", null, ".orders")]
    [InlineData("öre", null, "öre")]
    public void A_name_is_read_as_a_user_writes_it(string text, string? schema, string name)
        => Assert.Equal(new TableName(schema, name), TableName.Parse(text));

    [Theory]
    [InlineData("orders")]
    [InlineData("sales.orders")]
    public void A_name_is_shown_as_it_is_read(string text) => Assert.Equal(text, TableName.Parse(text).ToString());
}
