using EfSecondLevelCache.Planning;
using EfSecondLevelCache.Tests.Support;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.Planning;

public class PolicyTagTests
{
    private const string Select = "SELECT p.\"Id\"\nFROM \"Products\" AS p";

    /// <summary>What could end a comment, a line, a literal or a word of ours, or look like something of ours.</summary>
    public static TheoryData<string> HostileNames =>
    [
        "a\nb", "a\rb", "a\r\nb", "\n", "\n\nDROP TABLE x; --", "*/ DROP TABLE x; /*", "--", "-- a", "'", "\"", "\\", "\\n", "$$", "a;b",
        "\u2028", "\u2029", "\u0085", "\0", "\t", "\u001f", "\ufeff", "日本語", "😀", "\ud800", "\udc00a\ud800", "ﬀ", "İ",
        "EfSecondLevelCache:", "-- EfSecondLevelCache: never",
        "\n-- EfSecondLevelCache: never\n", " never", "a never", "a tag=b", "=", "a=b",
        "%", "%0", "%0041", "%zzzz", "{0}", "%s", new string('x', 10_000),
    ];

    [Fact]
    public void Every_setting_survives_the_way_through_the_text()
    {
        QueryCachePolicy[] policies =
        [
            QueryCachePolicy.Default,
            QueryCachePolicy.None,
            new() { TimeToLive = TimeSpan.FromMilliseconds(1) },
            new() { TimeToLive = TimeSpan.FromDays(365) },
            new() { TimeToLive = TimeSpan.FromTicks(12_345_678_901) },
            new() { Sliding = TimeSpan.FromSeconds(90) },
            new() { MaxCachedRows = 0 },
            new() { MaxCachedRows = int.MaxValue },
            new() { Tags = ["menu"] },
            new() { Tags = ["a", "b", "a"] },
            new() { DependsOn = ["sales.orders", "orders"] },
            new()
            {
                TimeToLive = TimeSpan.FromMinutes(5), Sliding = TimeSpan.FromMinutes(1), MaxCachedRows = 7, Tags = ["x"], DependsOn = ["y"],
            },
        ];

        Assert.All(policies, policy =>
        {
            Assert.Equal(policy, Removed(PolicyTag.Of(policy)).Policy);
            Assert.Equal(policy, PolicyTag.Parse(PolicyTag.Of(policy)).Policy);
        });
        Assert.Distinct(policies.Select(policy => PolicyTag.Of(policy)));
    }

    [Fact]
    public void The_parameter_to_vary_by_survives_it_too()
    {
        var policy = new QueryCachePolicy { Tags = ["menu"] };

        Assert.Equal(new TaggedPolicy(policy, "p_0"), Removed(PolicyTag.Of(policy, "p_0")));
        Assert.Null(Removed(PolicyTag.Of(policy)).VaryByParameter);
        Assert.Equal(new TaggedPolicy(policy, "p_0", "t_1"), Removed(PolicyTag.Of(policy, "p_0", "t_1")));
        Assert.Equal(new TaggedPolicy(policy, null, "t_1"), Removed(PolicyTag.Of(policy, null, "t_1")));
    }

    [Fact]
    public void Any_policy_survives_it()
        => Prop.ForAll<int, string[], string[]>((number, tags, tables) =>
            {
                var policy = new QueryCachePolicy
                {
                    TimeToLive = number % 3 == 0 ? null : TimeSpan.FromTicks(number),
                    MaxCachedRows = number % 2 == 0 ? null : number,
                    Tags = [.. tags.OfType<string>()],
                    DependsOn = [.. tables.OfType<string>()],
                };
                return policy.Equals(Removed(PolicyTag.Of(policy)).Policy);
            })
            .Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Theory]
    [MemberData(nameof(HostileNames))]
    public void No_name_breaks_out_of_the_comment(string name)
    {
        var policy = new QueryCachePolicy { Tags = [name, "menu"], DependsOn = [name] };
        var tag = PolicyTag.Of(policy);

        Assert.DoesNotContain(tag, character => character < ' ' || character > '~');
        Assert.Equal(Select, PolicyTag.Remove(Commented(tag) + "\n" + Select, out var found));
        Assert.Equal(policy, found!.Policy);
    }

    [Fact]
    public void Without_a_tag_of_ours_the_text_is_left_as_it_is()
    {
        string[] texts = [Select, "", "\n", "-- a\n\n" + Select, "-- a", "--", "-- EfSecondLevelCache\n\n" + Select, "\n\n" + Select];

        Assert.All(texts, text =>
        {
            Assert.Same(text, PolicyTag.Remove(text, out var policy));
            Assert.Null(policy);
        });
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void Our_tag_alone_goes_with_the_empty_line_after_it(string newLine)
    {
        var sql = Select.Replace("\n", newLine, StringComparison.Ordinal);

        Assert.Equal(sql, PolicyTag.Remove(Commented(PolicyTag.Of(QueryCachePolicy.Default), newLine) + newLine + sql, out _));
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    public void What_the_user_tagged_stays_in_its_place_and_order(string newLine)
    {
        var ours = Commented(PolicyTag.Of(QueryCachePolicy.Default), newLine);
        var users = $"-- first{newLine}-- {newLine}-- second line{newLine}";

        foreach (var header in new[] { ours + users, users + ours, $"-- first{newLine}{ours}-- {newLine}{ours}-- second line{newLine}" })
            Assert.Equal(users + newLine + Select, PolicyTag.Remove(header + newLine + Select, out _));
    }

    [Theory]
    [InlineData("\n\n\nSELECT 1")]
    [InlineData("\r\nSELECT 1")]
    [InlineData("-- a comment of the SQL\nSELECT 1")]
    [InlineData("\n-- EfSecondLevelCache: never\nSELECT 1")]
    [InlineData("  SELECT 1\n")]
    public void Raw_SQL_begins_as_its_author_wrote_it(string sql)
    {
        var text = Commented(PolicyTag.Of(QueryCachePolicy.Default)) + "\n" + sql;

        Assert.Equal(sql, PolicyTag.Remove(text, out var policy));
        Assert.False(policy!.Policy.NotCacheable);
    }

    [Theory]
    [InlineData("SELECT '\n-- EfSecondLevelCache: never\n'")]
    [InlineData("SELECT 1\n-- EfSecondLevelCache: never\n")]
    [InlineData("SELECT 1 -- EfSecondLevelCache:")]
    [InlineData("\n-- EfSecondLevelCache:\nSELECT 1")]
    public void Our_mark_further_down_is_the_querys_own(string sql)
    {
        Assert.Same(sql, PolicyTag.Remove(sql, out var none));
        Assert.Null(none);

        var tagged = "-- a\n" + Commented(PolicyTag.Of(QueryCachePolicy.Default)) + "\n" + sql;
        Assert.Equal("-- a\n\n" + sql, PolicyTag.Remove(tagged, out var policy));
        Assert.Equal(QueryCachePolicy.Default, policy!.Policy);
    }

    [Fact]
    public void Of_several_policies_the_last_one_counts()
    {
        var first = new QueryCachePolicy { TimeToLive = TimeSpan.FromMinutes(1), Tags = ["a"] };
        var last = new QueryCachePolicy { TimeToLive = TimeSpan.FromMinutes(2) };

        Assert.Equal(last, Removed(PolicyTag.Of(first), "user", PolicyTag.Of(last)).Policy);
        Assert.Equal(first, Removed(PolicyTag.Of(last), PolicyTag.Of(first)).Policy);
    }

    [Fact]
    public void Equal_marks_are_told_apart_by_their_order_which_says_nothing_else()
    {
        var policy = new QueryCachePolicy { Tags = ["menu"] };

        Assert.Distinct([PolicyTag.Of(policy), PolicyTag.Of(policy, order: 1), PolicyTag.Of(policy, order: 2)]);
        Assert.Equal(new TaggedPolicy(policy, null), Removed(PolicyTag.Of(policy, order: 2)));
    }

    [Fact]
    public void NotCacheable_wins_wherever_it_stands()
    {
        var no = PolicyTag.Of(QueryCachePolicy.None);
        var yes = PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromMinutes(1) });

        Assert.True(Removed(no, yes).Policy.NotCacheable);
        Assert.True(Removed(yes, no).Policy.NotCacheable);
        Assert.True(Removed(yes, no, yes, "user", yes).Policy.NotCacheable);
        Assert.False(Removed(yes, yes).Policy.NotCacheable);
    }

    /// <summary>A user's tag is a comment: whatever it says, it must not fail the query, and it stays in its place.</summary>
    [Theory]
    [InlineData("EfSecondLevelCache: is what we use")]
    [InlineData("EfSecondLevelCache: ttl")]
    [InlineData("EfSecondLevelCache: ttl=")]
    [InlineData("EfSecondLevelCache: ttl=soon")]
    [InlineData("EfSecondLevelCache: ttl=99999999999999999999999")]
    [InlineData("EfSecondLevelCache: sliding=1.5")]
    [InlineData("EfSecondLevelCache: rows=many")]
    [InlineData("EfSecondLevelCache: rows=99999999999")]
    [InlineData("EfSecondLevelCache: never=1")]
    [InlineData("EfSecondLevelCache: never ever")]
    [InlineData("EfSecondLevelCache: tag=%")]
    [InlineData("EfSecondLevelCache: tag=%004")]
    [InlineData("EfSecondLevelCache: tag=%zzzz")]
    [InlineData("EfSecondLevelCache: Ttl=1")]
    [InlineData("EfSecondLevelCache: =")]
    public void A_users_tag_that_only_looks_like_ours_is_left_alone(string tag)
    {
        var text = $"-- {tag}\n\n{Select}";
        Assert.Equal(text, PolicyTag.Remove(text, out var none));
        Assert.Null(none);

        var both = Commented(PolicyTag.Of(QueryCachePolicy.Default)) + text;
        Assert.Equal(text, PolicyTag.Remove(both, out var policy));
        Assert.Equal(QueryCachePolicy.Default, policy!.Policy);
    }

    [Theory]
    [InlineData("EfSecondLevelCache")]
    [InlineData("EfSecondLevelCache is fast")]
    [InlineData("efsecondlevelcache:")]
    [InlineData(" EfSecondLevelCache:")]
    [InlineData("the EfSecondLevelCache:")]
    public void A_users_tag_that_begins_otherwise_is_a_users_tag(string tag)
    {
        var text = $"-- {tag}\n\n{Select}";

        Assert.Equal(text, PolicyTag.Remove(text, out var none));
        Assert.Null(none);
    }

    [Fact]
    public void A_text_that_ends_inside_its_header_is_left_alone()
    {
        var text = "-- " + PolicyTag.Of(QueryCachePolicy.Default);

        Assert.Equal(text, PolicyTag.Remove(text, out var none));
        Assert.Null(none);
    }

    [Fact]
    public void Computed_policies_without_number_are_forgotten_and_written_again()
    {
        var tag = PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromSeconds(3) });

        for (var i = 1; i < 3_000; i++)
            PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromTicks(i) });

        Assert.Equal(tag, PolicyTag.Of(new QueryCachePolicy { TimeToLive = TimeSpan.FromSeconds(3) }));
    }

    // The same through EF Core, which writes the tags into the text.

    [Fact]
    public void PostgreSQL_sees_the_text_that_it_would_see_without_us()
    {
        using var with = new ShopContext();
        using var without = ShopContext.WithoutCache();

        Assert.Equal(TextOf(without.Products), TextOf(with.Products.Cacheable()));
        Assert.Equal(TextOf(without.Products), TextOf(with.Products.Cacheable(q => q.Tag("a\nb").DependsOn("-- c"))));
        Assert.Equal(TextOf(without.Products), TextOf(with.Products.NotCacheable()));
        Assert.Equal(TextOf(without.Products), TextOf(with.Products.Cacheable(q => q.VaryBy("x"))));
        Assert.Equal(
            TextOf(without.Products.TagWith("first").Where(p => p.Id > 1).TagWith("two\n\nlines")),
            TextOf(with.Products.Cacheable().TagWith("first").Where(p => p.Id > 1).Cacheable().TagWith("two\n\nlines").NotCacheable()));
    }

    [Theory]
    [InlineData("SELECT 1 AS \"Id\", 'a' AS \"Name\"")]
    [InlineData("\n\n  SELECT 1 AS \"Id\", 'a' AS \"Name\"")]
    [InlineData("-- note\nSELECT 1 AS \"Id\", 'a' AS \"Name\"")]
    [InlineData("SELECT 1 AS \"Id\", '\n-- EfSecondLevelCache: never\n' AS \"Name\"")]
    public void PostgreSQL_sees_raw_SQL_as_it_was_written(string sql)
    {
        using var with = new ShopContext();
        using var without = ShopContext.WithoutCache();

        Assert.Equal(TextOf(without.Products.FromSqlRaw(sql)), TextOf(with.Products.FromSqlRaw(sql).Cacheable()));
        Assert.Equal(
            TextOf(without.Products.FromSqlRaw(sql).Where(p => p.Id > 1)),
            TextOf(with.Products.FromSqlRaw(sql).Where(p => p.Id > 1).Cacheable()));
    }

    [Fact]
    public void A_users_tag_that_looks_like_ours_does_not_fail_the_query()
    {
        using var context = new ShopContext();

        var text = TextOf(context.Products.TagWith("EfSecondLevelCache: is what we use"));

        Assert.StartsWith("-- EfSecondLevelCache: is what we use", text, StringComparison.Ordinal);
    }

    private static string TextOf<T>(IQueryable<T> query)
    {
        using var command = query.CreateDbCommand();
        return command.CommandText;
    }

    /// <summary>As EF Core writes a tag.</summary>
    private static string Commented(string tag, string newLine = "\n") => $"-- {tag}{newLine}";

    private static TaggedPolicy Removed(params string[] tags)
    {
        PolicyTag.Remove(string.Concat(tags.Select(tag => Commented(tag))) + "\n" + Select, out var policy);
        return policy!;
    }
}
