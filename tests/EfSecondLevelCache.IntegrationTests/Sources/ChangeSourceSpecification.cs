using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Sources;

/// <summary>What every change source must tell of the writes that somebody else makes, and what it must leave alone.</summary>
public abstract class ChangeSourceSpecification(SourceDatabase database) : ChangeSourceTests(database)
{
    /// <summary>The old values of columns other than those of the key are told.</summary>
    protected virtual bool TellsOldValues => true;

    protected abstract string RemoveCaptureOfItems { get; }

    [Fact]
    public async Task An_insert()
        => Assert.Equal("item 9, group 1, items", await RemovedByAsync(
            "INSERT INTO items VALUES (9, 1, 'new')", "item 1", "item 9", "group 1", "group 2", "items", "part 1"));

    [Fact]
    public async Task An_update()
        => Assert.Equal(TellsOldValues ? "item 1, group 1, items" : "item 1, group 1, group 2, items", await RemovedByAsync(
            "UPDATE items SET name = 'changed' WHERE id = 1", "item 1", "item 2", "group 1", "group 2", "items", "part 1"));

    [Fact]
    public async Task An_update_that_moves_a_row()
        => Assert.Equal("item 1, group 1, group 2, items", await RemovedByAsync(
            "UPDATE items SET group_id = 2 WHERE id = 1", "item 1", "item 2", "group 1", "group 2", "items"));

    [Fact]
    public async Task An_update_of_the_key_and_of_those_who_refer_to_it()
        => Assert.Equal("item 1, item 9, items, part 1", await RemovedByAsync(
            "UPDATE items SET id = 9 WHERE id = 1", "item 1", "item 2", "item 9", "items", "part 1", "part 2"));

    [Fact]
    public async Task A_delete_with_its_cascades()
        => Assert.Equal(TellsOldValues ? "item 1, group 1, items, part 1" : "item 1, group 1, group 2, items, part 1", await RemovedByAsync(
            "DELETE FROM items WHERE id = 1", "item 1", "item 2", "group 1", "group 2", "items", "part 1", "part 2"));

    [Fact]
    public async Task Several_rows()
        => Assert.Equal("item 1, item 2, group 1, group 2, items", await RemovedByAsync(
            "UPDATE items SET name = name || '!' WHERE id < 3", "item 1", "item 2", "item 9", "group 1", "group 2", "items"));

    [Fact]
    public async Task More_rows_than_are_told_apart()
        => Assert.Equal("item 1, item 2, item 9, group 1, group 2, items", await RemovedByAsync(
            "INSERT INTO items SELECT i, i, repeat('x', 100) FROM generate_series(1000, 3000) i",
            "item 1", "item 2", "item 9", "group 1", "group 2", "items", "part 1"));

    [Fact]
    public async Task No_rows()
        => Assert.Equal("", await RemovedByAsync(
            "UPDATE items SET name = 'x' WHERE id = 77; DELETE FROM items WHERE id = 77", "item 1", "group 1", "items"));

    [Fact]
    public async Task Insert_on_conflict()
        => Assert.Equal(TellsOldValues ? "item 1, item 9, group 1, items" : "item 1, item 9, group 1, group 2, items", await RemovedByAsync(
            "INSERT INTO items VALUES (1, 1, 'changed'), (9, 1, 'new') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            "item 1", "item 2", "item 9", "group 1", "group 2", "items"));

    [Fact]
    public async Task Merge()
        => Assert.Equal("item 1, item 2, item 9, items", await RemovedByAsync(
            """
            MERGE INTO items USING (VALUES (1), (2), (9)) v(id) ON items.id = v.id
            WHEN MATCHED AND v.id = 1 THEN UPDATE SET name = 'changed'
            WHEN MATCHED THEN DELETE
            WHEN NOT MATCHED THEN INSERT VALUES (v.id, 3, 'new')
            """,
            "item 1", "item 2", "item 9", "items"));

    [Fact]
    public async Task A_data_modifying_CTE()
        => Assert.Equal("item 1, item 9, items, part 2", await RemovedByAsync(
            """
            WITH gone AS (DELETE FROM parts WHERE id = 2 RETURNING id), added AS (INSERT INTO items VALUES (9, 3, 'new'))
            UPDATE items SET name = 'changed' WHERE id = (SELECT id - 1 FROM gone)
            """,
            "item 1", "item 2", "item 9", "items", "part 1", "part 2"));

    [Fact]
    public async Task Copy()
        => Assert.Equal("item 9, group 1, items", await RemovedByAsync(
            async () =>
            {
                await using var connection = new NpgsqlConnection(Database.ConnectionString);
                await connection.OpenAsync();
                await using var copy = await connection.BeginTextImportAsync("COPY items FROM STDIN");
                await copy.WriteAsync("9\t1\tcopied\n");
            },
            "item 1", "item 9", "group 1", "group 2", "items"));

    [Fact]
    public async Task An_updatable_view()
        => Assert.Equal(TellsOldValues ? "item 1, group 1, items" : "item 1, group 1, group 2, items", await RemovedByAsync(
            "UPDATE first_items SET name = 'changed' WHERE id = 1", "item 1", "item 2", "group 1", "group 2", "items"));

    [Theory]
    [InlineData("INSERT INTO events VALUES (1, 2025, 'new')", "event 1, events")]
    [InlineData("INSERT INTO events_2024 VALUES (2, 2024, 'new')", "event 2, events, 2024")]
    [InlineData("UPDATE events SET name = 'changed' WHERE id = 1", "event 1, events, 2024")]
    [InlineData("UPDATE events_2024 SET name = 'changed'", "event 1, events, 2024")]
    [InlineData("UPDATE events SET year = 2025 WHERE id = 1", "event 1, events, 2024")]
    [InlineData("DELETE FROM events WHERE id = 1", "event 1, events, 2024")]
    [InlineData("TRUNCATE events_2024", "event 1, event 2, events, 2024")]
    [InlineData("TRUNCATE events", "event 1, event 2, events, 2024")]
    public async Task Partitions(string sql, string removed)
    {
        var gone = (await RemovedByAsync(sql, "event 1", "event 2", "events", "2024", "item 1")).Split(", ");
        // A partition may be taken for the whole where it is the root that was written.
        Assert.Empty(removed.Split(", ").Except(gone));
        Assert.DoesNotContain("item 1", gone);
        if (!removed.Contains("event 2"))
            Assert.DoesNotContain("event 2", gone);
    }

    [Theory]
    [InlineData("UPDATE animals SET name = 'changed' WHERE id = 2", "animal 2")]
    [InlineData("UPDATE cats SET name = 'changed' WHERE id = 2", "animal 2")]
    [InlineData("INSERT INTO cats VALUES (1, 'another', 7)", "animal 1")]
    [InlineData("DELETE FROM ONLY animals WHERE id = 1", "animal 1")]
    public async Task Inheritance(string sql, string removed)
        => Assert.Equal(removed, await RemovedByAsync(sql, "animal 1", "animal 2", "item 1"));

    [Fact]
    public async Task Truncate_cascade()
        => Assert.Equal("item 1, group 1, items, part 1, part 2", await RemovedByAsync(
            "TRUNCATE items CASCADE", "item 1", "group 1", "items", "part 1", "part 2", "animal 1"));

    [Fact]
    public async Task A_trigger_that_changes_values()
    {
        await Database.ExecuteAsync(
            """
            CREATE FUNCTION to_group_2() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.group_id := 2; RETURN NEW; END $$;
            CREATE TRIGGER moves BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION to_group_2();
            """);
        try
        {
            await CatchUpAsync();
            Assert.Equal("item 9, group 2, items", await RemovedByAsync(
                "INSERT INTO items VALUES (9, 1, 'new')", "item 1", "item 9", "group 1", "group 2", "items"));
        }
        finally
        {
            await Database.ExecuteAsync("DROP TRIGGER moves ON items; DROP FUNCTION to_group_2();");
        }
    }

    [Fact]
    public async Task A_rollback_tells_nothing()
        => Assert.Equal("", await RemovedByAsync("BEGIN; DELETE FROM items; ROLLBACK", "item 1", "group 1", "items", "part 1"));

    [Fact]
    public async Task Savepoints()
    {
        var removed = (await RemovedByAsync(
            """
            BEGIN; UPDATE items SET name = 'a' WHERE id = 1; SAVEPOINT s; UPDATE items SET name = 'b' WHERE id = 2; ROLLBACK TO s;
            SAVEPOINT t; UPDATE parts SET name = 'c' WHERE id = 1; RELEASE t; COMMIT
            """,
            "item 1", "item 2", "part 1", "part 2")).Split(", ");
        Assert.Contains("item 1", removed);
        Assert.Contains("part 1", removed);
        Assert.DoesNotContain("part 2", removed);
    }

    [Fact]
    public async Task Nothing_is_told_before_the_commit_and_then_all_of_it()
    {
        await using var connection = new NpgsqlConnection(Database.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", await RemovedByAsync(
            () => SourceDatabase.ExecuteAsync(connection, "BEGIN; UPDATE items SET name = 'changed' WHERE id < 3"), "item 1", "item 2"));

        Assert.Equal("item 1, item 2", await RemovedByAsync(() => SourceDatabase.ExecuteAsync(connection, "COMMIT"), "item 1", "item 2", "part 1"));
    }

    [Fact]
    public async Task A_session_with_the_replication_role()
        => Assert.Equal("item 1", await RemovedByAsync(
            "SET session_replication_role = replica; UPDATE items SET name = 'changed' WHERE id = 1", "item 1", "item 2"));

    [Fact]
    public async Task Values_of_every_type_that_rows_are_told_apart_by()
    {
        var id = new Guid("00000000-0000-0000-0000-000000000001");
        var day = new DateOnly(2024, 2, 29);
        var at = new DateTime(2024, 2, 29, 12, 0, 0).AddTicks(1_234_560);
        var atz = new DateTimeOffset(2024, 2, 29, 10, 0, 0, TimeSpan.Zero).AddMilliseconds(120);
        byte[] bytes = [1];
        var label = "l'abel \"1";
        Func<SourceContext, Task<object?>>[] ofFirst =
        [
            async db => await db.Keyed.Where(k => k.Uuid == id).Cacheable().ToListAsync(),
            async db => await db.Keyed.Where(k => k.Flag == true).Cacheable().ToListAsync(),
            async db => await db.Keyed.Where(k => k.Day == day).Cacheable().ToListAsync(),
            async db => await db.Keyed.Where(k => k.At == at).Cacheable().ToListAsync(),
            async db => await db.Keyed.Where(k => k.Atz == atz).Cacheable().ToListAsync(),
            async db => await db.Keyed.Where(k => k.Bytes == bytes).Cacheable().ToListAsync(),
            async db => await db.Keyed.Where(k => k.Label == label).Cacheable().ToListAsync(),
        ];
        foreach (var query in ofFirst)
        {
            Assert.NotEqual("[]", (await GetAsync(query)).Result);
            Assert.True((await GetAsync(query)).WasHit);
        }

        await Database.ExecuteAsync("INSERT INTO keyed VALUES (3, gen_random_uuid(), false, '2030-01-01', '2030-01-01', '2030-01-01', 'x', 'x')");
        await CatchUpAsync();
        foreach (var query in ofFirst)
            Assert.True((await GetAsync(query)).WasHit);

        await Database.ExecuteAsync("DELETE FROM keyed WHERE id = 1");
        await CatchUpAsync();
        foreach (var query in ofFirst)
            Assert.False((await GetAsync(query)).WasHit);
    }

    [Fact]
    public async Task A_table_that_is_dropped_and_made_again()
    {
        await GetAsync("part 1");
        await Database.ExecuteAsync(
            "DROP TABLE parts; CREATE TABLE parts (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items ON DELETE CASCADE ON UPDATE CASCADE, "
            + "name text NOT NULL)");
        await CatchUpAsync();
        var refused = await ExplainAsync("part 1");
        Assert.Contains(nameof(RefusalReason.NotCaptured), refused);

        await using (var db = Open())
            await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
        Assert.Equal("part 1", await RemovedByAsync(
            "INSERT INTO parts VALUES (1, 1, 'new')", "part 1", "part 2", "item 1"));
    }

    [Fact]
    public async Task A_table_that_is_written_anew_without_telling()
        => Assert.Equal("part 1", await RemovedByAsync(
            "ALTER TABLE parts ALTER name TYPE text USING upper(name)", "part 1", "item 1"));

    [Fact]
    public async Task A_partition_that_is_detached_and_attached()
    {
        Assert.Contains("events", await RemovedByAsync("ALTER TABLE events DETACH PARTITION events_2025", "event 2", "events"));
        await RemovedByAsync("UPDATE events_2025 SET name = 'apart'", "event 2", "events");
        Assert.Contains("events", await RemovedByAsync("ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES IN (2025)", "event 2", "events"));
    }

    [Fact]
    public async Task Installing_again_changes_nothing()
    {
        var before = Source.Status.Flushes;
        await using var db = Open();
        await db.Database.EnsureChangeCaptureAsync(TestContext.Current.CancellationToken);
        await CatchUpAsync();
        Assert.Equal(before, Source.Status.Flushes);
    }

    [Fact]
    public async Task After_capture_was_removed_nothing_is_cached_from_these_tables()
    {
        await GetAsync("item 1");
        await Database.ExecuteAsync(RemoveCaptureOfItems);
        await CatchUpAsync();

        Assert.Contains(nameof(RefusalReason.NotCaptured), await ExplainAsync("item 1"));
        Assert.Equal(["public.items"], Cache.Sources.Single().Uncaptured);
    }

    [Fact]
    public async Task Where_that_is_allowed_queries_of_tables_without_capture_are_cached()
    {
        await using var cache = CreateCache(c => ConfigureUncaptured(c));
        await using var db = Database.Open(cache);
        await Database.ExecuteAsync(RemoveCaptureOfItems);
        await db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken);
        await cache.WaitUntilLiveAsync(TestContext.Current.CancellationToken);
        await db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken);
        await db.Items.Cacheable().CountAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, cache.Statistics.Hits);
    }

    protected abstract SecondLevelCacheOptionsBuilder ConfigureUncaptured(SecondLevelCacheOptionsBuilder cache);
}
