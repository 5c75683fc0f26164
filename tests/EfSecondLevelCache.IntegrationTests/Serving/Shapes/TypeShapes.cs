using System.Net;
using System.Net.NetworkInformation;
using Microsoft.EntityFrameworkCore;
using NpgsqlTypes;
using static EfSecondLevelCache.IntegrationTests.Serving.ServedQuery<EfSecondLevelCache.IntegrationTests.Serving.Shapes.ShapesContext>;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>Values of many types, read and as parameters.</summary>
internal static class TypeShapes
{
    public static IEnumerable<ServedQuery<ShapesContext>> All =>
    [
        Rows("all types, tracked", db => db.Specimens.OrderBy(s => s.Id)),
        Rows("all types, untracked", db => db.Specimens.AsNoTracking().OrderBy(s => s.Id)),
        Rows("arrays and lists of primitives", db => db.Blogs.OrderBy(b => b.Id).Select(b => new { b.Labels, b.Scores })),
        Rows("array element, length, contains", db => db.Blogs.Where(b => b.Scores.Contains(3) || b.Labels.Count == 4).OrderBy(b => b.Id)
            .Select(b => new { b.Id, First = b.Scores[0], b.Scores.Length, HasLabel = b.Labels.Any(l => l == "label 0") })),
        Rows("array overlap with a parameter", (int[][])[[1, 2], [7]],
            (db, scores) => db.Blogs.Where(b => b.Scores.Any(s => scores.Contains(s))).OrderBy(b => b.Id)),
        Rows("list equality", (List<string>[])[["label 0"], [], ["label 0", "label 1"]],
            (db, labels) => db.Blogs.Where(b => b.Labels == labels).Select(b => b.Id)),

        Rows("enum as a number", [Theme.Dark, Theme.Sepia], (db, theme) => db.Blogs.Where(b => b.Theme == theme).OrderBy(b => b.Id)),
        Rows("enum as text", [Visibility.Everybody, Visibility.Members], (db, v) => db.Blogs.Where(b => b.Visibility == v)
            .OrderBy(b => b.Id)),
        Rows("enum of PostgreSQL", [Mood.Happy, Mood.Sad], (db, mood) => db.Blogs.Where(b => b.Mood == mood).OrderBy(b => b.Id)),
        Rows("nullable enums", (Theme?[])[null, Theme.Sepia], (db, theme) => db.Specimens.Where(s => s.MaybeTheme == theme)
            .OrderBy(s => s.Id).Select(s => s.MaybeMood)),
        Rows("list of enums", (Mood[][])[[Mood.Happy], [Mood.Happy, Mood.Sad]], (db, moods) => db.Blogs.Where(b => moods.Contains(b.Mood))
            .OrderBy(b => b.Id)),
        Rows("strongly typed id", [Id(1), Id(2)], (db, id) => db.Tags.Where(t => t.Id == id)),
        Rows("list of strongly typed ids", (TagId[][])[[Id(1), Id(2)], [Id(3)]], (db, ids) => db.Tags.Where(t => ids.Contains(t.Id))
            .OrderBy(t => t.Name)),
        Free(
            "Find by a strongly typed id",
            (db, m) => db.Tags.Marked(m).Single(t => t.Id == Id(4)),
            async (db, m) => await db.Tags.Marked(m).SingleAsync(t => t.Id == Id(4))),

        Rows("uuid", [Guid.Parse("11111111-2222-3333-4444-000000000001"), Guid.Empty], (db, code) => db.Specimens.Where(s => s.Code == code)
            .Select(s => s.Id)),
        Rows("date", [new DateOnly(2024, 2, 28), new DateOnly(2024, 2, 29)], (db, day) => db.Specimens.Where(s => s.Day == day)
            .Select(s => s.Day)),
        Rows("time", [new TimeOnly(23, 59, 51), new TimeOnly(0)], (db, time) => db.Specimens.Where(s => s.Time > time).OrderBy(s => s.Id)
            .Select(s => s.Time)),
        Rows("timestamp with time zone", [Utc(1), Utc(2)], (db, at) => db.Specimens.Where(s => s.Instant > at).OrderBy(s => s.Id)
            .Select(s => s.Instant)),
        Rows("timestamp", [DateTime.SpecifyKind(Utc(1), DateTimeKind.Unspecified)], (db, at) => db.Specimens.Where(s => s.Local >= at)
            .OrderBy(s => s.Id).Select(s => s.Local)),
        Rows("date and time with offset", [new DateTimeOffset(2024, 6, 2, 1, 2, 3, TimeSpan.Zero)],
            (db, at) => db.Specimens.Where(s => s.Offset <= at).OrderBy(s => s.Id).Select(s => s.Offset)),
        Rows("interval", [TimeSpan.FromHours(25.5), TimeSpan.FromHours(51)], (db, span) => db.Specimens.Where(s => s.Duration == span)
            .Select(s => s.Duration)),
        Rows("numeric", [1m, 1.00m, 2m], (db, amount) => db.Specimens.Where(s => s.Amount == amount).OrderBy(s => s.Id)
            .Select(s => s.Amount)),
        Rows("floating point", [0.0, -0.0, double.PositiveInfinity], (db, measure) => db.Specimens.Where(s => s.Measure == measure)
            .Select(s => s.Measure)),
        Rows("not a number", [float.NaN, 1f], (db, ratio) => db.Specimens.Where(s => s.Ratio.Equals(ratio)).Select(s => s.Ratio)),
        Rows("small numbers", db => db.Specimens.OrderBy(s => s.Id).Select(s => new { s.Small, s.Short, s.Long, s.Letter })),
        Rows("bytes", (byte[][])[[], [0, 255, 2], [0, 255, 3]], (db, bytes) => db.Specimens.Where(s => s.Bytes == bytes)
            .Select(s => s.Bytes)),
        Rows("JSON as text", db => db.Specimens.OrderBy(s => s.Id).Select(s => s.Json)),
        Rows("JSON as a document", db => db.Specimens.OrderBy(s => s.Id).Select(s => s.Document)),
        Rows("JSON document, a property", [1, 2],
            (db, n) => db.Specimens.Where(s => s.Document.RootElement.GetProperty("deep").GetProperty("n").GetInt32() == n)
            .Select(s => s.Id)),
        Rows("hstore", db => db.Specimens.OrderBy(s => s.Id).Select(s => s.Attributes)),
        Rows("range", [2, 11], (db, n) => db.Specimens.Where(s => s.Range.Contains(n)).OrderBy(s => s.Id).Select(s => s.Range)),
        Rows("range as a parameter",
            [new NpgsqlRange<int>(2, true, 12, false), new NpgsqlRange<int>(2, true, 11, true), NpgsqlRange<int>.Empty],
            (db, range) => db.Specimens.Where(s => s.Range == range).Select(s => s.Id)),
        Rows("range of dates", db => db.Specimens.OrderBy(s => s.Id).Select(s => s.Days)),
        Rows("inet", [IPAddress.Parse("192.168.0.1"), IPAddress.Parse("192.168.0.3")], (db, ip) => db.Specimens.Where(s => s.Address == ip)
            .Select(s => s.Address)),
        Rows("cidr", db => db.Specimens.OrderBy(s => s.Id).Select(s => s.Network)),
        Rows("macaddr", [PhysicalAddress.Parse("0800200C9A01"), PhysicalAddress.Parse("0800200C9A02")],
            (db, mac) => db.Specimens.Where(s => s.Mac == mac).Select(s => s.Mac)),
        Rows("bits and points", db => db.Specimens.OrderBy(s => s.Id).Select(s => new { s.Bits, s.Point })),
        Rows("arrays of everything", db => db.Specimens.OrderBy(s => s.Id)
            .Select(s => new { s.Codes, s.Dates, s.Amounts, s.Moods, s.Themes, s.Gaps })),
        Rows("link", [new Uri("https://example.com/2?q=ä"), new Uri("https://example.com/3?q=ä")],
            (db, link) => db.Specimens.Where(s => s.Link == link).Select(s => s.Link)),
        Rows("nulls of all types", db => db.Specimens.OrderBy(s => s.Id)
            .Select(s => new { s.Nothing, s.Address, s.Mac, s.Link, s.MaybeMood, s.MaybeTheme })),
    ];

    private static TagId Id(int i) => new(Guid.Parse($"00000000-0000-0000-0000-{i:D12}"));

    private static DateTime Utc(int day) => new(2024, 1, day, 1, 2, 3, DateTimeKind.Utc);
}
