namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>Where a fact was taken from the wrong place, by which an answer of the cache is not the one of the database.</summary>
public enum WeaknessKind
{
    /// <summary>The key is less than what decides the answer.</summary>
    Key = 1,

    /// <summary>The session is guessed.</summary>
    Session,

    /// <summary>The transaction is guessed.</summary>
    Transaction,

    /// <summary>A read is trusted not to write.</summary>
    HiddenWrite,

    /// <summary>A fact of the catalog is read once and believed later.</summary>
    Catalog,

    /// <summary>Names stand for identities.</summary>
    Name,

    /// <summary>A constraint is taken for a proof.</summary>
    Constraint,

    /// <summary>Somebody does not see the writes, and does not say so.</summary>
    Observer,

    /// <summary>Values are taken as the model has them, not as PostgreSQL keeps them.</summary>
    Value,
}

/// <summary>Who tells the cache of other people's writes.</summary>
internal enum Watch
{
    Nobody,
    Notifications,
    Replication,
}

/// <summary>
/// A program that is run twice, each time on a database of its own: without the cache, and with it. Nothing of what it reads, and none of its
/// failures, may differ.
/// </summary>
/// <param name="SetUp">SQL; <c>{role}</c> stands for a role that is made for it.</param>
internal sealed record Attack(WeaknessKind Kind, string Name, string SetUp, Func<Stage, Task> Steps, Watch Watch)
{
    /// <summary>The first answer that is another one with the cache; null: there is none.</summary>
    public async Task<AttackReport> RunAsync(Support.PostgresServer server)
    {
        var expected = await Stage.PlayAsync(server, this, withCache: false);
        if (expected.Fault is { } fault)
            throw new InvalidOperationException($"The attack \"{Name}\" is broken, it fails without the cache.", fault);
        if (expected.Answers.Find(answer => answer.Failure is not null) is { Failure: { } failure, Step: var step })
            throw new InvalidOperationException($"The attack \"{Name}\" is broken, without the cache this fails: {step}", failure);

        var actual = await Stage.PlayAsync(server, this, withCache: true);
        return new AttackReport(DifferenceOf(expected, actual), actual.Statistics);
    }

    private static string? DifferenceOf(Play expected, Play actual)
    {
        foreach (var (i, (database, cache)) in expected.Answers.Zip(actual.Answers).Index())
        {
            if (database.Text != cache.Text)
            {
                return $"""
                    Answer {i + 1} of {expected.Answers.Count}: {database.Step}
                    EXPECTED
                    {database.Text}
                    ACTUAL
                    {cache.Text}{cache.Failure}
                    """;
            }
        }

        return actual.Fault is null ? null : $"With the cache only, this fails: {actual.Fault}";
    }
}

/// <param name="Difference">In words; null: it was answered as without the cache.</param>
/// <param name="Statistics">Of its caches: an attack for which nothing is ever kept shows little.</param>
internal sealed record AttackReport(string? Difference, IReadOnlyList<CacheStatistics> Statistics);

/// <summary>What one run has seen.</summary>
/// <param name="Fault">Of a step that is no question; null: there was none.</param>
internal sealed record Play(List<AttackAnswer> Answers, Exception? Fault, IReadOnlyList<CacheStatistics> Statistics);

/// <param name="Failure">Null where it is an answer, or was expected to fail.</param>
internal sealed record AttackAnswer(string Step, string Text, Exception? Failure);
