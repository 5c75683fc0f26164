using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Tests.Planning.Predicates;

public enum Theme { Light, Dark }

public enum Mood { Happy, VerySad }

public readonly record struct TagId(Guid Value);

public class Blog
{
    public int Id { get; set; }
    public string Name { get; set; } = "";
    public int Kind { get; set; }
    public int? Rating { get; set; }
    public decimal Price { get; set; }
    public bool IsActive { get; set; }
    public int? OwnerId { get; set; }
    public Author? Owner { get; set; }
    public List<Post> Posts { get; set; } = [];
}

public class Post
{
    public int Id { get; set; }
    public int BlogId { get; set; }
    public Blog Blog { get; set; } = null!;
    public int? AuthorId { get; set; }
    public Author? Author { get; set; }
    public string Title { get; set; } = "";
    public int Kind { get; set; }
    public int Likes { get; set; }
    public bool IsDeleted { get; set; }
    public bool? IsPinned { get; set; }
    public List<Comment> Comments { get; set; } = [];
    public List<Tag> Tags { get; set; } = [];
}

public class Comment
{
    public long Id { get; set; }
    public int PostId { get; set; }
    public Post Post { get; set; } = null!;
    public long? ParentId { get; set; }
    public Comment? Parent { get; set; }
    public string Text { get; set; } = "";
}

public class Author
{
    public int Id { get; set; }
    public string Name { get; set; } = "";
    public int? CountryId { get; set; }
    public Country? Country { get; set; }
    public Contact Contact { get; set; } = new();
    public List<Post> Posts { get; set; } = [];
}

// Owned, in a JSON column.
public class Contact
{
    public string? Email { get; set; }
}

public class Country
{
    public int Id { get; set; }
    public string Name { get; set; } = "";
}

public class Tag
{
    public TagId Id { get; set; }
    public string Name { get; set; } = "";
    public List<Post> Posts { get; set; } = [];
}

// Keys that begin with a tenant.
public class Order
{
    public int TenantId { get; set; }
    public int Id { get; set; }
    public int? CustomerId { get; set; }
    public Customer? Customer { get; set; }
    public List<OrderLine> Lines { get; set; } = [];
}

public class OrderLine
{
    public int TenantId { get; set; }
    public int OrderId { get; set; }
    public int Number { get; set; }
    public Order Order { get; set; } = null!;
}

public class Customer
{
    public int TenantId { get; set; }
    public int Id { get; set; }
    public int? RegionId { get; set; }
    public Region? Region { get; set; }
}

public class Region
{
    public int TenantId { get; set; }
    public int Id { get; set; }
}

// One table.
public abstract class Animal
{
    public int Id { get; set; }
    public int OwnerId { get; set; }
}

public class Cat : Animal
{
    public int Lives { get; set; }
}

public class Dog : Animal
{
    public string? Breed { get; set; }
}

// A table per type.
public abstract class Vehicle
{
    public int Id { get; set; }
    public int OwnerId { get; set; }
}

public class Car : Vehicle
{
    public int Seats { get; set; }
}

public class Truck : Vehicle
{
    public decimal Payload { get; set; }
}

// A table per concrete type.
public abstract class Payment
{
    public int Id { get; set; }
    public int OwnerId { get; set; }
}

public class CardPayment : Payment
{
    public string Card { get; set; } = "";
}

public class CashPayment : Payment
{
    public string? Currency { get; set; }
}

// In two tables.
public class Book
{
    public int Id { get; set; }
    public string Title { get; set; } = "";
    public string? Summary { get; set; }
}

// From a view.
public class BlogStatistics
{
    public int BlogId { get; set; }
    public long Posts { get; set; }
}

// A column of each type that matters here, two of some.
public class Specimen
{
    public int Id { get; set; }
    public short Short { get; set; }
    public long Long { get; set; }
    public byte Byte { get; set; }
    public Guid Code { get; set; }
    public DateOnly Day { get; set; }
    public DateTime DayOfTime { get; set; }
    public DateTime Instant { get; set; }
    public DateTimeOffset Offset { get; set; }
    public DateTime Local { get; set; }
    public DateTime Rounded { get; set; }
    public byte[] Bytes { get; set; } = [];
    public string Text { get; set; } = "";
    public string Sized { get; set; } = "";
    public Theme Theme { get; set; }
    public Theme ThemeName { get; set; }
    public Mood Mood { get; set; }
    public bool YesNo { get; set; }
    public TagId Tag { get; set; }
    public decimal Amount { get; set; }
    public float Ratio { get; set; }
    public double Measure { get; set; }
    public TimeSpan Duration { get; set; }
    public TimeOnly Time { get; set; }
    public string Padded { get; set; } = "";
    public char Letter { get; set; }
    public string CaseInsensitive { get; set; } = "";
    public string Collated { get; set; } = "";
    public string Json { get; set; } = "{}";
    public uint Number { get; set; }
    public int[] Numbers { get; set; } = [];
}

public sealed class PredicateContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Blog> Blogs => Set<Blog>();
    public DbSet<Post> Posts => Set<Post>();
    public DbSet<Comment> Comments => Set<Comment>();
    public DbSet<Author> Authors => Set<Author>();
    public DbSet<Country> Countries => Set<Country>();
    public DbSet<Tag> Tags => Set<Tag>();
    public DbSet<Order> Orders => Set<Order>();
    public DbSet<OrderLine> OrderLines => Set<OrderLine>();
    public DbSet<Customer> Customers => Set<Customer>();
    public DbSet<Animal> Animals => Set<Animal>();
    public DbSet<Vehicle> Vehicles => Set<Vehicle>();
    public DbSet<Payment> Payments => Set<Payment>();
    public DbSet<Book> Books => Set<Book>();
    public DbSet<BlogStatistics> BlogStatistics => Set<BlogStatistics>();
    public DbSet<Specimen> Specimens => Set<Specimen>();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
        => configurationBuilder.Properties<TagId>().HaveConversion<TagIdConverter>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.HasDefaultSchema(null);
        model.Entity<Blog>().ToTable("blogs");
        model.Entity<Post>().ToTable("posts").HasMany(p => p.Tags).WithMany(t => t.Posts).UsingEntity("post_tags");
        model.Entity<Comment>().ToTable("comments");
        model.Entity<Author>().ToTable("authors").OwnsOne(a => a.Contact, contact => contact.ToJson());
        model.Entity<Country>().ToTable("countries");
        model.Entity<Tag>().ToTable("tags");
        model.Entity<Order>(order =>
        {
            order.ToTable("orders").HasKey(o => new { o.TenantId, o.Id });
            order.HasOne(o => o.Customer).WithMany().HasForeignKey(o => new { o.TenantId, o.CustomerId });
        });
        model.Entity<OrderLine>(line =>
        {
            line.ToTable("order_lines").HasKey(l => new { l.TenantId, l.OrderId, l.Number });
            line.HasOne(l => l.Order).WithMany(o => o.Lines).HasForeignKey(l => new { l.TenantId, l.OrderId });
        });
        model.Entity<Customer>(customer =>
        {
            customer.ToTable("customers").HasKey(c => new { c.TenantId, c.Id });
            customer.HasOne(c => c.Region).WithMany().HasForeignKey(c => new { c.TenantId, c.RegionId });
        });
        model.Entity<Region>().ToTable("regions").HasKey(r => new { r.TenantId, r.Id });

        model.Entity<Animal>().ToTable("animals").UseTphMappingStrategy();
        model.Entity<Cat>();
        model.Entity<Dog>();
        model.Entity<Vehicle>().ToTable("vehicles").UseTptMappingStrategy();
        model.Entity<Car>().ToTable("cars");
        model.Entity<Truck>().ToTable("trucks");
        model.Entity<Payment>().UseTpcMappingStrategy();
        model.Entity<CardPayment>().ToTable("card_payments");
        model.Entity<CashPayment>().ToTable("cash_payments");
        model.Entity<Book>().ToTable("books").SplitToTable("book_summaries", table => table.Property(b => b.Summary));
        model.Entity<BlogStatistics>().HasNoKey().ToView("blog_statistics");

        model.Entity<Specimen>(specimen =>
        {
            specimen.ToTable("specimens");
            specimen.Property(s => s.DayOfTime).HasColumnType("date");
            specimen.Property(s => s.Local).HasColumnType("timestamp without time zone");
            specimen.Property(s => s.Rounded).HasPrecision(3);
            specimen.Property(s => s.Sized).HasMaxLength(20);
            specimen.Property(s => s.ThemeName).HasConversion<string>();
            specimen.Property(s => s.YesNo).HasConversion(flag => flag ? "yes" : "no", text => text == "yes");
            specimen.Property(s => s.Padded).HasColumnType("character(8)");
            specimen.Property(s => s.CaseInsensitive).HasColumnType("citext");
            specimen.Property(s => s.Collated).UseCollation("case_insensitive");
            specimen.Property(s => s.Json).HasColumnType("jsonb");
        });
    }

    private sealed class TagIdConverter() : Microsoft.EntityFrameworkCore.Storage.ValueConversion.ValueConverter<TagId, Guid>(
        id => id.Value, value => new TagId(value));
}
