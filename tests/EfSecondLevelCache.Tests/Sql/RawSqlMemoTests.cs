using EfSecondLevelCache.Sql;

namespace EfSecondLevelCache.Tests.Sql;

public class RawSqlMemoTests
{
    private int _read;

    [Fact]
    public void A_text_that_comes_again_is_not_read_again_whichever_object_it_is()
    {
        var memo = new RawSqlMemo(10, 10_000);

        var first = memo.Of("update a set b = 1", Read);

        Assert.Same(first, memo.Of(string.Concat("update a ", "set b = 1"), Read));
        Assert.NotSame(first, memo.Of("UPDATE a set b = 1", Read));
        Assert.Equal(2, _read);
        Assert.Same(RawSqlAnalysis.Of("select 1"), RawSqlAnalysis.Of(string.Concat("select", " 1")));
    }

    [Theory]
    [InlineData(10, 1 << 20, 10)]
    [InlineData(1_000, 320, 320 / 8)]
    public void Texts_that_never_come_again_do_not_pile_up(int mostTexts, int mostCharacters, int most)
    {
        var memo = new RawSqlMemo(mostTexts, mostCharacters);
        for (var i = 0; i < 500; i++)
        {
            memo.Of($"select {i}", Read);
            Assert.InRange(memo.Texts, 0, most);
        }

        Assert.Equal(500, _read);
        var again = memo.Of("select 1", Read);
        Assert.Same(again, memo.Of("select 1", Read));
    }

    [Fact]
    public void A_long_text_does_not_push_the_others_out()
    {
        var memo = new RawSqlMemo(10, 1_600);
        var kept = memo.Of("select 1", Read);

        var insert = $"insert into a values ('{new string('x', 100)}')";
        Assert.NotSame(memo.Of(insert, Read), memo.Of(insert, Read));

        Assert.Same(kept, memo.Of("select 1", Read));
        Assert.Equal(1, memo.Texts);
    }

    [Fact]
    public async Task Many_threads_at_once_stay_within_the_bounds()
    {
        var memo = new RawSqlMemo(10, 10_000);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 5_000; i++)
            {
                Assert.Equal([new(null, $"t{i % 50}")], memo.Of($"delete from t{i % 50}", Read).WrittenTables);
                Assert.InRange(memo.Texts, 0, 10);
            }
        })));
    }

    private RawSqlAnalysis Read(string sql)
    {
        Interlocked.Increment(ref _read);
        return RawSqlReader.TryRead(sql)!;
    }
}
