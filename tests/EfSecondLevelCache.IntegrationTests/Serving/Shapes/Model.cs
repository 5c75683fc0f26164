using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using Microsoft.EntityFrameworkCore.Infrastructure;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

// Kept as an integer, as text, and as a PostgreSQL enum.
public enum Theme { Light, Dark, Sepia }

public enum Visibility { Everybody, Members, Nobody }

public enum Mood { Happy, Sad, Neutral }

public readonly record struct TagId(Guid Value);

public class Blog
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public string? Tagline { get; set; }
    public int? Rating { get; set; }
    public Theme Theme { get; set; }
    public Visibility Visibility { get; set; }
    public Mood Mood { get; set; }
    public bool IsActive { get; set; }
    public DateTimeOffset Created { get; set; }
    public List<string> Labels { get; set; } = [];
    public int[] Scores { get; set; } = [];
    public Layout Layout { get; set; } = new();
    public int? OwnerId { get; set; }
    public Author? Owner { get; set; }
    public List<Post> Posts { get; set; } = [];
}

// Owned, in the table of the blog.
public class Layout
{
    public int Columns { get; set; }
    public string? Font { get; set; }
}

public class Post
{
    public int Id { get; set; }
    public int BlogId { get; set; }
    public Blog Blog { get; set; } = null!;
    public int? AuthorId { get; set; }
    public Author? Author { get; set; }
    public required string Title { get; set; }
    public string? Body { get; set; }
    public DateOnly? PublishedOn { get; set; }
    public decimal Price { get; set; }
    public double Score { get; set; }
    public bool IsDeleted { get; set; }
    [Timestamp]
    public uint Version { get; set; }
    public List<Tag> Tags { get; set; } = [];
    public List<Comment> Comments { get; set; } = [];
}

public class Tag
{
    public TagId Id { get; set; }
    public required string Name { get; set; }
    public List<Post> Posts { get; set; } = [];
}

public class Comment
{
    public long Id { get; set; }
    public int PostId { get; set; }
    public Post? Post { get; set; }
    public long? ParentId { get; set; }
    public Comment? Parent { get; set; }
    public List<Comment> Replies { get; set; } = [];
    public required string Text { get; set; }
    public DateTime At { get; set; }
}

public class Author
{
    public int Id { get; set; }
    public PersonName Name { get; set; } = new("", "");
    public DateOnly? Born { get; set; }
    public Contact Contact { get; set; } = new();
    public List<Address> Addresses { get; set; } = [];
    public Preferences Preferences { get; set; } = new();
    public List<Award> Awards { get; set; } = [];
    public List<Post> Posts { get; set; } = [];
}

// A complex type in columns.
public record PersonName(string First, string Last);

// Owned, in a JSON column, with a collection in it.
public class Contact
{
    public string? Email { get; set; }
    public List<Phone> Phones { get; set; } = [];
}

public class Phone
{
    public required string Kind { get; set; }
    public required string Number { get; set; }
}

// Owned, in a table of its own.
public class Address
{
    public required string City { get; set; }
    public string? Street { get; set; }
}

// Complex types in JSON columns: one, and a collection.
public class Preferences
{
    public string Culture { get; set; } = "en";
    public List<int> Favourites { get; set; } = [];
}

public class Award
{
    public required string Name { get; set; }
    public int Year { get; set; }
}

public class Translation
{
    public int PostId { get; set; }
    public required string Culture { get; set; }
    public required string Title { get; set; }
}

// One table.
public abstract class Animal
{
    public int Id { get; set; }
    public required string Name { get; set; }
}

public class Cat : Animal
{
    public int Lives { get; set; }
}

public class Dog : Animal
{
    public string? Breed { get; set; }
    public int? FriendId { get; set; }
    public Animal? Friend { get; set; }
}

// A table per type.
public abstract class Vehicle
{
    public int Id { get; set; }
    public required string Plate { get; set; }
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
    public decimal Amount { get; set; }
}

public class CardPayment : Payment
{
    public required string Card { get; set; }
}

public class CashPayment : Payment
{
    public string? Currency { get; set; }
}

// Rows of a tenant, by a query filter that reads the context.
public class Document
{
    public int Id { get; set; }
    public required string Tenant { get; set; }
    public required string Title { get; set; }
}

// Loads its books by itself; nobody can mark that query.
public class Shelf
{
    private readonly ILazyLoader? _loader;
    private List<Book>? _books;

    public Shelf()
    {
    }

    private Shelf(ILazyLoader loader) => _loader = loader;

    public int Id { get; set; }
    public string Room { get; set; } = "";

    public List<Book> Books
    {
        get => _loader.Load(this, ref _books) ?? [];
        set => _books = value;
    }
}

// In two tables: the summary stands in the second one.
public class Book
{
    public int Id { get; set; }
    public int ShelfId { get; set; }
    public Shelf? Shelf { get; set; }
    public required string Title { get; set; }
    public string? Summary { get; set; }
}

// Keyless: from a view, and from SQL.
public class BlogStatistics
{
    public int BlogId { get; set; }
    public required string Name { get; set; }
    public long Posts { get; set; }
    public decimal? Total { get; set; }
}

public class PostsPerYear
{
    public int? Year { get; set; }
    public long Posts { get; set; }
}

// Types beyond the common ones.
public class Specimen
{
    public int Id { get; set; }
    public Guid Code { get; set; }
    public DateOnly Day { get; set; }
    public TimeOnly Time { get; set; }
    public DateTime Instant { get; set; }
    public DateTime Local { get; set; }
    public DateTimeOffset Offset { get; set; }
    public TimeSpan Duration { get; set; }
    public decimal Amount { get; set; }
    public float Ratio { get; set; }
    public double Measure { get; set; }
    public byte Small { get; set; }
    public short Short { get; set; }
    public long Long { get; set; }
    public char Letter { get; set; }
    public byte[] Bytes { get; set; } = [];
    public string Json { get; set; } = "{}";
    public JsonDocument Document { get; set; } = JsonDocument.Parse("{}");
    public Dictionary<string, string?> Attributes { get; set; } = [];
    public NpgsqlRange<int> Range { get; set; }
    public NpgsqlRange<DateOnly> Days { get; set; }
    public IPAddress? Address { get; set; }
    public IPNetwork Network { get; set; }
    public PhysicalAddress? Mac { get; set; }
    public BitArray Bits { get; set; } = new(0);
    public NpgsqlPoint Point { get; set; }
    public Guid[] Codes { get; set; } = [];
    public List<DateOnly> Dates { get; set; } = [];
    public decimal[] Amounts { get; set; } = [];
    public Mood[] Moods { get; set; } = [];
    public Theme[] Themes { get; set; } = [];
    public int?[] Gaps { get; set; } = [];
    public string? Nothing { get; set; }
    public Uri? Link { get; set; }
    public Theme? MaybeTheme { get; set; }
    public Mood? MaybeMood { get; set; }
}
