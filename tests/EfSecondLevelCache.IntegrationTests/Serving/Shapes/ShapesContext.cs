using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Serving.Shapes;

public class ShapesContext(DbContextOptions options) : DbContext(options)
{
    /// <summary>Read by the query filter of <see cref="Document"/>.</summary>
    public string Tenant { get; set; } = "north";

    public DbSet<Blog> Blogs => Set<Blog>();
    public DbSet<Post> Posts => Set<Post>();
    public DbSet<Tag> Tags => Set<Tag>();
    public DbSet<Comment> Comments => Set<Comment>();
    public DbSet<Author> Authors => Set<Author>();
    public DbSet<Translation> Translations => Set<Translation>();
    public DbSet<Animal> Animals => Set<Animal>();
    public DbSet<Vehicle> Vehicles => Set<Vehicle>();
    public DbSet<Payment> Payments => Set<Payment>();
    public DbSet<Document> Documents => Set<Document>();
    public DbSet<Shelf> Shelves => Set<Shelf>();
    public DbSet<Book> Books => Set<Book>();
    public DbSet<Specimen> Specimens => Set<Specimen>();
    public DbSet<BlogStatistics> BlogStatistics => Set<BlogStatistics>();
    public DbSet<PostsPerYear> PostsPerYear => Set<PostsPerYear>();
    public DbSet<Dictionary<string, object>> Settings => Set<Dictionary<string, object>>("Setting");

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
        => configurationBuilder.Properties<TagId>().HaveConversion<TagIdConverter>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.HasPostgresExtension("hstore");

        model.Entity<Blog>(blog =>
        {
            blog.ToTable("blogs");
            blog.Property(b => b.Visibility).HasConversion<string>();
            blog.OwnsOne(b => b.Layout);
            blog.HasOne(b => b.Owner).WithMany();
        });
        model.Entity<Post>(post =>
        {
            post.ToTable("posts");
            post.Property<string>("Editor").HasDefaultValue("nobody");
            post.Property(p => p.Price).HasPrecision(12, 4);
            post.HasQueryFilter("present", p => !p.IsDeleted);
            post.HasMany(p => p.Tags).WithMany(t => t.Posts).UsingEntity("post_tags");
        });
        model.Entity<Author>(author =>
        {
            author.ToTable("authors");
            author.ComplexProperty(a => a.Name);
            author.OwnsOne(a => a.Contact, contact =>
            {
                contact.ToJson();
                contact.OwnsMany(c => c.Phones);
            });
            author.OwnsMany(a => a.Addresses, address => address.ToTable("addresses"));
            author.ComplexProperty(a => a.Preferences, p => p.ToJson());
            author.ComplexCollection(a => a.Awards, a => a.ToJson());
        });
        model.Entity<Translation>().HasKey(t => new { t.PostId, t.Culture });

        model.Entity<Animal>().ToTable("animals").UseTphMappingStrategy();
        model.Entity<Cat>();
        model.Entity<Dog>();
        model.Entity<Vehicle>().ToTable("vehicles").UseTptMappingStrategy();
        model.Entity<Car>().ToTable("cars");
        model.Entity<Truck>().ToTable("trucks");
        model.Entity<Payment>().UseTpcMappingStrategy();
        model.Entity<CardPayment>().ToTable("card_payments");
        model.Entity<CashPayment>().ToTable("cash_payments");

        model.Entity<Document>().HasQueryFilter(d => d.Tenant == Tenant);
        model.Entity<Book>().ToTable("books").SplitToTable("book_summaries", table => table.Property(b => b.Summary));
        model.Entity<BlogStatistics>().HasNoKey().ToView("blog_statistics");
        model.Entity<PostsPerYear>().HasNoKey().ToSqlQuery(
            """
            SELECT date_part('year', "PublishedOn")::int AS "Year", count(*) AS "Posts" FROM posts GROUP BY 1
            """);
        model.SharedTypeEntity<Dictionary<string, object>>("Setting", setting =>
        {
            setting.ToTable("settings");
            setting.IndexerProperty<int>("Id").ValueGeneratedNever();
            setting.IndexerProperty<string>("Name");
            setting.IndexerProperty<int?>("Value");
        });

        model.Entity<Specimen>(specimen =>
        {
            specimen.Property(s => s.Local).HasColumnType("timestamp without time zone");
            specimen.Property(s => s.Json).HasColumnType("jsonb");
            specimen.Property(s => s.Bits).HasColumnType("bit varying");
        });
    }

    private sealed class TagIdConverter() : Microsoft.EntityFrameworkCore.Storage.ValueConversion.ValueConverter<TagId, Guid>(
        id => id.Value, value => new TagId(value));
}
