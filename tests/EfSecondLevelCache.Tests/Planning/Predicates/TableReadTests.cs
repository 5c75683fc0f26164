using EfSecondLevelCache.Planning.Predicates;
using EfSecondLevelCache.Values;
using static EfSecondLevelCache.Tests.Planning.Predicates.AnalyzedQuery;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public class TableReadTests
{
    private readonly int _id = 5;
    private readonly int[] _ids = [1, 2, 3];

    [Fact]
    public void It_tells_the_values_of_parameters()
    {
        var read = ReadOf(c => c.Posts.Where(p => p.BlogId == _id && p.Title == "it's"));

        Assert.Equal("posts[BlogId = 7 and Title = 'it''s']", read.Describe(Values(7)));
        Assert.Equal("posts[BlogId is null and Title = 'it''s']", read.Describe(Values(null)));
        Assert.Equal("posts[BlogId = @_id and Title = 'it''s']", read.Describe());
    }

    [Fact]
    public void It_tells_the_elements_of_a_list()
    {
        var read = ReadOf(c => c.Posts.Where(p => _ids.Contains(p.BlogId)));

        Assert.Equal("posts[BlogId in (1, 2, 3)]", read.Describe(Lists(new[] { 1, 2, 3, 2 })));
        Assert.Equal("posts[BlogId = 4]", read.Describe(Lists(new List<int> { 4 })));
        Assert.Equal("posts[BlogId in ()]", read.Describe(Lists(Array.Empty<int>())));
        Assert.Equal("posts[BlogId in (@_ids)]", read.Describe());
    }

    [Fact]
    public void It_tells_the_whole_table_where_the_values_are_of_no_use()
        => Assert.Equal(
            "posts", ReadOf(c => c.Posts.Where(p => _ids.Contains(p.BlogId))).Describe(Lists(Enumerable.Range(0, 100).ToArray())));

    [Fact]
    public void Each_value_has_the_hash_that_a_row_with_it_has()
    {
        var equality = EqualityOf(c => c.Posts.Where(p => p.BlogId == 1 || p.BlogId == _id || p.BlogId == 3));
        List<ulong> hashes = [];

        Assert.True(equality.TryEvaluate(Values(2), hashes));

        Assert.Equal(new[] { 1L, 2L, 3L }.Select(Hash), hashes);
    }

    [Fact]
    public void A_list_has_the_hashes_of_its_elements_as_the_database_has_them()
    {
        Mood[] moods = [Mood.VerySad, Mood.Happy];
        TagId[] tags = [new TagId(Guid.NewGuid())];
        List<Theme> themes = [Theme.Dark];
        var read = ReadOf(c => c.Specimens.Where(s => moods.Contains(s.Mood) && tags.Contains(s.Tag) && themes.Contains(s.ThemeName)));
        var values = new Dictionary<string, object?> { ["moods"] = moods, ["tags"] = tags, ["themes"] = themes };
        List<ulong> hashes = [];

        foreach (var equality in read.Equalities)
            Assert.True(equality.TryEvaluate(values, hashes));

        Assert.Equal(["Mood", "Tag", "ThemeName"], read.Equalities.Select(equality => equality.Column));
        Assert.Equal(
            [
                Hash(ComparisonFamily.Enum, "very_sad"), Hash(ComparisonFamily.Enum, "happy"), Hash(ComparisonFamily.Uuid, tags[0].Value),
                Hash(ComparisonFamily.Text, "Dark"),
            ],
            hashes);
    }

    [Fact]
    public void A_list_may_have_as_many_elements_as_are_worth_it_and_no_more()
    {
        var equality = EqualityOf(c => c.Posts.Where(p => _ids.Contains(p.BlogId)));
        List<ulong> hashes = [];

        Assert.True(equality.TryEvaluate(Lists(Enumerable.Range(0, ComparisonValue.MostValues).ToArray()), hashes));
        Assert.Equal(ComparisonValue.MostValues, hashes.Count);
        Assert.False(equality.TryEvaluate(Lists(Enumerable.Range(0, ComparisonValue.MostValues + 1).ToArray()), []));
    }

    [Fact]
    public void A_list_that_is_null_or_empty_lets_no_row_matter()
    {
        var equality = EqualityOf(c => c.Posts.Where(p => _ids.Contains(p.BlogId)));
        List<ulong> hashes = [];

        Assert.True(equality.TryEvaluate(Lists(null), hashes));
        Assert.True(equality.TryEvaluate(Lists(Array.Empty<int>()), hashes));
        Assert.Empty(hashes);
    }

    [Fact]
    public void A_null_in_a_list_has_the_hash_of_null()
    {
        int?[] ids = [1, null];
        List<ulong> hashes = [];

        var equality = EqualityOf(c => c.Posts.Where(p => ids.Contains(p.AuthorId)));
        Assert.True(equality.TryEvaluate(new Dictionary<string, object?> { ["ids"] = ids }, hashes));

        Assert.Equal([Hash(1), Hash(ComparisonFamily.Integer, null), Hash(ComparisonFamily.Integer, null)], hashes);
    }

    [Fact]
    public void Values_that_are_missing_or_of_another_type_say_nothing()
    {
        var equality = EqualityOf(c => c.Posts.Where(p => p.BlogId == _id));

        Assert.False(equality.TryEvaluate(null, []));
        Assert.False(equality.TryEvaluate(new Dictionary<string, object?>(), []));
        Assert.False(equality.TryEvaluate(new Dictionary<string, object?> { ["_id"] = "5" }, []));
    }

    [Fact]
    public void Equal_analyses_are_equal()
    {
        var read = ReadOf(c => c.Posts.Where(p => p.BlogId == _id && p.Kind == 3));

        Assert.Equal(read, PredicateAnalyzer.Analyze(Of(c => c.Posts.Where(p => p.BlogId == _id && p.Kind == 3)).Expression, out _)[0]);
    }

    private static TableRead ReadOf(Func<PredicateContext, IQueryable> query) => Assert.Single(Of(query).Reads);

    private static ColumnEquality EqualityOf(Func<PredicateContext, IQueryable> query) => Assert.Single(ReadOf(query).Equalities);

    private static Dictionary<string, object?> Values(object? id) => new() { ["_id"] = id };

    private static Dictionary<string, object?> Lists(object? ids) => new() { ["_ids"] = ids };

    private static ulong Hash(long number) => Hash(ComparisonFamily.Integer, number);

    private static ulong Hash(ComparisonFamily family, object? value)
    {
        Assert.True(ComparisonHash.TryHash(family, value, out var hash));
        return hash;
    }
}
