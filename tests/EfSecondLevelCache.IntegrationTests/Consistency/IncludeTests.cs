using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>
/// References behind collections, and what else a result tells of the rows that it depends on: what <c>ExplainCache</c> shows, and which writes
/// remove the result. Whatever is left answers as the database does.
/// </summary>
public sealed class IncludeTests(PostgresServer server) : IAsyncLifetime
{
    private const string ByCustomer = "orders[CustomerId = 1]";
    private const string Lines = "lines[OrderId in the result]";
    private const string Products = "products[Id in the result]";
    private const string Categories = "categories[Id in the result]";

    private const string Rows =
        """
        INSERT INTO countries ("Code", "Region", "Name") VALUES ('a', 1, 'A1'), ('a', 2, 'A2'), ('b', 1, 'B1');
        INSERT INTO customers ("Id", "CountryCode", "CountryRegion") VALUES (1, 'a', 1), (2, 'a', 2), (3, NULL, NULL);
        INSERT INTO categories ("Id", "Name", "ParentId") VALUES (3, 'top', NULL), (2, 'middle', 3), (1, 'low', 2), (4, 'x', NULL);
        INSERT INTO products ("Id", "Name", "CategoryId") VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', NULL), (4, 'd', 4);
        INSERT INTO warehouses ("Id", "Name") VALUES (1, 'w1'), (2, 'w2'), (3, 'w3'), (4, 'w4');
        INSERT INTO orders ("Id", "CustomerId") VALUES (1, 1), (2, 1), (3, 1), (4, 2);
        INSERT INTO lines ("Id", "OrderId", "Number", "Quantity", "ProductId", "WarehouseId") VALUES (1, 1, 1, 1, 1, 1), (2, 1, 2, 2, 2, NULL),
            (3, 1, 3, 5, 3, 2), (4, 2, 1, 4, 1, 2), (5, 2, 2, 1, 2, 1), (7, 4, 1, 9, 1, 1), (8, 4, 2, 1, 4, 1);
        INSERT INTO tags ("Id", "Name") VALUES (1, 't1'), (2, 't2'), (3, 't3');
        INSERT INTO product_tags ("ProductsId", "TagsId") VALUES (1, 1), (1, 2), (2, 2);
        INSERT INTO boxes ("Id", "Size") VALUES (1, 1), (2, 2);
        INSERT INTO labels ("OwnerId", "Id", "Text", "PrinterId") VALUES (1, 1, 'l1', 1), (1, 2, 'l2', NULL), (2, 2, 'l3', 2);
        INSERT INTO shipments ("Id", "OrderId") VALUES (1, 1), (2, 2), (3, 4);
        INSERT INTO parcels ("Id", "Weight") VALUES (1, 5);
        """;

    private readonly SecondLevelCache _cache = new();
    private PostgresDatabase _database = null!;

    private static readonly Dictionary<string, (string DependsOn, Func<StoreContext, Task<object?>> Query)> Shapes = new()
    {
        ["a reference behind a collection"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines).ThenInclude(l => l.Product).ToListAsync()),
        ["two references behind a collection"] = ($"{Categories}, {Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines).ThenInclude(l => l.Product.Category).ToListAsync()),
        ["three references behind a collection"] = ($"{Categories}, {Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines).ThenInclude(l => l.Product.Category!.Parent).AsNoTracking().ToListAsync()),
        ["two references behind a collection, each by itself"] = ($"{Lines}, {ByCustomer}, {Products}, warehouses[Id in the result]",
            async db => await Orders(db).Include(o => o.Lines).ThenInclude(l => l.Product).Include(o => o.Lines).ThenInclude(l => l.Warehouse)
                .ToListAsync()),
        ["a filtered collection"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines.Where(l => l.Quantity > 1)).ThenInclude(l => l.Product).ToListAsync()),
        ["the first rows of a collection"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines.OrderBy(l => l.Number).Take(2)).ThenInclude(l => l.Product).ToListAsync()),
        ["the last rows of a collection"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines.OrderBy(l => l.Number).Skip(1)).ThenInclude(l => l.Product).ToListAsync()),
        ["a page"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).OrderBy(o => o.Id).Take(2).Include(o => o.Lines).ThenInclude(l => l.Product).ToListAsync()),
        ["a page past the first"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).OrderBy(o => o.Id).Skip(1).Take(1).Include(o => o.Lines).ThenInclude(l => l.Product).ToListAsync()),
        ["the first one"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).OrderBy(o => o.Id).Include(o => o.Lines).ThenInclude(l => l.Product).FirstAsync()),
        ["the first one with references"] = ($"{Lines.Replace("OrderId in the result", "Number = 1")}, {Products}, warehouses[Id in the result]",
            async db => await db.Lines.Where(l => l.Number == 1).OrderBy(l => l.Quantity).ThenBy(l => l.Id).Include(l => l.Product)
                .Include(l => l.Warehouse).Cacheable().FirstAsync()),
        ["in queries of their own"] = ($"lines, {ByCustomer}, {Products}",
            async db => await Orders(db).Include(o => o.Lines).ThenInclude(l => l.Product).AsSplitQuery().ToListAsync()),
        ["a projection"] = ($"{Lines}, {ByCustomer}, {Products}",
            async db => await Orders(db).Select(o => new { o.Id, Lines = o.Lines.Select(l => new { l.Quantity, l.Product.Name }).ToList() })
                .ToListAsync()),
        ["a projection of a reference that may be missing"] = ($"{Lines}, {ByCustomer}, warehouses[Id in the result]",
            async db => await Orders(db).Select(o => new { o.Id, Lines = o.Lines.Select(l => l.Warehouse!.Name).ToList() }).ToListAsync()),
        ["a count of each row"] = ($"{Lines}, {ByCustomer}",
            async db => await Orders(db).Select(o => new { o.Id, Lines = o.Lines.Count(l => l.Quantity > 1) }).ToListAsync()),
        ["a collection through a table between"] = ("product_tags[ProductsId in the result], products[Name = 'a'], tags[Id in the result]",
            async db => await db.Products.Where(p => p.Name == "a").Include(p => p.Tags).Cacheable().ToListAsync()),
        ["a reference behind an owned collection"] = ("boxes[Size = 1], labels[OwnerId in the result], warehouses[Id in the result]",
            async db => await db.Boxes.Where(b => b.Size == 1).Include(b => b.Labels).ThenInclude(l => l.Printer).Cacheable().ToListAsync()),
        ["required references, one behind the other"] = ($"{Categories}, lines[Number = 1], {Products}",
            async db => await db.Lines.Where(l => l.Number == 1).Include(l => l.Product.Category).Cacheable().ToListAsync()),
        ["rows of which equal ones are shown once"] = ($"lines[Number = 1], {Products}",
            async db => await db.Lines.Where(l => l.Number == 1).Select(l => new { l.ProductId, l.Product.Name }).Distinct().Cacheable()
                .ToListAsync()),
        ["a reference of which another decides"] = ("categories, lines[Number = 1], products",
            async db => await db.Lines.Where(l => l.Number == 1 && l.Product.Category!.Name != "x").Include(l => l.Product).Cacheable()
                .ToListAsync()),
        ["a collection that its references sort"] = ($"{Lines}, {ByCustomer}, products",
            async db => await Orders(db).Include(o => o.Lines.OrderBy(l => l.Product.Name).Take(1)).ThenInclude(l => l.Product).ToListAsync()),
        ["a collection that its references filter"] = ($"{Lines}, {ByCustomer}, products",
            async db => await Orders(db).Include(o => o.Lines.Where(l => l.Product.Name != "b")).ThenInclude(l => l.Product).ToListAsync()),
        ["parts of a hierarchy"] = ($"{Lines}, {ByCustomer}, parcels[Id in the result], shipments[OrderId in the result]",
            async db => await Orders(db).Include(o => o.Lines).Include(o => o.Shipments).ToListAsync()),
        ["a composite key"] = ("countries[Code, Region in the result], customers[Id = 1]",
            async db => await db.Customers.Where(c => c.Id == 1).Include(c => c.Country).Cacheable().ToListAsync()),
    };

    /// <summary>Each changes what some of the shapes show: inserts, updates, deletes of each table, and moves of references.</summary>
    private static readonly Dictionary<string, Func<StoreContext, Task>> Writes = new()
    {
        ["an order comes"] = async db => (await db.FindAsync<Order>(4))!.CustomerId = 1,
        ["an order goes"] = async db => (await db.FindAsync<Order>(1))!.CustomerId = 2,
        ["it comes back"] = async db => (await db.FindAsync<Order>(1))!.CustomerId = 1,
        ["an order is made"] = db => Add(db, new Order { Id = 9, CustomerId = 1 }),
        ["a line is made"] = db => Add(db, new Line { Id = 90, OrderId = 1, Number = 3, Quantity = 2, ProductId = 3, WarehouseId = 1 }),
        ["an order gets its first line"] = db => Add(db, new Line { Id = 91, OrderId = 3, Number = 1, Quantity = 2, ProductId = 3 }),
        ["a line moves"] = async db => (await db.FindAsync<Line>(5))!.OrderId = 1,
        ["a line moves away"] = async db => (await db.FindAsync<Line>(5))!.OrderId = 4,
        ["a line is of another product"] = async db => (await db.FindAsync<Line>(1))!.ProductId = 4,
        ["that product is renamed"] = async db => (await db.FindAsync<Product>(4))!.Name = "renamed",
        ["a line is in another warehouse"] = async db => (await db.FindAsync<Line>(2))!.WarehouseId = 3,
        ["that warehouse is renamed"] = async db => (await db.FindAsync<Warehouse>(3))!.Name = "renamed",
        ["a line is in no warehouse"] = async db => (await db.FindAsync<Line>(2))!.WarehouseId = null,
        ["a quantity changes"] = async db => (await db.FindAsync<Line>(1))!.Quantity = 3,
        ["a line is deleted"] = async db => db.Remove((await db.FindAsync<Line>(3))!),
        ["a product is renamed"] = async db => (await db.FindAsync<Product>(1))!.Name = "z",
        ["a product takes its name"] = async db => (await db.FindAsync<Product>(2))!.Name = "a",
        ["a product is of another category"] = async db => (await db.FindAsync<Product>(2))!.CategoryId = 4,
        ["that category is renamed"] = async db => (await db.FindAsync<Category>(4))!.Name = "not x",
        ["a product is of no category"] = async db => (await db.FindAsync<Product>(4))!.CategoryId = null,
        ["a category has no parent"] = async db => (await db.FindAsync<Category>(4))!.ParentId = 3,
        ["a parent is renamed"] = async db => (await db.FindAsync<Category>(3))!.Name = "renamed",
        ["a product is deleted with its lines"] = async db => db.Remove((await db.FindAsync<Product>(3))!),
        ["a warehouse is deleted"] = async db => db.Remove((await db.FindAsync<Warehouse>(1))!),
        ["a product gets a tag"] = db => Add(db, new ProductTag { ProductsId = 2, TagsId = 3 }),
        ["that tag is renamed"] = async db => (await db.FindAsync<Tag>(3))!.Name = "renamed",
        ["a product loses a tag"] = async db => db.Remove((await db.FindAsync<ProductTag>(2, 2))!),
        ["a label is printed elsewhere"] = async db => (await db.Boxes.SingleAsync(b => b.Id == 1)).Labels[0].PrinterId = 4,
        ["a printer is renamed"] = async db => (await db.FindAsync<Warehouse>(4))!.Name = "renamed",
        ["a label is taken off"] = async db => (await db.Boxes.SingleAsync(b => b.Id == 1)).Labels.Clear(),
        ["a shipment is made"] = db => Add(db, new Parcel { Id = 9, OrderId = 2, Weight = 1 }),
        ["a parcel is weighed"] = async db => (await db.FindAsync<Parcel>(9))!.Weight = 2,
        ["a shipment is of another order"] = async db => (await db.FindAsync<Shipment>(1))!.OrderId = 4,
        ["a country is renamed"] = async db => (await db.FindAsync<Country>("a", 1))!.Name = "renamed",
        ["a customer moves"] = async db => (await db.FindAsync<Customer>(1))!.CountryRegion = 2,
        ["the other country is renamed"] = async db => (await db.FindAsync<Country>("a", 2))!.Name = "renamed",
        ["an order is deleted"] = async db => db.Remove((await db.FindAsync<Order>(2))!),
    };

    /// <summary>Of rows that no shape shows which says that the table's rows are known by the result.</summary>
    private static readonly (string Table, string What, Func<StoreContext, Task> Write)[] Unrelated =
    [
        ("orders", "an order of others", async db => (await db.FindAsync<Order>(4))!.CustomerId = 3),
        ("lines[OrderId", "a line of others", async db => (await db.FindAsync<Line>(7))!.Quantity = 77),
        ("lines[OrderId", "a line of others is deleted", async db => db.Remove((await db.FindAsync<Line>(8))!)),
        ("products[Id", "a product of others", async db => (await db.FindAsync<Product>(4))!.Name = "other"),
        ("products[Id", "a new product", db => Add(db, new Product { Id = 9, Name = "c", CategoryId = 1 })),
        ("categories[Id", "a category of others", async db => (await db.FindAsync<Category>(4))!.Name = "w"),
        ("warehouses[Id", "a warehouse of others", async db => (await db.FindAsync<Warehouse>(4))!.Name = "z"),
        ("warehouses[Id", "a new warehouse", db => Add(db, new Warehouse { Id = 9, Name = "new" })),
        ("tags[Id", "a tag of others", async db => (await db.FindAsync<Tag>(3))!.Name = "z"),
        ("product_tags[ProductsId", "others get a tag", db => Add(db, new ProductTag { ProductsId = 4, TagsId = 3 })),
        ("countries[Code", "another country", async db => (await db.FindAsync<Country>("a", 2))!.Name = "z"),
        ("labels[OwnerId", "a label of others",
            async db => (await db.Boxes.SingleAsync(b => b.Id == 2)).Labels.Add(new Label { Id = 1, Text = "l", PrinterId = 1 })),
        ("shipments[OrderId", "a shipment of others", db => Add(db, new Shipment { Id = 8, OrderId = 4 })),
    ];

    public static TheoryData<string> Names => [.. Shapes.Keys];

    public async ValueTask InitializeAsync()
    {
        _database = await server.CreateDatabaseAsync();
        await using var db = Open(null);
        await db.Database.EnsureCreatedAsync();
        await _database.ExecuteAsync(Rows);
    }

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_result_is_removed_by_what_changes_it_and_outlives_other_rows(string name)
    {
        var (dependsOn, query) = Shapes[name];
        await using (var db = Open(_cache))
        {
            var explained = await db.ExplainCacheAsync(() => query(db));
            Assert.Equal(dependsOn, string.Join(", ", explained.SelectMany(e => e.Dependencies).Distinct().Order(StringComparer.Ordinal)));
        }

        foreach (var (_, what, write) in Unrelated.Where(other => dependsOn.Contains(other.Table, StringComparison.Ordinal)))
        {
            await SaveAsync(write);
            Assert.True(await AnswersAsync(query, what), $"The result did not outlive this: {what}.");
        }

        foreach (var (what, write) in Writes)
        {
            await SaveAsync(write);
            await AnswersAsync(query, what);
        }
    }

    private static IQueryable<Order> Orders(StoreContext db) => db.Orders.Where(o => o.CustomerId == 1).Cacheable();

    private static Task Add(StoreContext db, object entity)
    {
        db.Add(entity);
        return Task.CompletedTask;
    }

    /// <summary>Compares with the database.</summary>
    /// <returns>All of it came from the cache.</returns>
    private async Task<bool> AnswersAsync(Func<StoreContext, Task<object?>> query, string after)
    {
        await using var plain = Open(null);
        var expected = GraphText.Of(await query(plain));
        await using var cached = Open(_cache);
        var actual = "";
        var explained = await cached.ExplainCacheAsync(async () => actual = GraphText.Of(await query(cached)));
        Assert.True(expected == actual, $"After this: {after}\nexpected {expected}\nactual   {actual}");
        return explained.All(command => command.Outcome is QueryCacheOutcome.Hit);
    }

    private async Task SaveAsync(Func<StoreContext, Task> write)
    {
        await using var db = Open(_cache);
        await write(db);
        await db.SaveChangesAsync();
    }

    private StoreContext Open(SecondLevelCache? cache)
    {
        var options = new DbContextOptionsBuilder<StoreContext>().UseNpgsql(_database.ConnectionString);
        return new StoreContext((cache is null ? options : options.AddSecondLevelCache(cache)).Options);
    }

    public sealed class StoreContext(DbContextOptions options) : DbContext(options)
    {
        public DbSet<Order> Orders => Set<Order>();

        public DbSet<Line> Lines => Set<Line>();

        public DbSet<Product> Products => Set<Product>();

        public DbSet<Customer> Customers => Set<Customer>();

        public DbSet<Box> Boxes => Set<Box>();

        protected override void OnModelCreating(ModelBuilder model)
        {
            model.Entity<Order>().ToTable("orders").HasOne<Customer>().WithMany().HasForeignKey(o => o.CustomerId);
            model.Entity<Line>().ToTable("lines");
            model.Entity<Category>().ToTable("categories");
            model.Entity<Warehouse>().ToTable("warehouses");
            model.Entity<Tag>().ToTable("tags");
            model.Entity<Shipment>().UseTptMappingStrategy().ToTable("shipments");
            model.Entity<Parcel>().ToTable("parcels");
            model.Entity<Country>().ToTable("countries").HasKey(c => new { c.Code, c.Region });
            model.Entity<Customer>().ToTable("customers").HasOne(c => c.Country).WithMany()
                .HasForeignKey(c => new { c.CountryCode, c.CountryRegion });
            model.Entity<Product>(product =>
            {
                product.ToTable("products").HasMany(p => p.Tags).WithMany().UsingEntity<ProductTag>(
                    tag => tag.HasOne<Tag>().WithMany().HasForeignKey(t => t.TagsId),
                    tag => tag.HasOne<Product>().WithMany().HasForeignKey(t => t.ProductsId),
                    tag => tag.ToTable("product_tags").HasKey(t => new { t.ProductsId, t.TagsId }));
            });
            model.Entity<Box>().ToTable("boxes").OwnsMany(b => b.Labels, label =>
            {
                label.ToTable("labels").WithOwner().HasForeignKey("OwnerId");
                label.HasKey("OwnerId", "Id");
                label.HasOne(l => l.Printer).WithMany().HasForeignKey(l => l.PrinterId);
            });
            foreach (var optional in model.Model.GetEntityTypes().SelectMany(entity => entity.GetForeignKeys()).Where(key => !key.IsRequired))
                optional.DeleteBehavior = DeleteBehavior.SetNull;
            foreach (var key in model.Model.GetEntityTypes().SelectMany(entity => entity.GetKeys()).SelectMany(key => key.Properties))
                key.ValueGenerated = Microsoft.EntityFrameworkCore.Metadata.ValueGenerated.Never;
        }
    }

    public class Order
    {
        public int Id { get; set; }

        public int CustomerId { get; set; }

        public List<Line> Lines { get; set; } = [];

        public List<Shipment> Shipments { get; set; } = [];
    }

    public class Line
    {
        public int Id { get; set; }

        public int OrderId { get; set; }

        public int Number { get; set; }

        public int Quantity { get; set; }

        public int ProductId { get; set; }

        public Product Product { get; set; } = null!;

        public int? WarehouseId { get; set; }

        public Warehouse? Warehouse { get; set; }
    }

    public class Product
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";

        public int? CategoryId { get; set; }

        public Category? Category { get; set; }

        public List<Tag> Tags { get; set; } = [];
    }

    public class Box
    {
        public int Id { get; set; }

        public int Size { get; set; }

        public List<Label> Labels { get; set; } = [];
    }

    public class Category
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";

        public int? ParentId { get; set; }

        public Category? Parent { get; set; }
    }

    public class Warehouse
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";
    }

    public class Tag
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";
    }

    public class ProductTag
    {
        public int ProductsId { get; set; }

        public int TagsId { get; set; }
    }

    public class Label
    {
        public int Id { get; set; }

        public string Text { get; set; } = "";

        public int? PrinterId { get; set; }

        public Warehouse? Printer { get; set; }
    }

    public class Shipment
    {
        public int Id { get; set; }

        public int OrderId { get; set; }
    }

    public class Parcel : Shipment
    {
        public int Weight { get; set; }
    }

    public class Country
    {
        public string Code { get; set; } = "";

        public int Region { get; set; }

        public string Name { get; set; } = "";
    }

    public class Customer
    {
        public int Id { get; set; }

        public string? CountryCode { get; set; }

        public int? CountryRegion { get; set; }

        public Country? Country { get; set; }
    }
}
