using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.IntegrationTests.Serving.ServedQuery<EfSecondLevelCache.IntegrationTests.Serving.Chinook.ChinookContext>;

namespace EfSecondLevelCache.IntegrationTests.Serving.Chinook;

/// <summary>What the pages, reports and services of a shop for music ask.</summary>
public sealed class ChinookQueries : IServedQueries<ChinookContext>
{
    public static IReadOnlyList<ServedQuery<ChinookContext>> All { get; } =
    [
        // The shop's pages
        Rows("navigation: genres by name", db => db.Genres.AsNoTracking().OrderBy(g => g.Name)),
        Rows("navigation: genres with counts", db => db.Genres.OrderBy(g => g.GenreId)
            .Select(g => new { g.Name, Tracks = g.Tracks.Count })),
        Rows("artists page", [0, 20, 260, 300], (db, skip) => db.Artists.AsNoTracking().OrderBy(a => a.Name).ThenBy(a => a.ArtistId)
            .Skip(skip).Take(20)),
        Value("artists page: total", db => db.Artists, q => q.Count(), q => q.CountAsync()),
        Rows("artists by letter", ["A", "Q", "É"], (db, letter) => db.Artists.Where(a => a.Name!.StartsWith(letter)).OrderBy(a => a.Name)),
        Rows("artist page", [1, 90, 25], (db, id) => db.Artists.Where(a => a.ArtistId == id).Include(a => a.Albums.OrderBy(x => x.Title))),
        Rows("artist page, whole discography", [90, 22], (db, id) => db.Artists.Where(a => a.ArtistId == id)
            .Include(a => a.Albums).ThenInclude(a => a.Tracks).AsSplitQuery()),
        Rows("artists without an album", db => db.Artists.Where(a => !a.Albums.Any()).OrderBy(a => a.ArtistId)),
        Rows("album page", [1, 141], (db, id) => db.Albums.AsNoTracking().Where(a => a.AlbumId == id)
            .Include(a => a.Artist).Include(a => a.Tracks.OrderBy(t => t.TrackId)).ThenInclude(t => t.MediaType)),
        Value("album page, tracked", db => db.Albums.Include(a => a.Tracks), q => q.First(a => a.AlbumId == 5),
            q => q.FirstAsync(a => a.AlbumId == 5)),
        Rows("album durations", db => db.Albums.OrderBy(a => a.AlbumId)
            .Select(a => new { a.Title, a.Artist.Name, Tracks = a.Tracks.Count, Minutes = a.Tracks.Sum(t => t.Milliseconds) / 60000.0 })),
        Rows("longest albums", db => db.Albums.OrderByDescending(a => a.Tracks.Sum(t => (long)t.Milliseconds)).ThenBy(a => a.AlbumId)
            .Take(10)
            .Select(a => new { a.Title, Longest = a.Tracks.Max(t => t.Milliseconds) })),
        Rows("track page", [1, 2819], (db, id) => db.Tracks.Where(t => t.TrackId == id).Include(t => t.Album!.Artist).Include(t => t.Genre)
            .Include(t => t.MediaType)),
        Value("track by key", db => db.Tracks, q => q.SingleOrDefault(t => t.TrackId == 3503),
            q => q.SingleOrDefaultAsync(t => t.TrackId == 3503)),
        Value("track that is not there", db => db.Tracks, q => q.FirstOrDefault(t => t.TrackId == -1),
            q => q.FirstOrDefaultAsync(t => t.TrackId == -1)),
        Rows("search by words", ["love", "50%", "Ação"], (db, text) => db.Tracks.Where(t => EF.Functions.ILike(t.Name, "%" + text + "%"))
            .OrderBy(t => t.TrackId).Take(50)),
        Rows("search in several tables", ["Black", "zzz"], (db, text) => db.Artists.Where(a => a.Name!.Contains(text))
            .Select(a => new { Kind = "artist", Text = a.Name })
            .Concat(db.Albums.Where(a => a.Title.Contains(text)).Select(a => new { Kind = "album", Text = (string?)a.Title }))
            .Concat(db.Tracks.Where(t => t.Name.Contains(text)).Select(t => new { Kind = "track", Text = (string?)t.Name }))
            .OrderBy(r => r.Kind).ThenBy(r => r.Text)),
        Rows("tracks by genre, filtered", [(1, 0.99m), (18, 1.99m), (18, 0.99m)], (db, filter) => db.Tracks
            .Where(t => t.GenreId == filter.Item1 && t.UnitPrice <= filter.Item2).OrderBy(t => t.Name).ThenBy(t => t.TrackId).Take(25)),
        Rows("tracks by optional composer", (string?[])["U2", null, ""], (db, composer) => db.Tracks.Where(t => t.Composer == composer)
            .OrderBy(t => t.TrackId).Take(30)),
        Rows("basket", (int[][])[[1, 3, 5], [5, 3, 1], []], (db, ids) => db.Tracks.Where(t => ids.Contains(t.TrackId))
            .OrderBy(t => t.TrackId)
            .Select(t => new { t.TrackId, t.Name, t.UnitPrice })),
        Rows("playlists", db => db.Playlists.OrderBy(p => p.PlaylistId).Select(p => new { p.PlaylistId, p.Name, Tracks = p.Tracks.Count })),
        Rows("playlist page", [12, 18, 2], (db, id) => db.Playlists.AsNoTracking().Where(p => p.PlaylistId == id)
            .Include(p => p.Tracks.OrderBy(t => t.TrackId))),
        Rows("playlists of a track", [1, 3402], (db, id) => db.Tracks.Where(t => t.TrackId == id).SelectMany(t => t.Playlists)
            .OrderBy(p => p.PlaylistId)),
        Rows("bought together", [2, 20], (db, id) => db.InvoiceLines.Where(l => l.TrackId == id)
            .SelectMany(l => l.Invoice.Lines).Where(l => l.TrackId != id).GroupBy(l => new { l.TrackId, l.Track.Name })
            .OrderByDescending(g => g.Count()).ThenBy(g => g.Key.TrackId).Take(5).Select(g => new { g.Key.Name, Times = g.Count() })),

        // Customers
        Rows("customer by e-mail", ["luisg@embraer.com.br", "LUISG@embraer.com.br"],
            (db, email) => db.Customers.Where(c => c.Email == email)),
        Rows("customer with orders", [1, 59], (db, id) => db.Customers.Where(c => c.CustomerId == id).Include(c => c.Invoices)
            .ThenInclude(i => i.Lines)),
        Rows("orders of a customer, paged", [(5, 0), (5, 3), (6, 0)], (db, page) => db.Invoices.Where(i => i.CustomerId == page.Item1)
            .OrderByDescending(i => i.InvoiceDate).Skip(page.Item2).Take(3)),
        Rows("order with everything", [10, 400], (db, id) => db.Invoices.AsNoTracking().Where(i => i.InvoiceId == id)
            .Include(i => i.Customer)
            .Include(i => i.Lines.OrderBy(l => l.InvoiceLineId)).ThenInclude(l => l.Track).ThenInclude(t => t.Album)),
        Value("customer's spending", db => db.Invoices.Where(i => i.CustomerId == 6), q => q.Sum(i => i.Total),
            q => q.SumAsync(i => i.Total)),
        Value("whether a customer bought a track", db => db.InvoiceLines, q => q.Any(l => l.Invoice.CustomerId == 5 && l.TrackId == 99),
            q => q.AnyAsync(l => l.Invoice.CustomerId == 5 && l.TrackId == 99)),
        Rows("customers of a country", ["Brazil", "Atlantis", "USA"], (db, country) => db.Customers.Where(c => c.Country == country)
            .OrderBy(c => c.LastName)
            .Select(c => new { c.FirstName, c.LastName, c.State, c.PostalCode })),
        Rows("customers by optional company", (string?[])[null, "Google Inc."],
            (db, company) => db.Customers.Where(c => c.Company == company).OrderBy(c => c.CustomerId)),
        Rows("customers without a recent order", [new DateTime(2025, 10, 1), new DateTime(2021, 1, 1)],
            (db, since) => db.Customers.Where(c => c.Invoices.All(i => i.InvoiceDate < since)).OrderBy(c => c.CustomerId)
                .Select(c => c.Email)),
        Rows("last order of each customer", db => db.Customers.OrderBy(c => c.CustomerId)
            .Select(c => new { c.LastName, Last = c.Invoices.OrderByDescending(i => i.InvoiceDate).ThenBy(i => i.InvoiceId).First() })),

        // Reports
        Rows("sales by country", db => db.Invoices.GroupBy(i => i.BillingCountry).OrderByDescending(g => g.Sum(i => i.Total))
            .ThenBy(g => g.Key)
            .Select(g => new { g.Key, Orders = g.Count(), Total = g.Sum(i => i.Total), Average = g.Average(i => i.Total) })),
        Rows("sales by month", db => db.Invoices.GroupBy(i => new { i.InvoiceDate.Year, i.InvoiceDate.Month })
            .OrderBy(g => g.Key.Year).ThenBy(g => g.Key.Month).Select(g => new { g.Key.Year, g.Key.Month, Total = g.Sum(i => i.Total) })),
        Rows("sales between dates",
            [(new DateTime(2021, 1, 1), new DateTime(2022, 1, 1)), (new DateTime(2023, 3, 1), new DateTime(2023, 3, 31))],
            (db, dates) => db.Invoices.Where(i => i.InvoiceDate >= dates.Item1 && i.InvoiceDate < dates.Item2).OrderBy(i => i.InvoiceId)
                .Select(i => new { i.InvoiceDate, i.Total })),
        Rows("best-selling tracks", db => db.InvoiceLines.GroupBy(l => new { l.TrackId, l.Track.Name })
            .OrderByDescending(g => g.Sum(l => l.Quantity)).ThenBy(g => g.Key.TrackId).Take(10)
            .Select(g => new { g.Key.Name, Sold = g.Sum(l => l.Quantity), Revenue = g.Sum(l => l.UnitPrice * l.Quantity) })),
        Rows("best-selling artists", [3, 10], (db, count) => db.InvoiceLines.GroupBy(l => l.Track.Album!.Artist.Name)
            .Select(g => new { g.Key, Revenue = g.Sum(l => l.UnitPrice * l.Quantity) }).OrderByDescending(r => r.Revenue).ThenBy(r => r.Key)
            .Take(count)),
        Rows("sales by genre and media type", db => db.InvoiceLines
            .GroupBy(l => new { Genre = l.Track.Genre!.Name, Media = l.Track.MediaType.Name }).Where(g => g.Count() > 10)
            .OrderBy(g => g.Key.Genre).ThenBy(g => g.Key.Media).Select(g => new { g.Key.Genre, g.Key.Media, Lines = g.Count() })),
        Rows("tracks never sold", db => db.Tracks.Where(t => !db.InvoiceLines.Any(l => l.TrackId == t.TrackId)).OrderBy(t => t.TrackId)
            .Select(t => t.Name).Take(100)),
        Rows("orders above the average", db => db.Invoices.Where(i => i.Total > db.Invoices.Average(x => x.Total) * 2)
            .OrderBy(i => i.InvoiceId)),
        Rows("running total", db => db.Database.SqlQuery<RunningTotal>(
            $"""
             SELECT invoice_id, total, sum(total) OVER (PARTITION BY customer_id ORDER BY invoice_id) AS running
             FROM invoice WHERE customer_id < 5 ORDER BY 1
             """)),
        Rows("revenue per support agent", db => db.Employees.Where(e => e.Customers.Any()).OrderBy(e => e.EmployeeId)
            .Select(e => new
            {
                e.LastName,
                Customers = e.Customers.Count,
                Revenue = e.Customers.SelectMany(c => c.Invoices).Sum(i => i.Total),
            })),

        // Staff
        Rows("staff with managers", db => db.Employees.AsNoTrackingWithIdentityResolution().Include(e => e.Manager)
            .OrderBy(e => e.EmployeeId)),
        Rows("organisation chart", db => db.Employees.Where(e => e.ReportsTo == null).Include(e => e.Reports).ThenInclude(e => e.Reports)),
        Rows("organisation chart by a recursive query", [1, 2], (db, root) => db.Employees.FromSql(
            $"""
             WITH RECURSIVE tree AS (
                 SELECT * FROM employee WHERE employee_id = {root}
                 UNION ALL
                 SELECT e.* FROM employee e JOIN tree t ON e.reports_to = t.employee_id)
             SELECT * FROM tree
             """).AsNoTracking()),
        Rows("staff hired before", [new DateTime(2003, 1, 1), new DateTime(1990, 1, 1)],
            (db, date) => db.Employees.Where(e => e.HireDate < date).OrderBy(e => e.HireDate)),
        Rows("catalogue export", db => db.Tracks.AsNoTracking().OrderBy(t => t.TrackId)
            .Select(t => new { t.TrackId, t.Name, Album = t.Album!.Title, Artist = t.Album.Artist.Name, Genre = t.Genre!.Name, t.Composer,
                t.Milliseconds, t.Bytes, t.UnitPrice })),
    ];

    private sealed class RunningTotal
    {
        [System.ComponentModel.DataAnnotations.Schema.Column("invoice_id")]
        public int InvoiceId { get; set; }
        [System.ComponentModel.DataAnnotations.Schema.Column("total")]
        public decimal Total { get; set; }
        [System.ComponentModel.DataAnnotations.Schema.Column("running")]
        public decimal Running { get; set; }
    }
}
