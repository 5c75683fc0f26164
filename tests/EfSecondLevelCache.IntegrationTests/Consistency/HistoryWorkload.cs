using System.Collections.Concurrent;
using System.Diagnostics;
using System.Transactions;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;
using static EfSecondLevelCache.IntegrationTests.Consistency.HistoryRows;
using IsolationLevel = System.Data.IsolationLevel;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// Readers and writers on one small database and one cache: every <see cref="Statement"/> with every ending that a write can have. Some answers
/// of the server are held back for a moment, so that commits fall between the execution of a query and its return, and the other way round.
/// </summary>
internal sealed class HistoryWorkload : IAsyncDisposable
{
    private const int Readers = 8;
    private const int Writers = 6;

    /// <summary>A slow machine takes longer to do as much.</summary>
    private const int LeastWrites = 400;

    private const int ReadsForEachWrite = 25;
    private const int MostReadsInSecond = 10_000;

    /// <summary>Queries whose first claim is of the row that they ask for.</summary>
    private static readonly Dictionary<string, Func<BankContext, long, Task<Claim[]>>> OfOneAccount =
        HistoryQueries.OfAccount.Where(query => query.Key is "account" or "account with its group").ToDictionary();

    private readonly HistoryDatabase _database;
    private readonly SecondLevelCache _cache;
    private readonly History _history;
    private readonly bool _tellsRows;
    private readonly WireTap _tap;
    private readonly WireTap _lossyTap;
    private readonly Func<BankContext>[] _contexts;
    private readonly Func<BankContext>[] _contextsWithoutRetries;
    private readonly DbContextOptions _lossy;
    private readonly (Func<Random, Task> Run, int Weight)[] _endings;
    private readonly RecentQuestions _questions = new(16);
    private long _start;
    private int _reads;
    private volatile bool _stopped;

    /// <param name="database">The database.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="history">Takes what happens.</param>
    /// <param name="tellsRows">
    /// Only writes that tell which rows they change: results then live long enough to show a row that a write forgot.
    /// </param>
    public HistoryWorkload(HistoryDatabase database, SecondLevelCache cache, History history, bool tellsRows)
    {
        (_database, _cache, _history, _tellsRows) = (database, cache, history, tellsRows);
        // Two transactions that wait for each other give up soon.
        const string Options = "-c lock_timeout=100ms";
        _tap = new WireTap(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Options = Options }.ConnectionString);
        // A client that gives up soon, and does not wait for what the server says to that.
        _lossyTap = new WireTap(new NpgsqlConnectionStringBuilder(database.ConnectionString)
        {
            Options = Options,
            Pooling = false,
            CommandTimeout = 1,
            CancellationTimeout = -1,
        }.ConnectionString);

        var pool = new PooledDbContextFactory<BankContext>(OptionsOf<BankContext>(_tap));
        var report = OptionsOf<ReportContext>(_tap);
        var retrying = OptionsOf<BankContext>(_tap, npgsql => npgsql.EnableRetryOnFailure(3, TimeSpan.FromMilliseconds(5), null));
        _contextsWithoutRetries = [pool.CreateDbContext, () => new ReportContext(report)];
        _contexts = [.. _contextsWithoutRetries, () => new BankContext(retrying)];
        _lossy = OptionsOf<BankContext>(_lossyTap);
        (Func<Random, Task> Run, int Weight)[] ofRows =
        [
            (ByItselfAsync, 20),
            (random => InTransactionAsync("committed", random, transaction => transaction.CommitAsync()), 4),
            (random => InTransactionAsync("rolled back", random, transaction => transaction.RollbackAsync(), Outcome.RolledBack), 2),
            (random => InTransactionAsync("disposed of", random, _ => Task.CompletedTask, Outcome.RolledBack), 1),
            (BackToSavepointAsync, 3),
            (random => InScopeAsync(random, completes: true), 3),
            (random => InScopeAsync(random, completes: false), 1),
        ];
        _endings = tellsRows ? ofRows :
        [
            .. ofRows,
            (CancelledAsync, 5),
            // While these are under way, their tables are neither served nor filled.
            (random => InSqlTransactionAsync(random, "COMMIT", Outcome.Committed), 1),
            (random => InSqlTransactionAsync(random, "ROLLBACK", Outcome.RolledBack), 1),
            (InTransactionOfTheApplicationAsync, 1),
            (PastEntityFrameworkAsync, 1),
        ];
    }

    /// <summary>How often each write ended in each way.</summary>
    public ConcurrentDictionary<(string How, Outcome Outcome), int> Counts { get; } = new();

    public BankContext Open() => _contexts[0]();

    public async Task RunAsync(int seed, TimeSpan duration)
    {
        // Some calls block their thread, and the tap needs threads for the answers that they wait for.
        ThreadPool.GetMinThreads(out _, out var completionPortThreads);
        ThreadPool.SetMinThreads(4 * (Readers + Writers), completionPortThreads);
        _start = Stopwatch.GetTimestamp();
        var end = _start + (long)(duration.TotalSeconds * Stopwatch.Frequency);
        var tasks = new List<Task>();
        for (var i = 0; i < Readers; i++)
            Start(ReadAsync);
        for (var i = 0; i < Writers; i++)
            Start(WriteAsync);
        if (!_tellsRows)
            Start(LoseAnswersAsync);
        Start(HoldAnswersAsync);
        Start(HoldAnswersAsync);

        await Task.WhenAll(tasks);

        void Start(Func<Random, Task> loop)
        {
            var random = new Random(unchecked((seed * 31) + tasks.Count));
            tasks.Add(Task.Run(async () =>
            {
                try
                {
                    while (!_stopped && (Stopwatch.GetTimestamp() < end || _history.Writes.Count < LeastWrites))
                        await loop(random);
                }
                finally
                {
                    // So do the others, also where this one failed.
                    _stopped = true;
                }
            }));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _tap.DisposeAsync();
        await _lossyTap.DisposeAsync();
    }

    private async Task ReadAsync(Random random)
    {
        if (random.Next(60) == 0)
            await ReadTwiceInSnapshotAsync(random, _questions.Any(random));
        else
            await ReadAsync(Any(_contexts, random), _questions.Any(random));

        // Hits take no time: not more of them than can be checked.
        while (_reads > MostReadsInSecond * Stopwatch.GetElapsedTime(_start).TotalSeconds)
            await Task.Delay(1);
    }

    private async Task ReadAsync(Func<BankContext> open, Question question)
    {
        await using var db = open();
        var invoked = Stopwatch.GetTimestamp();
        var claims = await question.Ask(db, question.Id);
        Add(new Read(question.Name, invoked, Stopwatch.GetTimestamp(), claims));
    }

    /// <summary>In a snapshot all answers are of one moment, that of the first. Nothing of it may be kept for others.</summary>
    private async Task ReadTwiceInSnapshotAsync(Random random, Question question)
    {
        await using var db = Any(_contextsWithoutRetries, random)();
        var invoked = Stopwatch.GetTimestamp();
        await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead);
        var first = await question.Ask(db, question.Id);
        await Task.Delay(random.Next(5));
        db.ChangeTracker.Clear();
        var second = await question.Ask(db, question.Id);
        var returned = Stopwatch.GetTimestamp();
        Add(new Read($"{question.Name}, in a snapshot", invoked, returned, first));
        if (!first.Zip(second).All(pair => pair.First.HasSameAnswerAs(pair.Second)))
            _history.Contradictions.Enqueue((returned, $"{question.Name} in one snapshot: first {Text(first)}, then {Text(second)}"));
    }

    private async Task WriteAsync(Random random)
    {
        for (var burst = random.Next(1, 4); burst > 0; burst--)
        {
            var drawn = random.Next(_endings.Sum(ending => ending.Weight));
            await _endings.First(ending => (drawn -= ending.Weight) < 0).Run(random);
        }

        // However fast the machine is, there is something to hit in between.
        while (!_stopped && _reads < ReadsForEachWrite * _history.Writes.Count)
            await Task.Delay(random.Next(1, 10));
    }

    private async Task ByItselfAsync(Random random)
    {
        await using var db = Any(_contexts, random)();
        var step = NextStep(random);
        await RecordAsync(random, "", [step], async () =>
        {
            await step.ExecuteAsync(db);
            return Outcome.Committed;
        });
    }

    private async Task CancelledAsync(Random random)
    {
        await using var db = Any(_contexts, random)();
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.Next(1, 6)));
        var step = NextStep(random);
        await RecordAsync(random, ", maybe cancelled", [step], async () =>
        {
            await step.ExecuteAsync(db, cancellation.Token);
            return Outcome.Committed;
        });
    }

    private async Task InTransactionAsync(
        string name, Random random, Func<IDbContextTransaction, Task> end, Outcome outcome = Outcome.Committed)
    {
        await using var db = Any(_contextsWithoutRetries, random)();
        Step[] steps = [NextStep(random), NextStep(random, mayDelete: false)];
        await RecordAsync(random, $", in a transaction, {name}", steps, async () =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await ExecuteInsideAsync(db, steps);
            await end(transaction);
            return outcome;
        });
    }

    private async Task BackToSavepointAsync(Random random)
    {
        await using var db = Any(_contextsWithoutRetries, random)();
        var (kept, undone) = (NextStep(random), NextStep(random));
        var invoked = Stopwatch.GetTimestamp();
        await RecordAsync(random, ", in a transaction, before a savepoint", [kept], async () =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync();
            await ExecuteInsideAsync(db, kept);
            await transaction.CreateSavepointAsync("here");
            await ExecuteInsideAsync(db, undone);
            await transaction.RollbackToSavepointAsync("here");
            await transaction.CommitAsync();
            return Outcome.Committed;
        });
        Add(", in a transaction, undone by a savepoint", [undone], invoked, Outcome.RolledBack);
    }

    private async Task InScopeAsync(Random random, bool completes)
    {
        await using var db = Any(_contextsWithoutRetries, random)();
        Step[] steps = [NextStep(random), NextStep(random, mayDelete: false)];
        await RecordAsync(random, $", in a TransactionScope, {(completes ? "completed" : "not completed")}", steps, async () =>
        {
            using var scope = new TransactionScope(
                TransactionScopeOption.Required,
                new TransactionOptions { IsolationLevel = System.Transactions.IsolationLevel.ReadCommitted },
                TransactionScopeAsyncFlowOption.Enabled);
            await ExecuteInsideAsync(db, steps);
            if (completes)
                scope.Complete();
            return completes ? Outcome.Committed : Outcome.RolledBack;
        });
    }

    private async Task InSqlTransactionAsync(Random random, string end, Outcome outcome)
    {
        await using var db = Any(_contextsWithoutRetries, random)();
        Step[] steps = [NextStep(random), NextStep(random, mayDelete: false)];
        await db.Database.OpenConnectionAsync();
        // SaveChanges would begin one of its own.
        db.Database.AutoTransactionBehavior = AutoTransactionBehavior.Never;
        await RecordAsync(random, $", between BEGIN and {end}", steps, async () =>
        {
            await db.Database.ExecuteSqlRawAsync("BEGIN");
            await ExecuteInsideAsync(db, steps);
            await db.Database.ExecuteSqlRawAsync(end);
            return outcome;
        });
        await db.Database.CloseConnectionAsync();
    }

    /// <summary>EF Core does not see how this transaction ends.</summary>
    private async Task InTransactionOfTheApplicationAsync(Random random)
    {
        await using var connection = new NpgsqlConnection(_tap.ConnectionString);
        await connection.OpenAsync();
        await using var db = new BankContext(
            new DbContextOptionsBuilder<BankContext>().UseNpgsql(connection).AddSecondLevelCache(_cache).Options);
        var commits = random.Next(3) > 0;
        var step = NextStep(random);
        await RecordAsync(random, $", in a transaction of the application, {(commits ? "committed" : "rolled back")}", [step], async () =>
        {
            await using var transaction = await connection.BeginTransactionAsync();
            await db.Database.UseTransactionAsync(transaction);
            await ExecuteInsideAsync(db, step);
            await (commits ? transaction.CommitAsync() : transaction.RollbackAsync());
            return commits ? Outcome.Committed : Outcome.RolledBack;
        });
    }

    private async Task PastEntityFrameworkAsync(Random random)
    {
        var target = new Target(random, _history.NextValue());
        var update = new Statement(async (_, _, _) =>
        {
            await _database.ExecuteAsync($"UPDATE accounts SET value = {target.Value} WHERE id = {target.Lasting}");
            await _cache.InvalidateTableAsync("accounts");
            return 1;
        });
        await using var db = Open();
        var step = new Step("UPDATE past EF Core", update, target);
        await RecordAsync(random, ", then InvalidateTableAsync", [step], async () =>
        {
            await step.ExecuteAsync(db);
            return Outcome.Committed;
        });
    }

    /// <summary>
    /// The database has committed, the client never hears of it: the connection breaks, or its time is up. The caller gets an exception; from
    /// then on the change has to be seen all the same.
    /// </summary>
    private async Task LoseAnswersAsync(Random random)
    {
        await using var db = new BankContext(_lossy);
        var step = NextStep(random, statement => statement is { IsOneUpdate: true, Row: not null });
        if (step.Target.Account > LastingAccounts)
            return;
        var inTransaction = random.Next(2) == 0;
        var timesOut = random.Next(20) == 0;
        await RecordAsync(random, $"{(inTransaction ? ", in a transaction" : "")}, {(timesOut ? "timed out" : "answer lost")}", [step], async () =>
        {
            await using var transaction = inTransaction ? await db.Database.BeginTransactionAsync() : null;
            if (inTransaction)
                await step.ExecuteAsync(db);
            using var hold = _lossyTap.HoldAnswerTo(inTransaction ? "COMMIT" : "UPDATE accounts");
            var call = Task.Run(() => inTransaction ? transaction!.CommitAsync() : step.ExecuteAsync(db));
            await Task.WhenAny(call, hold.Reached);
            if (!timesOut && !call.IsCompleted)
            {
                await _lossyTap.InterruptAsync();
                _lossyTap.Resume();
            }

            await Task.WhenAny(call);
            return call.IsFaulted && hold.Reached.IsCompleted ? Outcome.Unheard : Outcome.Unknown;
        });
        await Task.Delay(random.Next(30));
    }

    private async Task HoldAnswersAsync(Random random)
    {
        string[] texts = ["SELECT", "FROM accounts", "FROM accounts", "UPDATE", "UPDATE accounts", "COMMIT", "DELETE"];
        using var hold = _tap.HoldAnswerTo(texts[random.Next(texts.Length)]);
        await Task.WhenAny(hold.Reached, Task.Delay(20));
        await Task.Delay(random.Next(1, 10));
    }

    /// <summary>A statement's own transaction sees what it did, and it alone: the read goes by a key that others ask for too.</summary>
    private async Task ExecuteInsideAsync(BankContext db, params Step[] steps)
    {
        foreach (var step in steps)
        {
            var changed = await step.ExecuteAsync(db);
            if (changed == 0 || step.Row is not { Table: "accounts" } row)
                continue;
            foreach (var (name, ask) in OfOneAccount)
            {
                var claim = (await ask(db, row.Id))[0];
                var seen = claim.Rows.GetValueOrDefault(row);
                if (step.Statement.Deletes ? seen is not null : seen?.Value != step.Target.Value)
                {
                    _history.Contradictions.Enqueue((
                        Stopwatch.GetTimestamp(), $"{name} inside a transaction after {step.Name} with value {step.Target.Value}: {claim}"));
                }
            }
        }
    }

    private async Task RecordAsync(Random random, string ending, Step[] steps, Func<Task<Outcome>> run)
    {
        // Somebody has just read what is about to change, and reads it again when it has.
        Question? question = steps[0].Row is not { } row ? null
            : row.Table == "groups" ? Question.New(random, HistoryQueries.OfGroup, row.Id)
            : Question.New(random, OfOneAccount, row.Id);
        var open = Any(_contexts, random);
        if (question is not null)
            await ReadAsync(open, question);

        var invoked = Stopwatch.GetTimestamp();
        var outcome = Outcome.Unknown;
        try
        {
            outcome = await run();
        }
        catch (Exception e) when (Step.MayFailWith(e))
        {
        }

        Add(ending, steps, invoked, outcome);
        if (question is not null)
            await ReadAsync(open, question);
        for (var i = 0; i < 3; i++)
            await ReadAsync(Any(_contexts, random), _questions.Any(random));
    }

    private void Add(string ending, Step[] steps, long invoked, Outcome outcome)
    {
        var how = string.Join(" and ", steps.Select(step => step.Name)) + ending;
        foreach (var step in steps)
            Counts.AddOrUpdate((step.Name, outcome), 1, (_, count) => count + 1);
        Counts.AddOrUpdate((ending, outcome), 1, (_, count) => count + 1);
        _history.Writes.Enqueue(Step.ToWrite(how, steps, invoked, Stopwatch.GetTimestamp(), outcome));
    }

    private void Add(Read read)
    {
        Interlocked.Increment(ref _reads);
        _history.Reads.Enqueue(read);
    }

    private Step NextStep(Random random, Func<Statement, bool>? which = null, bool mayDelete = true)
    {
        var statements = Statement.ByName
            .Where(s => which?.Invoke(s.Value) != false && (mayDelete || !s.Value.Deletes) && (!_tellsRows || s.Value.TellsRows))
            .ToList();
        return Step.Draw(random, statements, _history.NextValue());
    }

    private static T Any<T>(IReadOnlyCollection<T> of, Random random) => of.ElementAt(random.Next(of.Count));

    private static string Text(Claim[] claims) => string.Join("; ", claims.Select(claim => $"{claim}"));

    private DbContextOptions<TContext> OptionsOf<TContext>(WireTap tap, Action<NpgsqlDbContextOptionsBuilder>? npgsql = null)
        where TContext : DbContext
        => new DbContextOptionsBuilder<TContext>().UseNpgsql(tap.ConnectionString, npgsql ?? (_ => { })).AddSecondLevelCache(_cache).Options;
}
