using Microsoft.EntityFrameworkCore;
using static EfSecondLevelCache.IntegrationTests.Serving.ServedQuery<EfSecondLevelCache.IntegrationTests.Serving.Shapes.ShapesContext>;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

/// <summary>How types are mapped: keyless, owned, complex, JSON, inheritance, many-to-many, filters.</summary>
internal static class MappingShapes
{
    public static IEnumerable<ServedQuery<ShapesContext>> All =>
    [
        // Keyless
        Rows("view", db => db.BlogStatistics.OrderBy(s => s.BlogId)),
        Rows("view with a parameter", [1, 2], (db, id) => db.BlogStatistics.Where(s => s.BlogId == id)),
        Rows("view in a join", db => db.Blogs.Join(db.BlogStatistics, b => b.Id, s => s.BlogId, (b, s) => new { b.Name, s.Total })
            .OrderBy(r => r.Name)),
        Rows("SQL query as a mapping", db => db.PostsPerYear.OrderBy(p => p.Year)),
        Rows("SQL query as a mapping, filtered", db => db.PostsPerYear.Where(p => p.Posts > 5).OrderBy(p => p.Year)),

        // Owned and complex
        Rows("owned in the same table", db => db.Blogs.Where(b => b.Layout.Columns > 2).OrderBy(b => b.Id)),
        Rows("owned, projected", db => db.Blogs.AsNoTracking().OrderBy(b => b.Id).Select(b => b.Layout)),
        Rows("owned in another table", db => db.Authors.Where(a => a.Addresses.Any(x => x.City == "City1")).OrderBy(a => a.Id)),
        Rows("owned in another table, split", db => db.Authors.OrderBy(a => a.Id).AsSplitQuery()),
        Rows("entity in two tables", db => db.Books.Where(b => b.Summary != null).OrderBy(b => b.Id)),
        Rows("entity in two tables, one needed", db => db.Books.OrderBy(b => b.Id).Select(b => b.Title)),
        Rows("complex type", db => db.Authors.Where(a => a.Name.Last == "Last1").OrderBy(a => a.Id)),
        Rows("complex type, projected", db => db.Authors.OrderBy(a => a.Id).Select(a => a.Name)),
        Rows("complex type as a parameter",
            [new PersonName("First1", "Last1"), new PersonName("First2", "Last1"), new PersonName("First2", "Last2")],
            (db, name) => db.Authors.Where(a => a.Name == name).Select(a => a.Id)),

        // JSON columns
        Rows("owned JSON", db => db.Authors.AsNoTracking().OrderBy(a => a.Id).Select(a => a.Contact)),
        Rows("owned JSON, a property", db => db.Authors.Where(a => a.Contact.Email == "a2@example.com")),
        Rows("owned JSON, a collection in it", db => db.Authors.AsNoTracking().OrderBy(a => a.Id).Select(a => a.Contact.Phones)),
        Rows("owned JSON, a query in it", db => db.Authors.Where(a => a.Contact.Phones.Any(p => p.Kind == "work")).Select(a => a.Id)),
        Rows("owned JSON, an element by index", db => db.Authors.OrderBy(a => a.Id).Select(a => a.Contact.Phones[0].Number)),
        Rows("complex JSON", db => db.Authors.OrderBy(a => a.Id).Select(a => a.Preferences)),
        Rows("complex JSON, a property", ["de", "en"], (db, culture) => db.Authors.Where(a => a.Preferences.Culture == culture)
            .Select(a => a.Id)),
        Rows("complex JSON, a list in it", db => db.Authors.Where(a => a.Preferences.Favourites.Contains(4)).Select(a => a.Id)),
        Rows("complex JSON collection", db => db.Authors.OrderBy(a => a.Id).Select(a => a.Awards)),
        Rows("complex JSON collection, a query in it", db => db.Authors.Where(a => a.Awards.Any(w => w.Year == 2002)).OrderBy(a => a.Id)
            .Select(a => a.Id)),

        // Inheritance
        Rows("one table, the base", db => db.Animals.OrderBy(a => a.Id)),
        Rows("one table, OfType", db => db.Animals.OfType<Dog>().Include(d => d.Friend).OrderBy(d => d.Id)),
        Rows("one table, a derived set", db => db.Set<Cat>().Where(c => c.Lives > 8)),
        Rows("one table, is", db => db.Animals.Where(a => a is Cat).OrderBy(a => a.Id)),
        Rows("one table, a derived property", db => db.Animals.OrderBy(a => a.Id).Select(a => new { a.Name, ((Dog)a).Breed })),
        Rows("table per type, the base", db => db.Vehicles.OrderBy(v => v.Id)),
        Rows("table per type, OfType", db => db.Vehicles.OfType<Truck>()),
        Rows("table per type, a derived set", db => db.Set<Car>().Where(c => c.Seats == 5)),
        Rows("table per concrete type, the base", db => db.Payments.OrderBy(p => p.Id)),
        Rows("table per concrete type, OfType", db => db.Payments.OfType<CashPayment>().OrderBy(p => p.Id)),
        Rows("table per concrete type, a derived set", db => db.Set<CardPayment>()),
        Value("table per concrete type, Sum", db => db.Payments, q => q.Sum(p => p.Amount), q => q.SumAsync(p => p.Amount)),

        // Many-to-many
        Rows("many-to-many, include", db => db.Posts.Include(p => p.Tags).OrderBy(p => p.Id)),
        Rows("many-to-many, the other way", db => db.Tags.Include(t => t.Posts.OrderBy(p => p.Id)).OrderBy(t => t.Name)),
        Rows("many-to-many, a predicate", db => db.Posts.Where(p => p.Tags.Any(t => t.Name == "tag 2")).OrderBy(p => p.Id)),
        Rows("many-to-many, split", db => db.Posts.Include(p => p.Tags).OrderBy(p => p.Id).AsSplitQuery()),
        Rows("many-to-many, flattened", db => db.Posts.SelectMany(p => p.Tags, (p, t) => new { p.Title, t.Name }).OrderBy(r => r.Title)
            .ThenBy(r => r.Name)),
        Rows("join table as a property bag", db => db.Set<Dictionary<string, object>>("post_tags").OrderBy(r => r["PostsId"])
            .ThenBy(r => r["TagsId"])),
        Rows("property bag", db => db.Settings.OrderBy(s => s["Id"])),
        Rows("composite key", db => db.Translations.Where(t => t.Culture == "fr").OrderBy(t => t.PostId)),
        Rows("concurrency token", db => db.Posts.OrderBy(p => p.Id).Select(p => new { p.Id, p.Version })),

        // Filters
        Rows("query filter", db => db.Posts.Where(p => p.Id % 5 == 0).OrderBy(p => p.Id)),
        Rows("query filter ignored", db => db.Posts.IgnoreQueryFilters().Where(p => p.Id % 5 == 0).OrderBy(p => p.Id)),
        Rows("query filter ignored by name", db => db.Posts.IgnoreQueryFilters(["present"]).Where(p => p.Id % 5 == 0).OrderBy(p => p.Id)),
        Rows("query filter that reads the context", ["north", "south", "north", "nowhere"], (db, tenant) =>
        {
            db.Tenant = tenant;
            return db.Documents.OrderBy(d => d.Id);
        }),
    ];
}
