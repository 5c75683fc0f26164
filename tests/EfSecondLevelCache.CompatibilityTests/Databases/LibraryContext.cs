using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace EfSecondLevelCache.CompatibilityTests.Databases;

/// <summary>A model with migrations.</summary>
public sealed class LibraryContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Book> Books => Set<Book>();
}

public sealed class Book
{
    public int Id { get; set; }

    public required string Title { get; set; }

    public int Pages { get; set; }
}

/// <summary>As <c>dotnet ef migrations add</c> writes one.</summary>
[DbContext(typeof(LibraryContext))]
[Migration("20240101000000_First")]
public sealed class FirstMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            name: "Books",
            columns: table => new
            {
                Id = table.Column<int>(type: "integer", nullable: false)
                    .Annotation(
                        "Npgsql:ValueGenerationStrategy", Npgsql.EntityFrameworkCore.PostgreSQL.Metadata.NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                Title = table.Column<string>(type: "text", nullable: false),
            },
            constraints: table => table.PrimaryKey("PK_Books", x => x.Id));
    }

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.DropTable(name: "Books");
}

[DbContext(typeof(LibraryContext))]
[Migration("20240102000000_Pages")]
public sealed class PagesMigration : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<int>(name: "Pages", table: "Books", type: "integer", nullable: false, defaultValue: 0);
        migrationBuilder.InsertData(table: "Books", columns: ["Title", "Pages"], columnTypes: ["text", "integer"], values: ["made by a migration", 1]);
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DeleteData(table: "Books", keyColumn: "Title", keyColumnType: "text", keyValue: "made by a migration");
        migrationBuilder.DropColumn(name: "Pages", table: "Books");
    }
}

[DbContext(typeof(LibraryContext))]
internal sealed class LibraryContextModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder)
        => modelBuilder.HasAnnotation("ProductVersion", "10.0.0").HasAnnotation("Relational:MaxIdentifierLength", 63).UseIdentityByDefaultColumns().Entity(
            "EfSecondLevelCache.CompatibilityTests.Databases.Book",
            book =>
            {
                book.Property<int>("Id").ValueGeneratedOnAdd().HasColumnType("integer").UseIdentityByDefaultColumn();
                book.Property<int>("Pages").HasColumnType("integer");
                book.Property<string>("Title").IsRequired().HasColumnType("text");
                book.HasKey("Id");
                book.ToTable("Books");
            });
}
