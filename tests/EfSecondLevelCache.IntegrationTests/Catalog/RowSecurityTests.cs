using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

public sealed class RowSecurityTests(RowSecurityTests.Database database) : IClassFixture<RowSecurityTests.Database>
{
    /// <summary>The server itself is asked whether row security is active.</summary>
    [Theory]
    [InlineData("owner")]
    [InlineData("member")]
    [InlineData("reader")]
    [InlineData("bypassing")]
    [InlineData("superuser")]
    public async Task It_applies_to_a_role_as_the_server_says(string role)
    {
        await using var connection = await database.OpenAsync(role == "superuser" ? "" : $"SET ROLE {{role}}_{role}");
        var seen = await CatalogDatabase.ReadAsync(connection);

        foreach (var table in (string[])["enabled", "forced", "off", "without_policy"])
        {
            var active = await database.ScalarAsync<bool>(connection, $"SELECT row_security_active('{table}')");
            Assert.Equal((table, active), (table, seen.Catalog.ReadsOf(seen[table], seen.Session).RowSecurity.Count > 0));
        }
    }

    [Fact]
    public async Task Its_policies_are_told_with_what_they_read_and_call()
    {
        var seen = await database.ReadAsync("SET ROLE {role}_reader");

        var reads = seen.Catalog.ReadsOf(seen["enabled"], seen.Session);
        var security = Assert.Single(reads.RowSecurity);
        Assert.Same(seen["enabled"], security.Table);
        var policy = Assert.Single(security.Policies, policy => policy.Name == "by tenant");
        Assert.Contains("current_setting('app.tenant'", policy.Text, StringComparison.Ordinal);
        Assert.Equal(["calls current_setting()"], policy.Definition.Impurities);
        Assert.Contains("by tenant USING (", security.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_that_a_policy_consults_is_read()
    {
        var seen = await database.ReadAsync("SET ROLE {role}_reader");

        Assert.Equal(["enabled", "grants", "grants_of_grants"], seen.Reads("enabled"));
        Assert.Equal(["off"], seen.Reads("off"));
        Assert.Equal(["enabled"], (await database.ReadAsync("SET ROLE {role}_bypassing")).Reads("enabled"));
    }

    [Fact]
    public async Task Policies_for_writing_are_left_out()
    {
        var seen = await database.ReadAsync("SET ROLE {role}_reader");

        Assert.DoesNotContain(seen.Catalog.PoliciesOf(seen["enabled"]), policy => policy.Name == "for inserts");
        Assert.Empty(seen.Catalog.PoliciesOf(seen["without_policy"]));
        var applied = Assert.Single(seen.Catalog.ReadsOf(seen["without_policy"], seen.Session).RowSecurity);
        Assert.Equal("public.without_policy (no policy: no rows)", applied.ToString());
    }

    [Theory]
    [InlineData("view_of_owner", "reader", false)]
    [InlineData("view_of_reader", "reader", true)]
    [InlineData("view_of_reader", "owner", true)]
    [InlineData("view_of_reader", "superuser", true)]
    [InlineData("view_of_view_of_reader", "superuser", true)]
    [InlineData("view_of_superuser", "reader", false)]
    public async Task A_view_reads_with_the_rights_of_its_owner(string view, string role, bool applies)
    {
        await using var connection = await database.OpenAsync(role == "superuser" ? "" : $"SET ROLE {{role}}_{role}");
        var seen = await CatalogDatabase.ReadAsync(connection);

        Assert.Equal(applies, seen.Catalog.ReadsOf(seen[view], seen.Session).RowSecurity.Count > 0);
        // Two rows, none of which the policies let through.
        Assert.Equal(applies ? 0 : 2, await database.ScalarAsync<long>(connection, $"SELECT count(*) FROM {view}"));
    }

    [Theory]
    [InlineData("invoker", "reader", true)]
    [InlineData("invoker", "owner", false)]
    [InlineData("invoker", "superuser", false)]
    [InlineData("invoker_of_owner_view", "reader", false)]
    [InlineData("owner_view_of_invoker", "reader", true)]
    public async Task A_security_invoker_view_reads_with_the_rights_of_the_session(string view, string role, bool applies)
    {
        Assert.SkipUnless(await database.SupportsSecurityInvokerAsync(), "security_invoker came with PostgreSQL 15.");
        await using var connection = await database.OpenAsync(role == "superuser" ? "" : $"SET ROLE {{role}}_{role}");
        var seen = await CatalogDatabase.ReadAsync(connection);

        Assert.Equal(applies, seen.Catalog.ReadsOf(seen[view], seen.Session).RowSecurity.Count > 0);
        Assert.Equal(applies ? 0 : 2, await database.ScalarAsync<long>(connection, $"SELECT count(*) FROM {view}"));
    }

    [Fact]
    public async Task It_applies_from_enable_to_disable()
    {
        await database.ExecuteAsync("CREATE TABLE switched (id int); GRANT SELECT ON switched TO {role}_reader");
        Assert.Empty(await AppliedAsync());

        await database.ExecuteAsync("ALTER TABLE switched ENABLE ROW LEVEL SECURITY");
        Assert.Single(await AppliedAsync());

        await database.ExecuteAsync("ALTER TABLE switched DISABLE ROW LEVEL SECURITY");
        Assert.Empty(await AppliedAsync());

        async Task<IReadOnlyList<AppliedRowSecurity>> AppliedAsync()
        {
            var seen = await database.ReadAsync("SET ROLE {role}_reader");
            return seen.Catalog.ReadsOf(seen["switched"], seen.Session).RowSecurity;
        }
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server,
        """
        CREATE ROLE {role}_owner;
        CREATE ROLE {role}_member IN ROLE {role}_owner;
        CREATE ROLE {role}_reader;
        CREATE ROLE {role}_bypassing BYPASSRLS;
        GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
        CREATE TABLE grants_of_grants (id int);
        CREATE TABLE grants (id int, who text);
        CREATE VIEW all_grants AS SELECT id FROM grants UNION SELECT id FROM grants_of_grants;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
        SET ROLE {role}_owner;
        CREATE TABLE off (id int);
        CREATE TABLE enabled (id int, tenant text);
        INSERT INTO enabled VALUES (1, 'a'), (2, 'b');
        ALTER TABLE enabled ENABLE ROW LEVEL SECURITY;
        CREATE POLICY "by tenant" ON enabled USING (tenant = current_setting('app.tenant', true));
        CREATE POLICY "by grant" ON enabled FOR SELECT USING (id IN (SELECT id FROM all_grants));
        CREATE POLICY "for inserts" ON enabled FOR INSERT WITH CHECK (true);
        CREATE TABLE forced (id int);
        ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY everything ON forced USING (true);
        CREATE TABLE without_policy (id int);
        ALTER TABLE without_policy ENABLE ROW LEVEL SECURITY;
        CREATE VIEW view_of_owner AS SELECT * FROM enabled;
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
        SET ROLE {role}_reader;
        CREATE VIEW view_of_reader AS SELECT * FROM enabled;
        GRANT SELECT ON view_of_reader TO PUBLIC;
        RESET ROLE;
        CREATE VIEW view_of_superuser AS SELECT * FROM enabled;
        CREATE VIEW view_of_view_of_reader AS SELECT * FROM view_of_reader;
        GRANT SELECT ON view_of_superuser, view_of_view_of_reader TO PUBLIC;
        DO $$ BEGIN
            IF current_setting('server_version_num')::int >= 150000 THEN
                EXECUTE 'CREATE VIEW invoker WITH (security_invoker) AS SELECT * FROM enabled';
                EXECUTE 'CREATE VIEW invoker_of_owner_view WITH (security_invoker = on) AS SELECT * FROM view_of_owner';
                EXECUTE 'CREATE VIEW owner_view_of_invoker WITH (security_invoker = off) AS SELECT * FROM invoker';
                EXECUTE 'GRANT SELECT ON invoker, invoker_of_owner_view, owner_view_of_invoker TO PUBLIC';
            END IF;
        END $$;
        """)
    {
        public async Task<bool> SupportsSecurityInvokerAsync()
        {
            await using var connection = await OpenAsync();
            return connection.PostgreSqlVersion.Major >= 15;
        }
    }
}
