using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

internal class Account
{
    public long Id { get; set; }
    public long GroupId { get; set; }
    public AccountGroup? Group { get; set; }
    public long Value { get; set; }
}

internal class AccountGroup
{
    public long Id { get; set; }
    public long Value { get; set; }
    public List<Account> Accounts { get; set; } = [];
}

internal class BankContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Account> Accounts => Set<Account>();
    public DbSet<AccountGroup> Groups => Set<AccountGroup>();

    // Lower-case names, so that raw SQL needs no quotes. A deleted group takes its accounts with it: the relationship is required.
    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<Account>(account =>
        {
            account.ToTable("accounts");
            account.Property(a => a.Id).HasColumnName("id").ValueGeneratedNever();
            account.Property(a => a.GroupId).HasColumnName("group_id");
            account.Property(a => a.Value).HasColumnName("value");
        });
        model.Entity<AccountGroup>(group =>
        {
            group.ToTable("groups");
            group.Property(g => g.Id).HasColumnName("id").ValueGeneratedNever();
            group.Property(g => g.Value).HasColumnName("value");
        });
    }
}

/// <summary>Another context type on the same tables and the same cache.</summary>
internal sealed class ReportContext(DbContextOptions options) : BankContext(options);

/// <summary>Few rows, so that everybody meets everybody.</summary>
internal static class HistoryRows
{
    public const int Accounts = 40;
    public const int Groups = 8;

    /// <summary>Accounts and groups above these come and go; the others stay, and stay within each other.</summary>
    public const int LastingAccounts = 30;
    public const int LastingGroups = 6;

    public static Key KeyOf(Account account) => new("accounts", account.Id);

    public static Key KeyOf(AccountGroup group) => new("groups", group.Id);

    public static Image ImageOf(Account account) => new(account.GroupId, account.Value);

    public static Image ImageOf(AccountGroup group) => new(0, group.Value);
}
