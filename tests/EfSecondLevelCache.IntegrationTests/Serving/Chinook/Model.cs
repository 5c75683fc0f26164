namespace EfSecondLevelCache.IntegrationTests.Serving.Chinook;

public class Artist
{
    public int ArtistId { get; set; }
    public string? Name { get; set; }
    public List<Album> Albums { get; set; } = [];
}

public class Album
{
    public int AlbumId { get; set; }
    public required string Title { get; set; }
    public int ArtistId { get; set; }
    public Artist Artist { get; set; } = null!;
    public List<Track> Tracks { get; set; } = [];
}

public class Track
{
    public int TrackId { get; set; }
    public required string Name { get; set; }
    public int? AlbumId { get; set; }
    public Album? Album { get; set; }
    public int MediaTypeId { get; set; }
    public MediaType MediaType { get; set; } = null!;
    public int? GenreId { get; set; }
    public Genre? Genre { get; set; }
    public string? Composer { get; set; }
    public int Milliseconds { get; set; }
    public int? Bytes { get; set; }
    public decimal UnitPrice { get; set; }
    public List<Playlist> Playlists { get; set; } = [];
    public List<InvoiceLine> InvoiceLines { get; set; } = [];
}

public class Genre
{
    public int GenreId { get; set; }
    public string? Name { get; set; }
    public List<Track> Tracks { get; set; } = [];
}

public class MediaType
{
    public int MediaTypeId { get; set; }
    public string? Name { get; set; }
    public List<Track> Tracks { get; set; } = [];
}

public class Playlist
{
    public int PlaylistId { get; set; }
    public string? Name { get; set; }
    public List<Track> Tracks { get; set; } = [];
}

public class Employee
{
    public int EmployeeId { get; set; }
    public required string LastName { get; set; }
    public required string FirstName { get; set; }
    public string? Title { get; set; }
    public int? ReportsTo { get; set; }
    public Employee? Manager { get; set; }
    public List<Employee> Reports { get; set; } = [];
    public DateTime? BirthDate { get; set; }
    public DateTime? HireDate { get; set; }
    public string? City { get; set; }
    public string? Country { get; set; }
    public string? Email { get; set; }
    public List<Customer> Customers { get; set; } = [];
}

public class Customer
{
    public int CustomerId { get; set; }
    public required string FirstName { get; set; }
    public required string LastName { get; set; }
    public string? Company { get; set; }
    public string? Address { get; set; }
    public string? City { get; set; }
    public string? State { get; set; }
    public string? Country { get; set; }
    public string? PostalCode { get; set; }
    public required string Email { get; set; }
    public int? SupportRepId { get; set; }
    public Employee? SupportRep { get; set; }
    public List<Invoice> Invoices { get; set; } = [];
}

public class Invoice
{
    public int InvoiceId { get; set; }
    public int CustomerId { get; set; }
    public Customer Customer { get; set; } = null!;
    public DateTime InvoiceDate { get; set; }
    public string? BillingCity { get; set; }
    public string? BillingCountry { get; set; }
    public decimal Total { get; set; }
    public List<InvoiceLine> Lines { get; set; } = [];
}

public class InvoiceLine
{
    public int InvoiceLineId { get; set; }
    public int InvoiceId { get; set; }
    public Invoice Invoice { get; set; } = null!;
    public int TrackId { get; set; }
    public Track Track { get; set; } = null!;
    public decimal UnitPrice { get; set; }
    public int Quantity { get; set; }
}
