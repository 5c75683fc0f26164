using System.Collections;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>A copy of the seeded database, behind a tap.</summary>
public sealed class ShapesDatabase(PostgresServer server) : IAsyncLifetime
{
    private PostgresDatabase _database = null!;

    public WireTap Tap { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync("shapes", SeedAsync);
        Tap = new WireTap(_database.ConnectionString);
    }

    public async ValueTask DisposeAsync()
    {
        await Tap.DisposeAsync();
        await _database.DisposeAsync();
    }

    public static void UseDatabase(DbContextOptionsBuilder options, string connectionString, bool retries = false)
        => options.UseNpgsql(connectionString, npgsql =>
        {
            npgsql.MapEnum<Mood>("mood");
            if (retries)
                npgsql.EnableRetryOnFailure();
        });

    private static async Task SeedAsync(string connectionString)
    {
        var options = new DbContextOptionsBuilder<ShapesContext>();
        UseDatabase(options, connectionString);
        await using var db = new ShapesContext(options.Options);
        await db.Database.EnsureCreatedAsync();
        await db.Database.ExecuteSqlAsync(
            $"""
             CREATE VIEW blog_statistics AS
             SELECT b."Id" AS "BlogId", b."Name", count(p."Id") AS "Posts", sum(p."Price") AS "Total"
             FROM blogs AS b LEFT JOIN posts AS p ON p."BlogId" = b."Id" AND NOT p."IsDeleted"
             GROUP BY b."Id", b."Name"
             """);

        var authors = Enumerable.Range(1, 4).Select(Author).ToList();
        var tags = Enumerable.Range(1, 6)
            .Select(i => new Tag { Id = new TagId(Guid.Parse($"00000000-0000-0000-0000-{i:D12}")), Name = $"tag {i}" })
            .ToList();
        var blogs = Enumerable.Range(1, 5).Select(i => Blog(i, authors)).ToList();
        var posts = Enumerable.Range(1, 40).Select(i => Post(i, blogs, authors, tags)).ToList();
        db.AddRange(authors);
        db.AddRange(tags);
        db.AddRange(blogs);
        db.AddRange(posts);
        db.AddRange(posts.Take(10).SelectMany(Comments));
        db.AddRange(posts.Take(5).SelectMany(p => (Translation[])
        [
            new() { PostId = p.Id, Culture = "de", Title = $"Beitrag {p.Id}" },
            new() { PostId = p.Id, Culture = "fr", Title = $"Article {p.Id} où l’été" },
        ]));

        var cat = new Cat { Id = 1, Name = "Tom", Lives = 9 };
        db.AddRange(cat, new Cat { Id = 2, Name = "Kitty", Lives = 7 }, new Dog { Id = 3, Name = "Rex", Friend = cat });
        db.AddRange(new Dog { Id = 4, Name = "Bello", Breed = "Collie" });
        db.AddRange(new Car { Id = 1, Plate = "B-A 1", Seats = 5 }, new Truck { Id = 2, Plate = "B-T 2", Payload = 7.50m });
        db.AddRange(new CardPayment { Id = 1, Amount = 10.10m, Card = "4711" }, new CashPayment { Id = 2, Amount = 20m, Currency = "EUR" });
        db.AddRange(new CashPayment { Id = 3, Amount = 0.5m });
        db.AddRange(Enumerable.Range(1, 6)
            .Select(i => new Document { Id = i, Tenant = i % 2 == 0 ? "north" : "south", Title = $"doc {i}" }));
        db.AddRange(Enumerable.Range(1, 2).Select(i => new Shelf { Id = i, Room = $"room {i}" }));
        db.AddRange(Enumerable.Range(1, 5)
            .Select(i => new Book { Id = i, ShelfId = 1 + (i % 2), Title = $"book {i}", Summary = i == 2 ? null : $"about {i}" }));
        db.Settings.Add(new() { ["Id"] = 1, ["Name"] = "depth", ["Value"] = 3 });
        db.Settings.Add(new() { ["Id"] = 2, ["Name"] = "width" });
        db.AddRange(Enumerable.Range(1, 3).Select(Specimen));
        await db.SaveChangesAsync();

        // So that no later ANALYZE changes a plan, and with it the order of rows that nobody asked to be ordered.
        await db.Database.ExecuteSqlAsync($"ANALYZE");
    }

    private static Author Author(int i) => new()
    {
        Id = i,
        Name = new PersonName($"First{i}", $"Last{i % 3}"),
        Born = i == 3 ? null : new DateOnly(1950 + i, 2, 28),
        Contact = new Contact
        {
            Email = i == 1 ? null : $"a{i}@example.com",
            Phones = [.. Enumerable.Range(0, i % 3).Select(n => new Phone { Kind = n == 0 ? "home" : "work", Number = $"{i}-{n}" })],
        },
        Addresses = [.. Enumerable.Range(0, i % 3).Select(n => new Address { City = $"City{n}", Street = n == 0 ? null : "Main" })],
        Preferences = new Preferences { Culture = i % 2 == 0 ? "de" : "en", Favourites = [i, i * 2] },
        Awards = [.. Enumerable.Range(1, i - 1).Select(n => new Award { Name = $"award {n}", Year = 2000 + n })],
    };

    private static Blog Blog(int i, List<Author> authors) => new()
    {
        Id = i,
        Name = $"Blog {i}",
        Tagline = i % 2 == 0 ? null : i == 3 ? "" : $"About {i} – ünïcödé",
        Rating = i == 4 ? null : i,
        Theme = (Theme)(i % 3),
        Visibility = (Visibility)(i % 3),
        Mood = (Mood)(i % 3),
        IsActive = i != 2,
        Created = new DateTimeOffset(2020, i, 1, 12, 30, 0, TimeSpan.Zero).AddTicks(10 * i),
        Labels = [.. Enumerable.Range(0, i - 1).Select(n => $"label {n}")],
        Scores = [.. Enumerable.Range(i, 3)],
        Layout = new Layout { Columns = i, Font = i == 5 ? null : "Serif" },
        Owner = i == 5 ? null : authors[i % 4],
    };

    private static Post Post(int i, List<Blog> blogs, List<Author> authors, List<Tag> tags) => new()
    {
        Id = i,
        Blog = blogs[i % 4],
        Author = i % 5 == 0 ? null : authors[i % 3],
        Title = $"Post {i:D2}",
        Body = i % 4 == 0 ? null : string.Concat(Enumerable.Repeat($"text {i} ", i)),
        PublishedOn = i % 6 == 0 ? null : new DateOnly(2018 + (i % 5), 1 + (i % 12), 1 + (i % 28)),
        Price = i * 1.2500m,
        Score = i / 7.0,
        IsDeleted = i % 10 == 0,
        Tags = [.. tags.Where((_, n) => (i + n) % 4 == 0)],
    };

    private static IEnumerable<Comment> Comments(Post post)
    {
        var at = new DateTime(2024, 2, 29, 23, 59, 59, DateTimeKind.Utc).AddHours(post.Id);
        var first = new Comment { Id = post.Id * 10L, Post = post, Text = $"first on {post.Id}", At = at };
        return [first, new Comment { Id = (post.Id * 10L) + 1, Post = post, Parent = first, Text = "reply", At = at.AddMinutes(1) }];
    }

    private static Specimen Specimen(int i) => new()
    {
        Id = i,
        Code = Guid.Parse($"11111111-2222-3333-4444-{i:D12}"),
        Day = new DateOnly(2024, 2, 26 + i),
        Time = new TimeOnly(23, 59, 50 + i).Add(TimeSpan.FromMicroseconds(i)),
        Instant = new DateTime(2024, 1, i, 1, 2, 3, DateTimeKind.Utc).AddMicroseconds(i),
        Local = new DateTime(2024, 1, i, 1, 2, 3, DateTimeKind.Unspecified),
        Offset = new DateTimeOffset(2024, 6, i, 1, 2, 3, TimeSpan.Zero),
        Duration = TimeSpan.FromHours(i * 25.5),
        Amount = i == 1 ? 1.0m : i == 2 ? 1.00m : -79228162514264.337593543950335m,
        Ratio = i == 3 ? float.NaN : i / 3f,
        Measure = i == 1 ? -0.0 : i == 2 ? double.PositiveInfinity : Math.PI,
        Small = (byte)(250 + i),
        Short = (short)-i,
        Long = long.MaxValue - i,
        Letter = (char)('ä' + i),
        Bytes = i == 1 ? [] : [0, 255, (byte)i],
        Json = $$"""{"n": {{i}}, "list": [1, 2, null]}""",
        Document = JsonDocument.Parse($$"""{"name": "n{{i}}", "deep": {"n": {{i}} } }"""),
        Attributes = i == 1 ? [] : new() { ["colour"] = "red", ["size"] = i == 2 ? null : $"{i}" },
        Range = i == 1 ? NpgsqlRange<int>.Empty : new NpgsqlRange<int>(i, true, i + 10, false),
        Days = new NpgsqlRange<DateOnly>(new DateOnly(2024, 1, i), new DateOnly(2024, 2, i)),
        Address = i == 2 ? null : IPAddress.Parse($"192.168.0.{i}"),
        Network = IPNetwork.Parse($"10.{i}.0.0/16"),
        Mac = i == 3 ? null : PhysicalAddress.Parse($"0800200C9A{i:X2}"),
        Bits = new BitArray([true, false, i % 2 == 0]),
        Point = new NpgsqlPoint(i, -i / 2.0),
        Codes = [Guid.Empty, Guid.Parse($"11111111-2222-3333-4444-{i:D12}")],
        Dates = [new DateOnly(2024, 1, i), new DateOnly(1, 1, 1)],
        Amounts = [i, 1.10m],
        Moods = [Mood.Sad, (Mood)(i % 3)],
        Themes = [Theme.Dark, (Theme)(i % 3)],
        Gaps = [1, null, i],
        Link = i == 1 ? null : new Uri($"https://example.com/{i}?q=ä"),
        MaybeTheme = i == 1 ? null : Theme.Sepia,
        MaybeMood = i == 1 ? null : Mood.Happy,
    };
}
