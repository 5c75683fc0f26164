using System.Diagnostics;
using System.Transactions;
using EfSecondLevelCache.IntegrationTests.Consistency;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.Node;

/// <summary>Readers and a writer on one node: every statement of the history's, alone and in transactions that end in every way.</summary>
internal sealed class NodeWorkload(NodeSettings settings, SecondLevelCache cache, HistoryFile history)
{
    private const int Readers = 2;

    private static readonly TimeSpan BetweenReads = TimeSpan.FromMilliseconds(2);

    private readonly DbContextOptions[] _options =
    [
        OptionsOf<BankContext>(settings.ConnectionString, cache),
        OptionsOf<ReportContext>(settings.ConnectionString, cache),
    ];

    // What does not tell its rows removes nearly everything, everywhere.
    private readonly TimeSpan _longestBetweenWrites = TimeSpan.FromMilliseconds(settings.TellsRows ? 150 : 400);

    private readonly KeyValuePair<string, Statement>[] _statements = [.. Statement.ByName.Where(s => !settings.TellsRows || s.Value.TellsRows)];
    private readonly RecentQuestions _questions = new(8);
    private readonly CancellationTokenSource _stopping = new();
    private long _value = settings.FirstValue;
    private Task _running = Task.CompletedTask;

    public void Start()
        => _running = Task.WhenAll([.. Enumerable.Range(0, Readers).Select(_ => Task.Run(ReadAsync)), Task.Run(WriteAsync)]);

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _running;
    }

    /// <summary>The first answer of the cache that is not the database's, of some; null: there is none.</summary>
    public async Task<string?> FirstDifferenceAsync()
    {
        foreach (var (name, ask, id) in HistoryQueries.Every.Where(_ => Random.Shared.Next(3) == 0))
        {
            await using var cached = Open(Random.Shared);
            await using var uncached = new BankContext(new DbContextOptionsBuilder().UseNpgsql(settings.ConnectionString).Options);
            var (answer, expected) = (await ask(cached, id), await ask(uncached, id));
            if (answer.Length != expected.Length || !answer.Zip(expected).All(pair => pair.First.HasSameAnswerAs(pair.Second)))
                return $"{name} {id}: {string.Join<Claim>("; ", answer)}; in the database: {string.Join<Claim>("; ", expected)}";
        }

        return null;
    }

    private async Task ReadAsync()
    {
        var random = new Random();
        while (!_stopping.IsCancellationRequested)
        {
            await AskAsync(random, _questions.Any(random));
            await Task.Delay(BetweenReads);
        }
    }

    private async Task WriteAsync()
    {
        var random = new Random();
        while (!_stopping.IsCancellationRequested)
        {
            await (random.Next(20) switch
            {
                < 9 => ByItselfAsync(random),
                < 13 => InTransactionAsync(random, "committed", commits: true, ends: true),
                < 15 => InTransactionAsync(random, "rolled back", commits: false, ends: true),
                < 16 => InTransactionAsync(random, "disposed of", commits: false, ends: false),
                < 19 => InScopeAsync(random, completes: true),
                _ => InScopeAsync(random, completes: false),
            });
            await Task.Delay(random.NextDouble() * _longestBetweenWrites);
        }
    }

    private Task ByItselfAsync(Random random)
    {
        var step = NextStep(random);
        return RecordAsync(random, "", [step], async db =>
        {
            await step.ExecuteAsync(db);
            return Outcome.Committed;
        });
    }

    private Task InTransactionAsync(Random random, string ending, bool commits, bool ends)
    {
        Step[] steps = [NextStep(random), NextStep(random, mayDelete: false)];
        return RecordAsync(random, $", in a transaction, {ending}", steps, async db =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            foreach (var step in steps)
                await step.ExecuteAsync(db);
            if (ends)
                await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());
            return commits ? Outcome.Committed : Outcome.RolledBack;
        });
    }

    private Task InScopeAsync(Random random, bool completes)
    {
        Step[] steps = [NextStep(random), NextStep(random, mayDelete: false)];
        return RecordAsync(random, $", in a TransactionScope, {(completes ? "completed" : "not completed")}", steps, async db =>
        {
            using var scope = new TransactionScope(
                TransactionScopeOption.Required,
                new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted },
                TransactionScopeAsyncFlowOption.Enabled);
            foreach (var step in steps)
                await step.ExecuteAsync(db);
            if (completes)
                scope.Complete();
            return completes ? Outcome.Committed : Outcome.RolledBack;
        });
    }

    /// <summary>This node has just read what is about to change, and reads it again when it has.</summary>
    private async Task RecordAsync(Random random, string ending, Step[] steps, Func<BankContext, Task<Outcome>> run)
    {
        var question = steps[0].Row switch
        {
            { Table: "groups", Id: var id } => Question.New(random, HistoryQueries.OfGroup, id),
            { Id: var id } => Question.New(random, HistoryQueries.OfAccount, id),
            null => _questions.Any(random),
        };
        await AskAsync(random, question);

        var how = string.Join(" and ", steps.Select(step => step.Name)) + ending;
        var invoked = Stopwatch.GetTimestamp();
        var number = history.Begin(Step.ToWrite(how, steps, invoked, long.MaxValue, Outcome.Unknown, settings.Node));
        var outcome = Outcome.Unknown;
        try
        {
            await using var db = Open(random);
            outcome = await run(db);
        }
        catch (Exception e) when (Step.MayFailWith(e))
        {
        }

        history.End(number, Step.ToWrite(how, steps, invoked, Stopwatch.GetTimestamp(), outcome, settings.Node));
        await AskAsync(random, question);
    }

    private async Task AskAsync(Random random, Question question)
    {
        await using var db = Open(random);
        var invoked = Stopwatch.GetTimestamp();
        try
        {
            var claims = await question.Ask(db, question.Id);
            history.Add(new Read(question.Name, invoked, Stopwatch.GetTimestamp(), claims, settings.Node));
        }
        catch (Exception e) when (Step.MayFailWith(e))
        {
            // The database is away.
            await Task.Delay(20);
        }
    }

    private Step NextStep(Random random, bool mayDelete = true)
        => Step.Draw(random, [.. _statements.Where(s => mayDelete || !s.Value.Deletes)], ++_value);

    private BankContext Open(Random random)
        => random.Next(2) == 0 ? new BankContext(_options[0]) : new ReportContext(_options[1]);

    /// <summary>Two transactions that wait for each other give up soon; and who waits for a node that stands still does.</summary>
    private static DbContextOptions OptionsOf<TContext>(string connectionString, SecondLevelCache cache)
        where TContext : DbContext
        => new DbContextOptionsBuilder<TContext>()
            .UseNpgsql(new NpgsqlConnectionStringBuilder(connectionString) { Options = "-c lock_timeout=100ms" }.ConnectionString)
            .AddSecondLevelCache(cache).Options;
}
