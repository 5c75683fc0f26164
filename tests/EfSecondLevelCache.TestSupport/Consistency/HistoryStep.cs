using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>One statement with its target, and what became of it.</summary>
internal sealed class Step(string name, Statement statement, Target target)
{
    public string Name => name;

    public Statement Statement => statement;

    public Target Target => target;

    public Key? Row => statement.Row?.Invoke(target);

    /// <summary>Null: it did not return.</summary>
    public int? Changed { get; private set; }

    /// <param name="random">Decides.</param>
    /// <param name="from">What there is.</param>
    /// <param name="value">That nobody else writes.</param>
    public static Step Draw(Random random, IReadOnlyList<KeyValuePair<string, Statement>> from, long value)
    {
        var (name, statement) = from[random.Next(from.Count)];
        return new Step(name, statement, new Target(random, value));
    }

    /// <summary>What the history says of statements that ended together.</summary>
    public static Write ToWrite(string how, IEnumerable<Step> steps, long invoked, long returned, Outcome outcome, int node = 0)
    {
        // What found no row wrote nothing.
        var wrote = steps.Where(step => outcome is not Outcome.Committed || step.Changed != 0).ToList();
        return new Write(
            how,
            [.. wrote.Where(step => !step.Statement.Deletes).Select(step => step.Target.Value)],
            wrote.Find(step => step.Statement.Deletes)?.Row,
            invoked,
            returned,
            outcome,
            node);
    }

    /// <summary>Conflicts, locks, cancellations, lost connections; EF Core and System.Transactions wrap them.</summary>
    public static bool MayFailWith(Exception? e)
        => e is DbUpdateException or NpgsqlException or OperationCanceledException or TransactionException
            || (e is not null && MayFailWith(e.InnerException));

    public async Task<int> ExecuteAsync(BankContext db, CancellationToken cancellationToken = default)
    {
        db.ChangeTracker.Clear();
        Changed = await statement.Execute(db, target, cancellationToken);
        return Changed.Value;
    }
}
