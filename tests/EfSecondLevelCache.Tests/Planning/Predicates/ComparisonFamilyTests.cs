using System.Linq.Expressions;
using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.DependencyInjection;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class ComparisonFamilyTests
{
    [Theory]
    [InlineData(nameof(Specimen.Id), ComparisonFamily.Integer)]
    [InlineData(nameof(Specimen.Short), ComparisonFamily.Integer)]
    [InlineData(nameof(Specimen.Long), ComparisonFamily.Integer)]
    [InlineData(nameof(Specimen.Byte), ComparisonFamily.Integer)]
    [InlineData(nameof(Specimen.Number), ComparisonFamily.Integer)]
    [InlineData(nameof(Specimen.Theme), ComparisonFamily.Integer)]
    [InlineData(nameof(Specimen.Code), ComparisonFamily.Uuid)]
    [InlineData(nameof(Specimen.Tag), ComparisonFamily.Uuid)]
    [InlineData(nameof(Specimen.Day), ComparisonFamily.Date)]
    [InlineData(nameof(Specimen.DayOfTime), ComparisonFamily.Date)]
    [InlineData(nameof(Specimen.Instant), ComparisonFamily.TimestampTz)]
    [InlineData(nameof(Specimen.Offset), ComparisonFamily.TimestampTz)]
    [InlineData(nameof(Specimen.Local), ComparisonFamily.Timestamp)]
    [InlineData(nameof(Specimen.Bytes), ComparisonFamily.Bytes)]
    [InlineData(nameof(Specimen.Text), ComparisonFamily.Text)]
    [InlineData(nameof(Specimen.Sized), ComparisonFamily.Text)]
    [InlineData(nameof(Specimen.ThemeName), ComparisonFamily.Text)]
    [InlineData(nameof(Specimen.YesNo), ComparisonFamily.Text)]
    [InlineData(nameof(Specimen.Mood), ComparisonFamily.Enum)]
    internal void Equality_can_be_told_from_the_values(string property, ComparisonFamily family)
        => Assert.Equal(family, MappedValue.FamilyOf(ColumnOf(property)));

    [Theory]
    [InlineData(nameof(Specimen.Amount))]
    [InlineData(nameof(Specimen.Ratio))]
    [InlineData(nameof(Specimen.Measure))]
    [InlineData(nameof(Specimen.Duration))]
    [InlineData(nameof(Specimen.Time))]
    [InlineData(nameof(Specimen.Padded))]
    [InlineData(nameof(Specimen.Letter))]
    [InlineData(nameof(Specimen.CaseInsensitive))]
    [InlineData(nameof(Specimen.Json))]
    [InlineData(nameof(Specimen.Rounded))]
    [InlineData(nameof(Specimen.Numbers))]
    public void Equality_can_not_be_told_from_the_values(string property)
        => Assert.Null(MappedValue.FamilyOf(ColumnOf(property)));

    [Fact]
    public void Columns_whose_equality_can_not_be_told_do_not_count()
        => AssertReads(
            c => c.Specimens.Where(
                s => s.Amount == 3m && s.Ratio == 3f && s.Measure == 3d && s.Duration == TimeSpan.Zero && s.Padded == "x" && s.Letter == 'x'
                    && s.CaseInsensitive == "x" && s.Json == "{}" && s.Rounded == DateTime.UnixEpoch),
            "specimens");

    [Fact]
    public void A_collation_in_the_query_does_not_count()
        => AssertReads(
            c => c.Specimens.Where(s => EF.Functions.Collate(s.Text, "x") == "x" && s.Text == EF.Functions.Collate(s.Sized, "x")),
            "specimens");

    [Fact]
    public void A_value_of_another_type_does_not_count()
    {
        var day = new DateOnly(2020, 1, 1);
        AssertReads(c => c.Specimens.Where(s => EF.Property<object>(s, nameof(Specimen.Day)) == (object)day), "specimens");
    }

    [Fact]
    public void A_constant_that_PostgreSQL_would_round_does_not_count()
    {
        AssertReads(Constant(DateTime.UnixEpoch.AddTicks(10)), "specimens[Instant = 1970-01-01T00:00:00.0000010Z]");
        AssertReads(Constant(DateTime.UnixEpoch.AddTicks(11)), "specimens");
    }

    private static Func<PredicateContext, IQueryable> Constant(DateTime instant)
    {
        var specimen = Expression.Parameter(typeof(Specimen));
        var equal = Expression.Equal(Expression.Property(specimen, nameof(Specimen.Instant)), Expression.Constant(instant));
        return c => c.Specimens.Where(Expression.Lambda<Func<Specimen, bool>>(equal, specimen));
    }

    private static IColumn ColumnOf(string property)
    {
        using var context = NewContext();
        return ColumnOf(context, property);
    }

    private static IColumn ColumnOf(PredicateContext context, string property)
        => context.Model.FindEntityType(typeof(Specimen))!.GetTableMappings().Single().Table.FindColumn(property)!;
}
