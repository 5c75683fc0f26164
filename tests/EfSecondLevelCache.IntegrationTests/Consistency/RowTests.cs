using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>A write removes the results that depend on its rows, and only those. Also where the change tracker's picture of the row is wrong.</summary>
public sealed class RowTests(BlogDatabase database) : BlogTests(database)
{
    [Fact]
    public async Task An_update_of_a_loaded_entity_removes_what_depends_on_its_row()
        => Assert.Equal("post 7, blog 1, all", await RemovedByAsync(
            () => SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 7)).Likes++),
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));

    [Fact]
    public async Task An_insert_removes_what_its_row_belongs_to()
        => Assert.Equal("blog 2, all", await RemovedByAsync(
            () => SaveAsync(db =>
            {
                db.Add(new Post { BlogId = 2, Title = "new" });
                return Task.CompletedTask;
            })));

    [Fact]
    public async Task A_delete_removes_what_its_row_belonged_to()
        => Assert.Equal("post 7, blog 1, all", await RemovedByAsync(
            () => SaveAsync(async db => db.Remove(await db.Posts.SingleAsync(p => p.Id == 7))),
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));

    [Fact]
    public async Task A_delete_of_an_entity_that_was_never_loaded_asks_the_database_where_its_row_was()
        => Assert.Equal("post 7, blog 1, all", await RemovedByAsync(
            () => SaveAsync(db =>
            {
                db.Remove(new Post { Id = 7, BlogId = 3 });
                return Task.CompletedTask;
            }),
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));

    [Fact]
    public async Task A_row_that_moves_is_missed_where_it_was_and_where_it_is()
        => Assert.Equal("post 7, blog 1, blog 2, all", await RemovedByAsync(
            () => SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 7)).BlogId = 2),
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));

    /// <summary>Our tracker says blog 1; another process has moved the row to blog 3, and what was cached for blog 3 has the old title.</summary>
    [Fact]
    public async Task An_update_reaches_where_another_process_has_moved_the_row_meanwhile()
    {
        await using var db = Open();
        var post = await db.Posts.SingleAsync(p => p.Id == 7);
        await Database.ExecuteAsync("""UPDATE posts SET "BlogId" = 3 WHERE "Id" = 7""");

        Assert.Equal("post 7, blog 3, all", await RemovedByAsync(
            async () =>
            {
                post.Title = "changed";
                await db.SaveChangesAsync();
            },
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));
    }

    /// <summary>The statement waits for a writer that moves the row too: where the row was is what that one has made of it.</summary>
    [Fact]
    public async Task A_move_that_waits_for_another_move_tells_where_the_row_was_at_last()
    {
        await using var other = Database.Open(null);
        await using var transaction = await other.Database.BeginTransactionAsync();
        await other.Posts.Where(p => p.Id == 7).ExecuteUpdateAsync(set => set.SetProperty(p => p.BlogId, 3));

        Assert.Equal("post 7, blog 2, blog 3, all", await RemovedByAsync(
            async () =>
            {
                var moving = SaveAsync(db =>
                {
                    db.Attach(new Post { Id = 7, BlogId = 2, Title = "" }).Property(p => p.BlogId).IsModified = true;
                    return Task.CompletedTask;
                });
                await Database.UntilSomebodyWaitsAsync();
                await transaction.CommitAsync();
                await moving;
            },
            "post 7", "post 8", "blog 2", "blog 3", "all"));
    }

    [Fact]
    public async Task An_update_reaches_where_another_context_has_moved_the_row_meanwhile()
    {
        await using var db = Open();
        var post = await db.Posts.SingleAsync(p => p.Id == 7);
        await SaveAsync(async other => (await other.Posts.SingleAsync(p => p.Id == 7)).BlogId = 3);

        Assert.Equal("post 7, blog 3, all", await RemovedByAsync(
            async () =>
            {
                post.Title = "changed";
                await db.SaveChangesAsync();
            },
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));
    }

    [Fact]
    public async Task An_attached_entity_with_one_column_modified_asks_the_database_for_the_rest()
        => Assert.Equal("post 7, blog 1, all", await RemovedByAsync(
            () => SaveAsync(db =>
            {
                db.Attach(new Post { Id = 7, BlogId = 2, Title = "?" }).Property(p => p.Likes).IsModified = true;
                return Task.CompletedTask;
            }),
            "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));

    [Fact]
    public async Task An_update_of_an_entity_that_was_never_loaded_asks_the_database_where_its_row_was()
        => Assert.Equal("post 7, blog 1, blog 2, all, slug 7", await RemovedByAsync(
            () => SaveAsync(db =>
            {
                db.Update(new Post { Id = 7, BlogId = 2, Title = "moved" });
                return Task.CompletedTask;
            })));

    [Fact]
    public async Task A_generated_column_is_taken_as_the_database_computed_it()
        => Assert.Equal("post 7, blog 1, all, slug 7", await RemovedByAsync(
            () => SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 7)).Title = "other")));

    [Fact]
    public async Task A_trigger_that_sets_a_column_is_not_taken_for_what_the_statement_says()
    {
        await Database.ExecuteAsync(
            """
            CREATE FUNCTION to_blog_3() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW."BlogId" := 3; RETURN NEW; END $$;
            CREATE TRIGGER moves BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION to_blog_3();
            """);
        try
        {
            var removed = await RemovedByAsync(
                () => SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 7)).Likes++),
                "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all");
            Assert.Equal("post 7, blog 1, blog 2, blog 3, all", removed);
        }
        finally
        {
            await Database.ExecuteAsync("DROP TRIGGER moves ON posts; DROP FUNCTION to_blog_3();");
        }
    }

    [Fact]
    public async Task ExecuteUpdate_and_ExecuteDelete_remove_what_depends_on_the_rows_of_their_WHERE()
    {
        string[] queries = ["post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"];
        var id = 7;
        Assert.Equal("post 7, blog 1, blog 2, blog 3, all", await RemovedByAsync(
            async () =>
            {
                await using var db = Open();
                await db.Posts.Where(p => p.Id == id).ExecuteUpdateAsync(set => set.SetProperty(p => p.Likes, 5));
            },
            queries));
        Assert.Equal("post 7, post 8, blog 1, all", await RemovedByAsync(
            async () =>
            {
                await using var db = Open();
                await db.Posts.Where(p => p.BlogId == 1 && p.Likes > 3).ExecuteDeleteAsync();
            },
            queries));
        Assert.Equal("post 7, post 8, blog 1, blog 2, blog 3, all", await RemovedByAsync(
            async () =>
            {
                await using var db = Open();
                await db.Posts.Where(p => p.BlogId == 2).ExecuteUpdateAsync(set => set.SetProperty(p => p.BlogId, 3));
            },
            queries));
    }

    [Fact]
    public async Task Raw_SQL_removes_what_depends_on_any_row_of_the_table()
    {
        const string All = "post 7, post 8, blog 1, blog 2, blog 3, all, slug 7";
        Assert.Equal(All, await RemovedByAsync(async () =>
        {
            await using var db = Open();
            await db.Database.ExecuteSqlAsync($"""UPDATE posts SET "Likes" = 6 WHERE "Id" = 7""");
        }));
    }

    [Fact]
    public async Task Rows_of_a_transaction_are_removed_with_its_commit()
    {
        await using var db = Open();
        await using var transaction = await db.Database.BeginTransactionAsync();
        Assert.Equal("", await RemovedByAsync(async () =>
        {
            (await db.Posts.SingleAsync(p => p.Id == 7)).Likes++;
            await db.SaveChangesAsync();
        }));

        Assert.Equal("post 7, blog 1, all", await RemovedByAsync(
            () => transaction.CommitAsync(), "post 7", "post 8", "blog 1", "blog 2", "blog 3", "all"));
    }

    [Fact]
    public async Task Composite_keys_are_told_apart_by_all_of_their_columns()
    {
        var ax = Setting("a", "x");
        var ay = Setting("a", "y");
        var bx = Setting("b", "x");
        var a = new Func<BlogContext, Task<object?>>(
            async db => await db.Settings.Where(s => s.Tenant == "a").OrderBy(s => s.Key).Cacheable().ToListAsync());
        foreach (var query in (Func<BlogContext, Task<object?>>[])[ax, ay, bx, a])
            await GetAsync(query);

        await SaveAsync(async db => (await db.Settings.SingleAsync(s => s.Tenant == "a" && s.Key == "x")).Value = "new");

        Assert.False((await GetAsync(ax)).WasHit);
        Assert.True((await GetAsync(ay)).WasHit);
        Assert.True((await GetAsync(bx)).WasHit);
        Assert.False((await GetAsync(a)).WasHit);

        static Func<BlogContext, Task<object?>> Setting(string tenant, string key)
            => async db => await db.Settings.Where(s => s.Tenant == tenant && s.Key == key).Cacheable().ToListAsync();
    }

    [Fact]
    public async Task Lists_and_included_collections_are_told_apart_by_their_values()
    {
        Func<BlogContext, Task<object?>> list = async db => await db.Posts.Where(p => new[] { 1, 2 }.Contains(p.Id)).OrderBy(p => p.Id).Cacheable().ToListAsync();
        Func<BlogContext, Task<object?>> included = async db => await db.Blogs.Include(b => b.Posts).Where(b => b.Id == 1).Cacheable().ToListAsync();
        await GetAsync(list);
        await GetAsync(included);

        await SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 9)).Likes++);
        Assert.True((await GetAsync(list)).WasHit);
        Assert.True((await GetAsync(included)).WasHit);

        await SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 1)).Likes++);
        Assert.False((await GetAsync(list)).WasHit);
        Assert.False((await GetAsync(included)).WasHit);
    }

    [Fact]
    public async Task An_included_reference_is_known_by_the_values_in_the_result()
    {
        Func<BlogContext, Task<object?>> optional = async db
            => await db.Posts.Include(p => p.Author).Where(p => p.BlogId == 1).OrderBy(p => p.Id).Cacheable().ToListAsync();
        Func<BlogContext, Task<object?>> required = async db
            => await db.Posts.Include(p => p.Blog).Where(p => p.AuthorId == 1).OrderBy(p => p.Id).Cacheable().ToListAsync();
        await AssertRemovedOnlyByAsync(optional, by: "authors", 1, unrelated: 2);
        await AssertRemovedOnlyByAsync(required, by: "blogs", 1, unrelated: 2);

        // Another author enters with the row that refers to him.
        await SaveAsync(async db => (await db.Posts.SingleAsync(p => p.Id == 1)).AuthorId = 3);
        Assert.False((await GetAsync(optional)).WasHit);
        await AssertRemovedOnlyByAsync(optional, by: "authors", 3, unrelated: 2);
    }

    [Fact]
    public async Task A_row_that_an_included_reference_misses_is_waited_for()
    {
        await Database.ExecuteAsync("""ALTER TABLE posts DISABLE TRIGGER ALL; UPDATE posts SET "AuthorId" = 77 WHERE "Id" = 1""");
        Func<BlogContext, Task<object?>> query = async db
            => await db.Posts.Include(p => p.Author).Where(p => p.BlogId == 1).OrderBy(p => p.Id).Cacheable().ToListAsync();
        await GetAsync(query);

        await SaveAsync(db =>
        {
            db.Add(new Author { Id = 77, Name = "late" });
            return Task.CompletedTask;
        });

        var (result, wasHit) = await GetAsync(query);
        Assert.False(wasHit);
        Assert.Contains("late", result, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_included_rows_decide_which_rows_there_are_any_of_them_counts()
    {
        await AssertRemovedByAnyAsync(async db
            => await db.Posts.Include(p => p.Author).Where(p => p.BlogId == 1).OrderBy(p => p.Author!.Name).Take(2).Cacheable().ToListAsync());
        await AssertRemovedByAnyAsync(async db
            => await db.Posts.Include(p => p.Author).Where(p => p.BlogId == 1 && p.Author!.Name != "x").Cacheable().ToListAsync());
        await AssertRemovedByAnyAsync(async db => await db.Posts.Where(p => p.BlogId == 1).Select(p => p.Author!.Name).Cacheable().ToListAsync());
    }

    private async Task AssertRemovedByAnyAsync(Func<BlogContext, Task<object?>> query)
    {
        await GetAsync(query);
        await SaveAsync(async db => (await db.Authors.SingleAsync(a => a.Id == 2)).Name += "!");
        Assert.False((await GetAsync(query)).WasHit);
    }

    private async Task AssertRemovedOnlyByAsync(Func<BlogContext, Task<object?>> query, string by, int id, int unrelated)
    {
        await GetAsync(query);
        await RenameAsync(unrelated);
        Assert.True((await GetAsync(query)).WasHit);
        await RenameAsync(id);
        var (result, wasHit) = await GetAsync(query);
        Assert.False(wasHit);
        Assert.Contains("renamed", result, StringComparison.Ordinal);

        Task RenameAsync(int renamed) => SaveAsync(async db =>
        {
            if (by == "authors")
                (await db.Authors.SingleAsync(a => a.Id == renamed)).Name = $"renamed {Guid.NewGuid()}";
            else
                (await db.Blogs.SingleAsync(b => b.Id == renamed)).Name = $"renamed {Guid.NewGuid()}";
        });
    }

    [Fact]
    public async Task An_explanation_names_the_rows()
    {
        await using var db = Open();
        var id = 1;
        var query = db.Posts.Where(p => p.BlogId == id).Cacheable();
        Assert.Equal(["posts[BlogId = 1]"], query.ExplainCache().Dependencies);

        await query.ToListAsync();
        Assert.Equal(["posts[BlogId = 1]"], query.ExplainCache().Dependencies);
    }
}
