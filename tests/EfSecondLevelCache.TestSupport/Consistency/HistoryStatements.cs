using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.IntegrationTests.Consistency.HistoryRows;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>What one statement of a writer is about, drawn before it runs.</summary>
internal sealed class Target
{
    public Target(Random random, long value)
    {
        Value = value;
        Account = Skewed(random, Accounts);
        Lasting = Skewed(random, LastingAccounts);
        Transient = random.Next(LastingAccounts + 1, Accounts + 1);
        Group = Skewed(random, LastingGroups);
        TransientGroup = random.Next(LastingGroups + 1, Groups + 1);
        MoveTo = random.Next(1, (Account > LastingAccounts ? Groups : LastingGroups) + 1);
        HomeOfTransient = random.Next(3) == 0 ? Group : TransientGroup;
    }

    public long Value { get; }
    public long Account { get; }
    public long Lasting { get; }
    public long Transient { get; }
    public long Group { get; }
    public long TransientGroup { get; }
    public long MoveTo { get; }
    public long HomeOfTransient { get; }

    /// <summary>Some are asked for often, most seldom.</summary>
    public static long Skewed(Random random, int count) => 1 + (long)(count * Math.Pow(random.NextDouble(), 2.5));
}

/// <summary>One way to change rows.</summary>
/// <param name="Execute">Returns how many rows it changed.</param>
/// <param name="Row">The row that it changes; null: several.</param>
/// <param name="Deletes">It writes no value: the row is gone.</param>
/// <param name="IsOneUpdate">It sends a single UPDATE of accounts.</param>
/// <param name="TellsRows">The cache knows which rows it changes.</param>
internal sealed record Statement(
    Func<BankContext, Target, CancellationToken, Task<int>> Execute,
    Func<Target, Key>? Row = null,
    bool Deletes = false,
    bool IsOneUpdate = false,
    bool TellsRows = false)
{
    private static readonly Func<Target, Key> Account = target => new Key("accounts", target.Account);
    private static readonly Func<Target, Key> Transient = target => new Key("accounts", target.Transient);
    private static readonly Func<Target, Key> TransientGroup = target => new Key("groups", target.TransientGroup);

    /// <summary>Each is given a value that nobody else writes, and a row or a group.</summary>
    public static Dictionary<string, Statement> ByName { get; } = new()
    {
        ["SaveChanges of a loaded row"] = new(
            (db, to, token) => ChangeAsync(db, to, account => account.Value = to.Value, token),
            Account,
            IsOneUpdate: true,
            TellsRows: true),
        ["SaveChanges that moves a loaded row"] = new(
            (db, to, token) => ChangeAsync(db, to, account => (account.GroupId, account.Value) = (to.MoveTo, to.Value), token),
            Account,
            IsOneUpdate: true,
            TellsRows: true),
        ["SaveChanges of an attached row"] = new(
            (db, to, token) =>
            {
                db.Attach(new Account { Id = to.Account, GroupId = 1 }).Entity.Value = to.Value;
                return db.SaveChangesAsync(token);
            },
            Account,
            IsOneUpdate: true,
            TellsRows: true),
        ["SaveChanges of Update, which moves the row"] = new(
            (db, to, token) =>
            {
                db.Update(new Account { Id = to.Account, GroupId = to.MoveTo, Value = to.Value });
                return Task.FromResult(db.SaveChanges());
            },
            Account,
            IsOneUpdate: true,
            TellsRows: true),
        ["SaveChanges of several rows"] = new(async (db, to, token) =>
        {
            foreach (var account in await db.Accounts.Where(a => a.Id >= to.Account && a.Id < to.Account + 3).ToListAsync(token))
                account.Value = to.Value;
            if (await db.Groups.FindAsync([to.Group], token) is { } group)
                group.Value = to.Value;
            return await db.SaveChangesAsync(token);
        },
            TellsRows: true),
        ["SaveChanges of an insert"] = new(
            (db, to, token) =>
            {
                db.Add(new Account { Id = to.Transient, GroupId = to.HomeOfTransient, Value = to.Value });
                return db.SaveChangesAsync(token);
            },
            Transient,
            TellsRows: true),
        ["SaveChanges of a delete"] = new(
            (db, to, token) =>
            {
                db.Remove(new Account { Id = to.Transient });
                return db.SaveChangesAsync(token);
            },
            Transient,
            Deletes: true,
            TellsRows: true),
        ["ExecuteUpdate of a row"] = new(
            (db, to, token) => db.Accounts.Where(a => a.Id == to.Account).ExecuteUpdateAsync(s => s.SetProperty(a => a.Value, to.Value), token),
            Account,
            IsOneUpdate: true),
        ["ExecuteUpdate of the rows of a group"] = new(
            (db, to, token) => db.Accounts.Where(a => a.GroupId == to.Group).ExecuteUpdateAsync(s => s.SetProperty(a => a.Value, to.Value), token),
            IsOneUpdate: true),
        ["ExecuteUpdate that moves a row"] = new(
            (db, to, token) => db.Accounts.Where(a => a.Id == to.Account)
                .ExecuteUpdateAsync(s => s.SetProperty(a => a.GroupId, to.MoveTo).SetProperty(a => a.Value, to.Value), token),
            Account,
            IsOneUpdate: true),
        ["ExecuteUpdate of a group"] = new(
            (db, to, token) => db.Groups.Where(g => g.Id == to.Group).ExecuteUpdateAsync(s => s.SetProperty(g => g.Value, to.Value), token),
            target => new Key("groups", target.Group)),
        ["ExecuteDelete of a row"] = new(
            (db, to, token) => db.Accounts.Where(a => a.Id == to.Transient).ExecuteDeleteAsync(token), Transient, Deletes: true),
        ["ExecuteDelete of a group, which takes its accounts"] = new(
            (db, to, token) => db.Groups.Where(g => g.Id == to.TransientGroup).ExecuteDeleteAsync(token), TransientGroup, Deletes: true),
        ["SaveChanges of a deleted group, which takes its accounts"] = new(
            (db, to, token) =>
            {
                db.Remove(new AccountGroup { Id = to.TransientGroup });
                return db.SaveChangesAsync(token);
            },
            TransientGroup,
            Deletes: true),
        ["SaveChanges of an inserted group"] = new(
            (db, to, token) =>
            {
                db.Add(new AccountGroup { Id = to.TransientGroup, Value = to.Value, Accounts = { new() { Id = to.Transient, Value = to.Value } } });
                return db.SaveChangesAsync(token);
            },
            TransientGroup),
        ["ExecuteSql of a row"] = new(
            (db, to, token) => db.Database.ExecuteSqlAsync($"UPDATE accounts SET value = {to.Value} WHERE id = {to.Account}", token),
            Account,
            IsOneUpdate: true),
        ["ExecuteSql that moves the rows of a value"] = new(
            (db, to, token) => db.Database.ExecuteSqlAsync(
                $"""
                 UPDATE accounts SET value = {to.Value}, group_id = {to.Group}
                 WHERE value = (SELECT value FROM accounts WHERE id = {to.Account}) AND id <= {LastingAccounts}
                 """,
                token),
            IsOneUpdate: true),
        ["ExecuteSql, insert or update"] = new(
            (db, to, token) => db.Database.ExecuteSqlAsync(
                $"""
                 INSERT INTO accounts (id, group_id, value) VALUES ({to.Transient}, {to.HomeOfTransient}, {to.Value})
                 ON CONFLICT (id) DO UPDATE SET value = excluded.value
                 """,
                token),
            Transient),
        ["ExecuteSql of a block"] = new(
            async (db, to, token) =>
            {
                // A block does not tell how many rows it changed; this row is always there.
                var block = $"DO 'BEGIN UPDATE accounts SET value = {to.Value} WHERE id = {to.Lasting}; END'";
                await db.Database.ExecuteSqlRawAsync(block, token);
                return 1;
            },
            target => new Key("accounts", target.Lasting),
            IsOneUpdate: true),
        ["FromSql with RETURNING"] = new(
            async (db, to, token) => (await db.Accounts
                .FromSql($"UPDATE accounts SET value = {to.Value} WHERE id = {to.Account} RETURNING *").AsNoTracking().ToListAsync(token)).Count,
            Account,
            IsOneUpdate: true),
        ["SqlQuery with RETURNING"] = new(
            async (db, to, token) => (await db.Database
                .SqlQuery<long>($"""UPDATE accounts SET value = {to.Value} WHERE group_id = {to.Group} RETURNING id AS "Value" """)
                .ToListAsync(token)).Count,
            IsOneUpdate: true),
    };

    private static async Task<int> ChangeAsync(BankContext db, Target to, Action<Account> change, CancellationToken token)
    {
        if (await db.Accounts.FindAsync([to.Account], token) is not { } account)
            return 0;
        change(account);
        return await db.SaveChangesAsync(token);
    }
}
