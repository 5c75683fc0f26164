using System.Globalization;
using EfSecondLevelCache.Session;
using EfSecondLevelCache.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.Tests.Session;

public class CacheScopeTests
{
    private const string Base = "Host=db;Port=6543;Database=shop;Username=app;Password=secret";

    /// <summary>With each its value, or a value that changes what the base says.</summary>
    public static TheoryData<string> SettingsThatMatter =>
    [
        "Host=other", "Port=6544", "Database=archive", "Username=other",
        "Search Path=sales", "Options=-c search_path=sales", "Timezone=Asia/Tokyo", "Client Encoding=LATIN1", "Encoding=LATIN1",
        "Array Nullability Mode=Always", "Enlist=false", "Replication Mode=Logical", "Include Realm=true",
        "Server Compatibility Mode=Redshift", "Load Table Composites=true",
        // Functions that a policy may call read them: current_setting('application_name'), and those of the extension sslinfo.
        "Application Name=shop", "SSL Mode=Require", "SSL Certificate=a.crt",
    ];

    public static TheoryData<string> SettingsThatDoNot =>
    [
        "Password=other", "Passfile=/tmp/pgpass", "Pooling=false", "Minimum Pool Size=5", "Maximum Pool Size=7",
        "Connection Idle Lifetime=5", "Connection Pruning Interval=5", "Connection Lifetime=5", "Timeout=5", "Command Timeout=5",
        "Cancellation Timeout=5", "Keepalive=5", "TCP Keepalive=true", "TCP Keepalive Time=5", "TCP Keepalive Interval=5",
        "Read Buffer Size=9000", "Write Buffer Size=9000", "Socket Receive Buffer Size=9000", "Socket Send Buffer Size=9000",
        "Max Auto Prepare=5", "Auto Prepare Min Usages=6", "Include Error Detail=true", "Log Parameters=true",
        "Persist Security Info=true", "SSL Key=a.key", "SSL Password=x", "Root Certificate=ca.crt", "Trust Server Certificate=true",
        "Check Certificate Revocation=true",
        "Channel Binding=Disable", "Kerberos Service Name=pg", "Require Auth=MD5", "SSL Negotiation=Direct",
    ];

    /// <summary>Those that separate although they need not: that costs hits between contexts that differ in them only.</summary>
    private static readonly string[] Indifferent =
    [
        "GSS Encryption Mode", "Include Failed Batched Command", "Internal Command Timeout", "Load Balance Hosts", "Host Recheck Seconds",
        "Write Coalescing Buffer Threshold Bytes",
        // Refused unless it says primary.
        "Target Session Attributes",
        // Refused where they are on.
        "No Reset On Close", "Multiplexing",
    ];

    [Theory]
    [MemberData(nameof(SettingsThatMatter))]
    public void Settings_that_rows_can_depend_on_separate(string setting) => AssertDifferent(Base, $"{Base};{setting}");

    [Theory]
    [MemberData(nameof(SettingsThatDoNot))]
    public void Settings_that_rows_cannot_depend_on_do_not_separate(string setting) => AssertSame(Base, $"{Base};{setting}");

    /// <summary>A new version of Npgsql may bring a setting that rows depend on: somebody has to say so.</summary>
    [Fact]
    public void Every_setting_of_the_connection_string_is_known_here()
    {
        var known = SettingsThatMatter.Concat(SettingsThatDoNot)
            .Select(row => row.Data[..row.Data.IndexOf('=')])
            .Concat(Indifferent);
        var settings = typeof(NpgsqlConnectionStringBuilder).GetProperties()
            .Select(property => property.GetCustomAttributes(false).OfType<System.ComponentModel.DisplayNameAttribute>().SingleOrDefault())
            .OfType<System.ComponentModel.DisplayNameAttribute>()
            .Select(name => name.DisplayName);

        Assert.Empty(settings.Except(known));
    }

    [Fact]
    public void How_a_setting_is_written_does_not_separate()
        => AssertSame(Base, " password=secret ; UID='app' ;DB=shop;port=6543;SERVER=db;");

    [Fact]
    public void A_connection_string_that_lost_its_password_is_of_the_same_scope()
        => AssertSame(Base, "Host=db;Port=6543;Database=shop;Username=app");

    [Fact]
    public void The_case_of_a_name_separates() => AssertDifferent(Base, $"{Base};Database=Shop");

    [Theory]
    [InlineData("Host=db;Database=shop;Options='x;Port=1'", "Host=db;Database=shop;Options=x;Port=1")]
    [InlineData("Host=db;Search Path='a;Timezone=UTC'", "Host=db;Search Path=a;Timezone=UTC")]
    [InlineData("Host=db;Database='shop;Host=other'", "Database=shop;Host='db;Host=other'")]
    [InlineData("Host=db;Database='shop;Search Path=a';Username=u", "Host=db;Database=shop;Search Path='a;Username=u'")]
    public void A_value_that_looks_like_settings_is_no_setting(string one, string other) => AssertDifferent(one, other);

    [Fact]
    public void Context_types_separate()
    {
        var shop = CacheScope.Of(Base, typeof(ShopContext));
        var model = CacheScope.Of(Base, typeof(ModelContext));

        Assert.NotEqual(shop, model);
        Assert.NotEqual(shop.Hash, model.Hash);
    }

    [Fact]
    public void Generic_context_types_separate()
        => Assert.NotEqual(CacheScope.Of(Base, typeof(Generic<int>)), CacheScope.Of(Base, typeof(Generic<string>)));

    [Fact]
    public void A_scope_is_remembered()
        => Assert.Same(CacheScope.Of(Base, typeof(ShopContext)), CacheScope.Of(string.Concat(Base), typeof(ShopContext)));

    [Fact]
    public void A_scope_is_no_other_object() => Assert.False(CacheScope.Of(Base, typeof(ShopContext)).Equals("scope"));

    [Theory]
    [InlineData("de-DE")]
    [InlineData("ar-SA")]
    [InlineData("tr-TR")]
    public void Culture_has_no_influence(string culture)
    {
        var before = CacheScope.Of(Base, typeof(ShopContext));
        var current = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo(culture);
        try
        {
            // Another text, so that it is read anew.
            Assert.Equal(before, CacheScope.Of($"{Base};Passfile={culture}", typeof(ShopContext)));
        }
        finally
        {
            CultureInfo.CurrentCulture = current;
        }
    }

    [Theory]
    [InlineData("Host=db;Database=shop;Username=app", "shop")]
    [InlineData("Host=db;DB=shop", "shop")]
    [InlineData("Host=db;Username=app", "app")]
    [InlineData("Host=db", "")]
    public void The_database_is_the_one_that_is_named_or_the_users(string connectionString, string database)
        => Assert.Equal(database, CacheScope.Of(connectionString, typeof(ShopContext)).Database);

    [Theory]
    [InlineData("Host=db")]
    [InlineData("Host=db;Target Session Attributes=any")]
    [InlineData("Host=db;Target Session Attributes=primary")]
    [InlineData("Host=db;Target Session Attributes=Read-Write")]
    public void One_host_that_can_be_written_to_is_not_refused(string connectionString)
        => Assert.Null(CacheScope.Of(connectionString, typeof(ShopContext)).Refusal);

    [Theory]
    [InlineData("Host=one,two")]
    [InlineData("Server=one:5432,two:5433")]
    [InlineData("Host=one,two;Target Session Attributes=prefer-standby")]
    [InlineData("Host=db;Target Session Attributes=standby")]
    [InlineData("Host=db;Target Session Attributes=prefer-standby")]
    [InlineData("Host=db;Target Session Attributes=prefer-primary")]
    [InlineData("Host=db;Target Session Attributes=read-only")]
    public void What_may_reach_a_standby_is_refused(string connectionString)
        => Assert.Equal(RefusalReason.MayReachStandby, CacheScope.Of(connectionString, typeof(ShopContext)).Refusal?.Reason);

    /// <summary>What a command sets in the session is then still set where the connection is opened again, by whomever.</summary>
    [Theory]
    [InlineData("No Reset On Close=true")]
    [InlineData("no reset on close=True;Pooling=false")]
    [InlineData("Multiplexing=true")]
    public void A_session_that_outlives_its_user_is_refused(string setting)
        => Assert.Equal(RefusalReason.SessionStateUnknown, CacheScope.Of($"{Base};{setting}", typeof(ShopContext)).Refusal?.Reason);

    [Theory]
    [InlineData("No Reset On Close=false")]
    [InlineData("Multiplexing=false")]
    public void A_session_that_ends_with_its_user_is_not_refused(string setting)
        => Assert.Null(CacheScope.Of($"{Base};{setting}", typeof(ShopContext)).Refusal);

    /// <summary>Its remedy reads: "Use one host, or Target Session Attributes=primary".</summary>
    [Theory]
    [InlineData("Host=one,two", "Host=one")]
    [InlineData("Host=one,two", "Host=one,two;Target Session Attributes=primary")]
    [InlineData("Host=one;Target Session Attributes=standby", "Host=one;Target Session Attributes=primary")]
    public void Each_way_out_that_the_refusal_names_leads_out(string refused, string remedied)
    {
        Assert.NotNull(CacheScope.Of(refused, typeof(ShopContext)).Refusal);
        Assert.Null(CacheScope.Of(remedied, typeof(ShopContext)).Refusal);
    }

    [Theory]
    [InlineData("Host")]
    [InlineData("Host=db;Unknown Setting=1")]
    [InlineData("Host=db;Port=abc")]
    [InlineData("Host=db;Port=99999999999")]
    [InlineData("Host=db;Port=-1")]
    [InlineData("Host=db;SSL Mode=Sometimes")]
    [InlineData("Host=db;Target Session Attributes=somewhere")]
    [InlineData("Host='db")]
    [InlineData("Host=db;Pooling=maybe")]
    public void A_connection_string_that_cannot_be_read_is_refused_and_no_error_here(string connectionString)
        => Assert.Equal(RefusalReason.SessionStateUnknown, CacheScope.Of(connectionString, typeof(ShopContext)).Refusal?.Reason);

    [Fact]
    public void Connection_strings_without_number_are_forgotten_and_read_again()
    {
        var first = CacheScope.Of(Base, typeof(ShopContext));

        for (var i = 0; i < 10_001; i++)
            CacheScope.Of($"Host=db;Database=tenant_{i}", typeof(ShopContext));

        Assert.Equal(first, CacheScope.Of(Base, typeof(ShopContext)));
    }

    private static void AssertSame(string one, string other)
    {
        var (first, second) = (CacheScope.Of(one, typeof(ShopContext)), CacheScope.Of(other, typeof(ShopContext)));
        Assert.Equal(first, second);
        Assert.Equal(first.Hash, second.Hash);
        Assert.Equal(first.GetHashCode(), second.GetHashCode());
        Assert.Equal(first.Database, second.Database);
    }

    private static void AssertDifferent(string one, string other)
    {
        var (first, second) = (CacheScope.Of(one, typeof(ShopContext)), CacheScope.Of(other, typeof(ShopContext)));
        Assert.Null(first.Refusal);
        Assert.NotEqual(first, second);
        Assert.NotEqual(first.Hash, second.Hash);
    }

    private sealed class Generic<T> : DbContext
    {
        public T? Unused { get; set; }
    }
}
