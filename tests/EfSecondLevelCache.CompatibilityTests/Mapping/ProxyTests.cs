using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EfSecondLevelCache.CompatibilityTests.Mapping;

/// <summary>Proxies that load lazily and track changes, and a loader that entities ask themselves.</summary>
public sealed class ProxyTests(PostgresServer server) : ScenarioTests<ProxyTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<ForumContext>("forum", ForumContext.SeedAsync)
    {
        {
            "lazy loading of references and collections", async app =>
            {
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<ForumContext>();
                    var threads = await app.Cached(db.Topics.OrderBy(t => t.Id)).ToListAsync();
                    foreach (var topic in threads)
                    {
                        app.Saw("author", topic.Author!.Name);
                        app.Saw("posts", topic.Posts.OrderBy(p => p.Id).Select(p => (p.Text, p.Author!.Name)).ToList());
                    }

                    app.Saw("is a proxy", threads[0].GetType() != typeof(Topic));
                }
            }
        },
        {
            "changes of proxies", async app =>
            {
                app.Saw("texts", await TextsAsync(app));
                await using (var db = app.Open<ForumContext>())
                {
                    var topic = await app.Cached(db.Topics.Where(t => t.Id == 1)).SingleAsync();
                    topic.Posts.First().Text = $"changed {app.Pass}";
                    topic.Posts.Add(db.CreateProxy<Post>(post =>
                    {
                        post.Text = $"new {app.Pass}";
                        post.Author = topic.Author;
                    }));
                    app.Saw("modified", db.ChangeTracker.Entries().Count(e => e.State is EntityState.Modified or EntityState.Added));
                    app.Saw("rows", await db.SaveChangesAsync());
                }

                app.Saw("texts", await TextsAsync(app));
                app.Saw("texts", await TextsAsync(app));
            }
        },
        {
            "lazy loading of what is detached and what is disposed", async app =>
            {
                Topic topic;
                await using (var db = app.Open<ForumContext>())
                {
                    topic = await app.Cached(db.Topics.Where(t => t.Id == 2)).SingleAsync();
                    app.Saw("again", (await app.Cached(db.Topics.AsNoTracking().Where(t => t.Id == 2)).SingleAsync()).Posts.Count);
                }

                await app.FailsAsync("disposed", () => Task.FromResult(topic.Posts.Count));
            }
        },
    }.With(options: options => options.UseLazyLoadingProxies().UseChangeTrackingProxies());

    private static async Task<List<string>> TextsAsync(App app)
    {
        await using var db = app.Open<ForumContext>();
        return await app.Cached(db.Posts.OrderBy(p => p.Id).Select(p => p.Text)).ToListAsync();
    }
}

public class ForumContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Topic> Topics => Set<Topic>();

    public DbSet<Post> Posts => Set<Post>();

    public static async Task SeedAsync(ForumContext db)
    {
        for (var i = 1; i <= 3; i++)
        {
            var author = db.CreateProxy<Member>(member => member.Name = $"member {i}");
            var topic = db.CreateProxy<Topic>(t => (t.Title, t.Author) = ($"topic {i}", author));
            db.Add(topic);
            for (var p = 1; p <= i; p++)
                topic.Posts.Add(db.CreateProxy<Post>(post => (post.Text, post.Author) = ($"post {i}.{p}", author)));
        }

        await db.SaveChangesAsync();
    }
}

public class Topic
{
    public virtual int Id { get; set; }

    public virtual string Title { get; set; } = "";

    public virtual Member? Author { get; set; }

    public virtual ICollection<Post> Posts { get; } = new System.Collections.ObjectModel.ObservableCollection<Post>();
}

public class Post
{
    public virtual int Id { get; set; }

    public virtual string Text { get; set; } = "";

    public virtual Member? Author { get; set; }
}

public class Member
{
    public virtual int Id { get; set; }

    public virtual string Name { get; set; } = "";
}
