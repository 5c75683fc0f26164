using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.CompatibilityTests.Shop;

/// <summary>A shop with one of each thing that models usually have.</summary>
public class ShopContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Category> Categories => Set<Category>();

    public DbSet<Product> Products => Set<Product>();

    public DbSet<Tag> Tags => Set<Tag>();

    public DbSet<Customer> Customers => Set<Customer>();

    public DbSet<Order> Orders => Set<Order>();

    public DbSet<OrderLine> Lines => Set<OrderLine>();

    public DbSet<Sale> Sales => Set<Sale>();

    public DbSet<Counter> Counters => Set<Counter>();

    public static Task SeedAsync(ShopContext db)
    {
        var tags = Enumerable.Range(1, 3).Select(i => new Tag { Name = $"tag {i}" }).ToArray();
        var categories = Enumerable.Range(1, 3).Select(i => new Category { Name = $"category {i}" }).ToArray();
        var products = Enumerable.Range(1, 9).Select(i => new Product
        {
            Name = $"product {i}",
            Price = i * 1.50m,
            Stock = i * 10,
            Category = categories[i % 3],
            Tags = [.. tags.Take(i % 4)],
            Added = new DateTime(2024, 1, i, 12, 0, 0, DateTimeKind.Utc),
            Label = new Label { Color = i % 2 == 0 ? "red" : "blue", Width = i },
        }).ToArray();
        var customers = Enumerable.Range(1, 3).Select(i => new Customer
        {
            Name = $"customer {i}",
            Email = $"c{i}@example.com",
            Address = new Address { Street = $"street {i}", City = i == 1 ? "Bern" : "Rome" },
            Deleted = i == 3,
        }).ToArray();
        db.AddRange(products);
        db.AddRange(customers);
        for (var i = 1; i <= 4; i++)
        {
            db.Add(new Order
            {
                Customer = customers[i % 2],
                Placed = new DateTime(2024, 2, i, 8, 0, 0, DateTimeKind.Utc),
                Lines = [.. Enumerable.Range(0, i).Select(l => new OrderLine { Product = products[l], Quantity = l + 1 })],
            });
        }

        db.Add(new Counter { Id = 1, Value = 0 });
        db.Add(new Counter { Id = 2, Value = 0 });
        return db.SaveChangesAsync();
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Category>().HasIndex(c => c.Name).IsUnique();
        modelBuilder.Entity<Product>(product =>
        {
            product.OwnsOne(p => p.Label, label => label.ToJson());
            product.ToTable(t => t.HasCheckConstraint("stock_is_not_negative", "\"Stock\" >= 0"));
            product.HasMany(p => p.Tags).WithMany(t => t.Products);
        });
        modelBuilder.Entity<Customer>(customer =>
        {
            customer.HasQueryFilter(c => !c.Deleted);
            customer.HasIndex(c => c.Email).IsUnique();
            customer.OwnsOne(c => c.Address);
        });
        modelBuilder.Entity<Order>().Property(o => o.Version).IsRowVersion();
        modelBuilder.Entity<OrderLine>().HasOne(l => l.Product).WithMany().OnDelete(DeleteBehavior.Restrict);
        modelBuilder.Entity<Sale>().HasNoKey().ToView(null).ToSqlQuery(
            """
            SELECT l."ProductId" AS "ProductId", sum(l."Quantity")::int AS "Quantity" FROM "Lines" l GROUP BY l."ProductId"
            """);
        modelBuilder.Entity<Counter>().Property(c => c.Id).ValueGeneratedNever();
        // A rows' version can be read nowhere else.
        modelBuilder.Entity<Customer>().HasMany<Order>().WithOne(o => o.Customer).IsRequired(false);
    }
}

public class Category
{
    public int Id { get; set; }

    public required string Name { get; set; }

    public List<Product> Products { get; set; } = [];
}

public class Product
{
    public int Id { get; set; }

    public required string Name { get; set; }

    public decimal Price { get; set; }

    public int Stock { get; set; }

    public DateTime Added { get; set; }

    public int CategoryId { get; set; }

    public Category? Category { get; set; }

    public List<Tag> Tags { get; set; } = [];

    public Label? Label { get; set; }
}

public class Label
{
    public required string Color { get; set; }

    public int Width { get; set; }
}

public class Tag
{
    public int Id { get; set; }

    public required string Name { get; set; }

    public List<Product> Products { get; set; } = [];
}

public class Customer
{
    public int Id { get; set; }

    public required string Name { get; set; }

    public required string Email { get; set; }

    public bool Deleted { get; set; }

    public Address? Address { get; set; }
}

public class Address
{
    public required string Street { get; set; }

    public required string City { get; set; }
}

public class Order
{
    public int Id { get; set; }

    public Customer? Customer { get; set; }

    public DateTime Placed { get; set; }

    public List<OrderLine> Lines { get; set; } = [];

    /// <summary>PostgreSQL's xmin, which no two databases have in common.</summary>
    public uint Version { get; set; }
}

public class OrderLine
{
    public int Id { get; set; }

    public int OrderId { get; set; }

    public Order? Order { get; set; }

    public int ProductId { get; set; }

    public Product? Product { get; set; }

    public int Quantity { get; set; }
}

public class Sale
{
    public int ProductId { get; set; }

    public int Quantity { get; set; }
}

public class Counter
{
    public int Id { get; set; }

    public int Value { get; set; }
}
