using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class MappingTests
{
    private readonly int _id = 5;

    [Fact]
    public void A_type_of_a_shared_table_is_a_value_of_its_discriminator()
    {
        AssertReads(c => c.Animals.Where(a => a.Id == _id), "animals[Id = @_id]");
        AssertReads(c => c.Animals.OfType<Cat>(), "animals[Discriminator = 'Cat']");
        AssertReads(c => c.Animals.Where(a => a is Cat || a is Dog), "animals[Discriminator in ('Cat', 'Dog')]");
        AssertReads(c => c.Animals.Where(a => !(a is Cat)), "animals");
    }

    [Fact]
    public void A_table_per_type_carries_the_key_to_all_of_them()
        => AssertReads(c => c.Vehicles.Where(v => v.Id == _id), "vehicles[Id = @_id]", "cars[Id = @_id]", "trucks[Id = @_id]");

    [Fact]
    public void A_table_per_type_is_known_by_the_keys_of_its_base_table()
        => AssertReads(c => c.Vehicles.Where(v => v.OwnerId == _id), "vehicles[OwnerId = @_id]", "cars[Id in the result]", "trucks[Id in the result]");

    [Fact]
    public void A_derived_type_in_a_table_of_its_own_is_joined_as_if_by_an_inner_join()
        => AssertReads(
            c => c.Vehicles.OfType<Car>().Where(v => v.Seats == 3 && v.OwnerId == 7), "vehicles[OwnerId = 7]", "cars[Seats = 3]");

    [Fact]
    public void A_table_per_concrete_type_is_a_union_that_predicates_pass()
    {
        AssertReads(c => c.Payments.Where(p => p.OwnerId == _id), "card_payments[OwnerId = @_id]", "cash_payments[OwnerId = @_id]");
        AssertReads(c => c.Payments.OfType<CardPayment>().Where(p => p.Id == _id), "card_payments[Id = @_id]");
    }

    [Fact]
    public void An_entity_in_two_tables_has_its_key_in_both()
        => AssertReads(c => c.Books.Where(b => b.Id == _id), "books[Id = @_id]", "book_summaries[Id = @_id]");

    [Fact]
    public void A_composite_key_counts_with_all_its_columns()
        => AssertReads(
            c => c.OrderLines.Where(l => l.TenantId == 1 && l.OrderId == _id && l.Number == 3),
            "order_lines[Number = 3 and OrderId = @_id and TenantId = 1]");

    [Fact]
    public void A_composite_key_carries_over_an_include()
        => AssertReads(
            c => c.Orders.Include(o => o.Lines).Where(o => o.TenantId == 1 && o.Id == _id).Take(1),
            "orders[Id = @_id and TenantId = 1]",
            "order_lines[OrderId = @_id and TenantId = 1]");

    [Fact]
    public void A_property_in_a_JSON_column_does_not_count()
        => AssertReads(c => c.Authors.Where(a => a.Contact.Email == "x" && a.Id == 3), "authors[Id = 3]");

    [Fact]
    public void A_view_is_read_as_a_whole()
        => AssertReads(c => c.BlogStatistics.Where(s => s.BlogId == _id), "blog_statistics");

    [Fact]
    public void Raw_SQL_is_left_out_and_what_stands_beside_it_is_not()
        => AssertReads(
            c => c.Blogs.FromSql($"SELECT * FROM blogs").Include(b => b.Posts.Where(p => p.Kind == 3)).Where(b => b.Id == _id),
            "posts[Kind = 3]");

    [Fact]
    public void A_converted_value_counts()
    {
        var tag = new TagId(Guid.NewGuid());
        AssertReads(c => c.Tags.Where(t => t.Id == tag), "tags[Id = @tag]");
        AssertReads(
            c => c.Specimens.Where(s => s.Theme == Theme.Dark && s.ThemeName == Theme.Dark && s.YesNo),
            "specimens[Theme = 1 and ThemeName = 'Dark' and YesNo = 'yes']");
    }

    [Fact]
    public void A_PostgreSQL_enum_counts_by_its_label()
        => AssertReads(c => c.Specimens.Where(s => s.Mood == Mood.VerySad), "specimens[Mood = 'very_sad']");
}
