using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using static EfSecondLevelCache.IntegrationTests.Consistency.HistoryRows;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// What the readers ask, each with what its answer claims: by key, by foreign key, by Include in both directions, aggregates, pages, the whole
/// table. Each takes one number, the id of an account or of a group.
/// </summary>
internal static class HistoryQueries
{
    // A compiled query belongs to one model.
    private static readonly ConcurrentDictionary<IModel, Func<BankContext, long, Task<Account?>>> Compiled = new();

    public static Dictionary<string, Func<BankContext, long, Task<Claim[]>>> OfAccount { get; } = new()
    {
        ["account"] = async (db, id) => [Row(id, await db.Accounts.AsNoTracking().SingleOrDefaultAsync(a => a.Id == id))],
        ["account by Find"] = async (db, id) => [Row(id, await db.Accounts.FindAsync(id))],
        ["account by a compiled query"] = async (db, id) => [Row(id, await Compiled.GetOrAdd(db.Model, _ => Compile())(db, id))],
        ["account by FromSql"] = async (db, id)
            => [Row(id, (await db.Accounts.FromSql($"SELECT * FROM accounts WHERE id = {id}").AsNoTracking().ToListAsync()).SingleOrDefault())],
        ["account, its value alone"] = async (db, id) =>
        {
            var value = await db.Accounts.Where(a => a.Id == id).Select(a => a.Value).SingleOrDefaultAsync();
            return [Claim.Sum($"value of account {id}", "accounts", new([id]), value)];
        },
        ["account with its group"] = async (db, id) =>
        {
            var account = await db.Accounts.Include(a => a.Group).AsNoTracking().SingleOrDefaultAsync(a => a.Id == id);
            return account is null ? [Row(id, account)] : [Row(id, account), Claim.Row(KeyOf(account.Group!), ImageOf(account.Group!))];
        },
        ["three accounts"] = async (db, id) =>
        {
            long[] ids = [id, id + 1, id + 7];
            var accounts = await db.Accounts.AsNoTracking().Where(a => ids.Contains(a.Id)).ToListAsync();
            return [Rows($"accounts {string.Join(", ", ids)}", new(ids), accounts)];
        },
    };

    public static Dictionary<string, Func<BankContext, long, Task<Claim[]>>> OfGroup { get; } = new()
    {
        ["accounts of a group"] = async (db, id) => [OfGroupId(id, await db.Accounts.Where(a => a.GroupId == id).ToListAsync())],
        ["accounts of a group, without waiting"] = (db, id) => Task.FromResult<Claim[]>(
            [OfGroupId(id, [.. db.Accounts.AsNoTracking().Where(a => a.GroupId == id).OrderBy(a => a.Value)])]),
        ["group with its accounts"] = async (db, id)
            => Graph(id, await db.Groups.Include(g => g.Accounts).AsNoTracking().SingleOrDefaultAsync(g => g.Id == id)),
        ["group with its accounts, split"] = async (db, id)
            => Graph(id, await db.Groups.Include(g => g.Accounts).AsSplitQuery().AsNoTracking().SingleOrDefaultAsync(g => g.Id == id)),
        ["count of a group"] = async (db, id)
            => [Claim.Count($"count of group {id}", "accounts", new(Group: id), await db.Accounts.CountAsync(a => a.GroupId == id))],
        ["sum of a group"] = async (db, id) =>
        [
            Claim.Sum($"sum of group {id}", "accounts", new(Group: id),
                await db.Accounts.Where(a => a.GroupId == id).SumAsync(a => a.Value)),
        ],
        ["newest of a group"] = async (db, id) =>
        {
            var newest = await db.Accounts.AsNoTracking().Where(a => a.GroupId == id)
                .OrderByDescending(a => a.Value).ThenBy(a => a.Id).Take(3).ToListAsync();
            return [newest.Count > 0 ? Page($"newest of group {id}", new(Group: id), 0, 3, newest) : OfGroupId(id, newest)];
        },
        ["second page"] = async (db, _) => [Page("second page", new(), 4, 4,
            await db.Accounts.AsNoTracking().OrderByDescending(a => a.Value).ThenBy(a => a.Id).Skip(4).Take(4).ToListAsync())],
        ["totals by group"] = async (db, _) =>
        {
            var totals = await db.Accounts.GroupBy(a => a.GroupId).Select(g => new { g.Key, Sum = g.Sum(a => a.Value) }).ToListAsync();
            return
            [
                .. from id in Enumerable.Range(1, Groups)
                   let total = totals.Find(t => t.Key == id)?.Sum ?? 0
                   select Claim.Sum($"total of group {id}", "accounts", new(Group: id), total),
            ];
        },
        ["all accounts"] = async (db, _) => [Rows("all accounts", new(), await db.Accounts.AsNoTracking().ToListAsync())],
        ["all groups"] = async (db, _) =>
        [
            Claim.All("all groups", "groups", new(), (await db.Groups.ToListAsync()).Select(g => (KeyOf(g), ImageOf(g)))),
        ],
    };

    /// <summary>Every query with every number.</summary>
    public static IEnumerable<(string Name, Func<BankContext, long, Task<Claim[]>> Query, long Id)> Every =>
    [
        .. from query in OfAccount from id in Enumerable.Range(1, Accounts) select (query.Key, query.Value, (long)id),
        .. from query in OfGroup from id in Enumerable.Range(1, Groups) select (query.Key, query.Value, (long)id),
    ];

    private static Func<BankContext, long, Task<Account?>> Compile()
        => EF.CompileAsyncQuery((BankContext db, long id) => db.Accounts.AsNoTracking().SingleOrDefault(a => a.Id == id));

    private static Claim Row(long id, Account? account) => Claim.Row(new Key("accounts", id), account is null ? null : ImageOf(account));

    private static Claim Rows(string what, RowFilter filter, IEnumerable<Account> rows)
        => Claim.All(what, "accounts", filter, rows.Select(a => (KeyOf(a), ImageOf(a))));

    private static Claim OfGroupId(long id, IEnumerable<Account> rows) => Rows($"accounts of group {id}", new(Group: id), rows);

    private static Claim Page(string what, RowFilter filter, int skip, int take, IEnumerable<Account> rows)
        => Claim.Page(what, "accounts", filter, skip, take, [.. rows.Select(a => (KeyOf(a), ImageOf(a)))]);

    private static Claim[] Graph(long id, AccountGroup? group)
        => group is null ? [Claim.Row(new Key("groups", id), null)] : [Claim.Row(KeyOf(group), ImageOf(group)), OfGroupId(id, group.Accounts)];
}
