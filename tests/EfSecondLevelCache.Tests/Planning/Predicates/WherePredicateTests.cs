using EfSecondLevelCache.Planning.Predicates;
using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class WherePredicateTests
{
    private readonly int _id = 5;
    private readonly int? _none = null;
    private readonly int[] _ids = [1, 2, 3];

    [Fact]
    public void A_query_without_a_predicate_reads_the_whole_table()
        => AssertReads(c => c.Posts, "posts");

    [Fact]
    public void An_equality_with_a_parameter_counts()
        => AssertReads(c => c.Posts.Where(p => p.BlogId == _id), "posts[BlogId = @_id]");

    [Fact]
    public void An_equality_with_a_constant_counts_whichever_side_it_is_on()
        => AssertReads(c => c.Posts.Where(p => 5 == p.BlogId), "posts[BlogId = 5]");

    [Fact]
    public void Every_conjunct_counts()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == 5 && p.Title == "x" && p.Likes > 3).Where(p => p.Kind == _id),
            "posts[BlogId = 5 and Kind = @_id and Title = 'x']");

    [Fact]
    public void Ranges_and_inequalities_do_not_count()
        => AssertReads(c => c.Posts.Where(p => p.Likes > 3 && p.Kind != 2 && p.BlogId <= 7 && p.Title.StartsWith("x")), "posts");

    [Fact]
    public void A_list_of_constants_counts_with_each_of_them()
        => AssertReads(c => c.Posts.Where(p => new[] { 1, 2, 3 }.Contains(p.BlogId)), "posts[BlogId in (1, 2, 3)]");

    [Fact]
    public void A_list_of_constants_and_parameters_counts_with_each_of_them()
        => AssertReads(c => c.Posts.Where(p => new[] { 1, _id }.Contains(p.BlogId)), "posts[BlogId in (1, @_id)]");

    [Fact]
    public void A_list_that_a_column_stands_in_does_not_count()
        => AssertReads(c => c.Posts.Where(p => new[] { 1, p.Kind }.Contains(p.BlogId)), "posts");

    [Fact]
    public void A_list_that_EF_Core_spells_out_counts_with_each_of_its_elements()
    {
        AssertReads(c => c.Posts.Where(p => EF.Constant(_ids).Contains(p.BlogId)), "posts[BlogId in (1, 2, 3)]");
        AssertReads(c => c.Posts.Where(p => EF.MultipleParameters(_ids).Contains(p.BlogId)), "posts[BlogId in (@_ids1, @_ids2, @_ids3)]");
    }

    [Fact]
    public void Any_of_an_array_parameter_counts_with_each_of_its_elements()
        => AssertReads(c => c.Posts.Where(p => _ids.Contains(p.BlogId)), "posts[BlogId in (@_ids)]");

    [Fact]
    public void Any_of_an_array_counts_with_null_where_the_column_may_be_null()
        => AssertReads(c => c.Posts.Where(p => _ids.Contains(p.AuthorId!.Value)), "posts[AuthorId in (@_ids, null)]");

    [Fact]
    public void An_element_of_an_array_column_does_not_count()
        => AssertReads(c => c.Specimens.Where(s => s.Numbers.Contains(5) && s.Numbers.Contains(_id)), "specimens");

    [Fact]
    public void None_of_an_array_does_not_count()
        => AssertReads(c => c.Posts.Where(p => !_ids.Contains(p.BlogId)), "posts");

    [Fact]
    public void More_constants_than_are_worth_it_do_not_count()
    {
        var many = Enumerable.Range(0, ComparisonValue.MostValues).ToArray();
        var tooMany = many.Append(-1).ToArray();

        var read = Assert.Single(Of(c => c.Posts.Where(p => EF.Constant(many).Contains(p.BlogId))).Reads);
        Assert.Equal(ComparisonValue.MostValues, Assert.Single(read.Equalities).Values.Count);
        AssertReads(c => c.Posts.Where(p => EF.Constant(tooMany).Contains(p.BlogId)), "posts");
    }

    [Fact]
    public void Alternatives_of_one_column_count_with_all_their_values()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == 1 || p.BlogId == _id || (p.BlogId == 3 && p.Likes > 2)), "posts[BlogId in (1, @_id, 3)]");

    [Fact]
    public void Alternatives_count_for_the_columns_that_all_of_them_name()
        => AssertReads(
            c => c.Posts.Where(p => (p.BlogId == 1 && p.Kind == 2 && p.Likes == 3) || (p.BlogId == 4 && p.Kind == 5)),
            "posts[BlogId in (1, 4) and Kind in (2, 5)]");

    [Fact]
    public void Alternatives_of_different_columns_do_not_count()
        => AssertReads(c => c.Posts.Where(p => p.BlogId == 1 || p.Kind == 2), "posts");

    [Fact]
    public void An_alternative_that_says_nothing_of_the_column_takes_the_others_away()
        => AssertReads(c => c.Posts.Where(p => p.BlogId == 1 || p.BlogId == 2 || p.Likes > 3), "posts");

    [Fact]
    public void An_alternative_of_another_table_takes_the_others_away()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == 1 || c.Blogs.Any(b => b.Kind == 3)), "posts", "blogs[Kind = 3]");

    [Fact]
    public void A_negation_does_not_count()
        => AssertReads(c => c.Posts.Where(p => !(p.BlogId == 1 && p.Kind == 2)), "posts");

    [Fact]
    public void A_case_does_not_count()
        => AssertReads(
            c => c.Posts.Where(p => (p.Likes > 3 ? p.BlogId : p.Kind) == 5 && (p.Likes == 3 ? p.Kind == 1 : p.Kind == 2)), "posts");

    [Fact]
    public void A_coalesce_does_not_count()
        => AssertReads(c => c.Posts.Where(p => (p.AuthorId ?? 5) == 5), "posts");

    [Fact]
    public void A_bare_bool_column_is_one_that_is_true()
        => AssertReads(c => c.Posts.Where(p => p.IsDeleted), "posts[IsDeleted = true]");

    [Fact]
    public void A_negated_bool_column_is_one_that_is_false()
        => AssertReads(c => c.Posts.Where(p => !p.IsDeleted), "posts[IsDeleted = false]");

    [Fact]
    public void A_bool_column_that_may_be_null_is_true_or_else_unknown()
    {
        AssertReads(c => c.Posts.Where(p => p.IsPinned == true), "posts[IsPinned = true]");
        AssertReads(c => c.Posts.Where(p => p.IsPinned == null), "posts[IsPinned is null]");
        AssertReads(c => c.Posts.Where(p => p.IsPinned != true), "posts");
    }

    [Fact]
    public void A_comparison_with_null_is_the_value_null()
    {
        AssertReads(c => c.Posts.Where(p => p.AuthorId == null), "posts[AuthorId is null]");
        AssertReads(c => c.Posts.Where(p => p.AuthorId == _none), "posts[AuthorId is null]");
    }

    [Fact]
    public void A_value_or_null_is_both()
        => AssertReads(c => c.Posts.Where(p => p.AuthorId == _id || p.AuthorId == null), "posts[AuthorId in (@_id, null)]");

    [Fact]
    public void Not_null_does_not_count()
        => AssertReads(c => c.Posts.Where(p => p.AuthorId != null), "posts");

    [Fact]
    public void The_equality_that_EF_Core_makes_of_two_nullable_columns_does_not_carry_values()
        => AssertReads(c => c.Blogs.Where(b => b.Rating == b.OwnerId && b.Rating == 3), "blogs[Rating = 3]");

    [Fact]
    public void Columns_of_one_row_that_are_equal_share_their_values()
        => AssertReads(c => c.Posts.Where(p => p.Kind == p.BlogId && p.Kind == 3), "posts[BlogId = 3 and Kind = 3]");

    [Fact]
    public void A_cast_of_the_column_does_not_count()
        => AssertReads(c => c.Posts.Where(p => p.Id == 5L + _id && (long)p.BlogId == LongId), "posts");

    [Fact]
    public void A_function_of_the_column_does_not_count()
        => AssertReads(c => c.Posts.Where(p => p.Title.ToLower() == "x" && Math.Abs(p.Kind) == 3 && p.Likes + 1 == 3), "posts");

    [Fact]
    public void A_function_of_the_value_does_not_count()
        => AssertReads(c => c.Posts.Where(p => p.Title == _id.ToString() + p.Kind && p.Likes == p.Kind + 1), "posts");

    [Fact]
    public void Of_two_conditions_on_a_column_the_narrower_one_is_taken()
        => AssertReads(
            c => c.Posts.Where(p => _ids.Contains(p.BlogId) && new[] { 1, 2 }.Contains(p.BlogId) && p.BlogId == 2), "posts[BlogId = 2]");

    [Fact]
    public void What_stands_above_the_predicate_does_not_matter()
        => AssertReads(
            c => c.Posts.Where(p => p.BlogId == 5).GroupBy(p => p.Kind).Select(g => new { g.Key, Sum = g.Sum(p => p.Likes) }).Distinct()
                .OrderBy(g => g.Sum).Skip(1).Take(3),
            "posts[BlogId = 5]");

    private static long LongId => 7;
}
