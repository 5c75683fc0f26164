using static EfSecondLevelCache.IntegrationTests.Consistency.HistoryRows;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>A query with the number that it takes.</summary>
internal sealed record Question(string Name, Func<BankContext, long, Task<Claim[]>> Ask, long Id)
{
    public static Question New(Random random, IReadOnlyCollection<KeyValuePair<string, Func<BankContext, long, Task<Claim[]>>>> queries, long id)
    {
        var (name, ask) = queries.ElementAt(random.Next(queries.Count));
        return new Question(name, ask, id);
    }
}

/// <summary>What somebody left in the cache, others shall find while it is of interest.</summary>
internal sealed class RecentQuestions(int count)
{
    private readonly Question?[] _recent = new Question?[count];

    /// <summary>Mostly one that was asked not long ago.</summary>
    public Question Any(Random random)
    {
        ref var recent = ref _recent[random.Next(_recent.Length)];
        if (recent is { } known && random.Next(8) > 0)
            return known;
        return recent = random.Next(2) == 0
            ? Question.New(random, HistoryQueries.OfAccount, Target.Skewed(random, Accounts))
            : Question.New(random, HistoryQueries.OfGroup, Target.Skewed(random, Groups));
    }
}
