using System.Data.Common;
using EfSecondLevelCache.Results;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>EF Core makes the same entities of a cached result as of a live one: an entity with a property for every type.</summary>
[Collection(nameof(FidelityCollection))]
public sealed class EntityTests(FidelityDatabase database) : IAsyncLifetime
{
    private const string Table = "everything";

    private static readonly int RowCount = ColumnType.All.Max(type => type.Literals.Count());

    private static readonly string[] NotMapped =
        ["text as Char", "interval as NpgsqlInterval", "bit(1) as Boolean", "jsonb[] as JsonDocument[]", "jsonb[] as JsonElement[]"];

    private static readonly ColumnType[] Mapped = [.. ColumnType.All.ExceptBy(NotMapped, type => type.ToString())];

    public async ValueTask InitializeAsync()
    {
        var columns = Mapped.Select((type, i) => $"c{i} {type.StoreType}");
        var rows = Enumerable.Range(0, RowCount).Select(row => $"({row}, {string.Join(", ", Mapped.Select(type => Literal(type, row)))})");
        await using var command = database.DataSource.CreateCommand(
            $"""
            DROP TABLE IF EXISTS {Table};
            CREATE TABLE {Table} (id int PRIMARY KEY, {string.Join(", ", columns)});
            INSERT INTO {Table} VALUES {string.Join(", ", rows)};
            """);
        await command.ExecuteNonQueryAsync();
    }

    public ValueTask DisposeAsync() => default;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Entities_of_a_hit_equal_those_of_the_miss_and_can_be_changed(bool async)
    {
        var types = new Type?[Mapped.Length + 1];
        var live = await Entities(reader => new RecordingReader(reader, types));

        // EF Core reads every column by the method that its type mapping names.
        Assert.Equal(MappedTypes(), types);

        CachedResult? result = null;
        var miss = await Entities(reader => Cached(result = Capture(async, reader, RowLayout.TryCreate(types, out _)!)));
        Assert.Equal(live, miss);
        for (var i = 0; i < 2; i++)
        {
            var hit = await Entities(_ => Cached(result!), change: true);
            Assert.Equal(live, hit);
        }
    }

    [Fact]
    public async Task Raw_sql_finds_its_columns_by_name_in_a_hit_too()
    {
        var columns = NamedColumns.TryCreate([.. MappedTypes().Select((type, i) => (i == 0 ? "id" : $"c{i - 1}", type))], out _)!;
        var names = Enumerable.Range(0, Mapped.Length).Reverse().Select(i => $"c{i} AS \"C{i}\"");
        var sql = $"SELECT 'not read' AS extra, {string.Join(", ", names)}, id FROM {Table} ORDER BY id";
        var live = await Entities(reader => reader);

        CachedResult? result = null;
        var miss = await Entities(reader => Cached(result = Capture(true, reader, columns.LayoutFor(reader)!)), sql: sql);
        var hit = await Entities(_ => Cached(result!), sql: sql);

        Assert.Equal(live, miss);
        Assert.Equal(live, hit);
    }

    [Fact]
    public async Task A_scalar_of_raw_sql_is_the_first_column_where_none_has_its_name()
    {
        var columns = NamedColumns.TryCreate([("Value", typeof(int))], out _)!;
        CachedResult? result = null;

        for (var i = 0; i < 2; i++)
        {
            await using var context = Context(reader => Cached(result ??= Capture(true, reader, columns.LayoutFor(reader)!)));
            Assert.Equal([1, 2, 3], await context.Database.SqlQueryRaw<int>("SELECT i, 'x' FROM generate_series(1, 3) AS i").ToListAsync());
        }
    }

    [Fact]
    public async Task Every_type_that_the_provider_maps_is_stored_and_tested()
    {
        await using var context = Context(reader => reader);
        var source = context.GetService<IRelationalTypeMappingSource>();
        var storeTypes = (IReadOnlyDictionary<string, RelationalTypeMapping[]>)Property("StoreTypeMappings");
        var clrTypes = (IReadOnlyDictionary<Type, RelationalTypeMapping>)Property("ClrTypeMappings");

        var read = storeTypes.Values.SelectMany(mappings => mappings).Concat(clrTypes.Values)
            .Select(mapping => mapping.GetDataReaderMethod().ReturnType)
            .ToHashSet();

        Assert.True(read.Count > 40);
        var tested = ColumnType.All.Select(type => type.ClrType).ToHashSet();
        Assert.All(read, type => Assert.NotNull(RowLayout.TryCreate([type], out _)));
        Assert.All(read.Where(type => !type.IsEnum), type => Assert.Contains(type, tested));

        object Property(string name) => source.GetType()
            .GetProperty(name, System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic)!
            .GetValue(source)!;
    }

    // EF Core selects properties in the order of their names, the key first.
    private static string PropertyName(int i) => $"P{i:D3}";

    private static string Literal(ColumnType type, int row) => type.Literals.ElementAtOrDefault(row) ?? type.Literals.First();

    private static CachedDataReader Cached(CachedResult result)
    {
        var reader = new CachedDataReader();
        reader.Reset(result);
        return reader;
    }

    private static CachedResult Capture(bool async, DbDataReader live, RowLayout layout)
    {
        using (live)
        {
            var capture = ResultCapture.CaptureAsync(async, live, layout, long.MaxValue, null, default).AsTask().Result;
            Assert.Null(capture.Fault);
            return capture.Result!;
        }
    }

    private Type[] MappedTypes()
    {
        using var context = Context(reader => reader);
        var entity = context.Model.FindEntityType(typeof(Everything))!;
        return [.. new[] { nameof(Everything.Id) }.Concat(Mapped.Select((_, i) => PropertyName(i)))
            .Select(name => entity.FindProperty(name)!.GetRelationalTypeMapping().GetDataReaderMethod().ReturnType)];
    }

    private async Task<List<string>> Entities(Func<DbDataReader, DbDataReader> serve, bool change = false, string? sql = null)
    {
        await using var context = Context(serve);
        var query = sql is null ? context.Set<Everything>().OrderBy(row => row.Id) : context.Set<Everything>().FromSqlRaw(sql);
        var entities = await query.ToListAsync();
        var values = entities
            .Select(entity => context.Entry(entity).Properties.Select(property => property.CurrentValue).ToArray())
            .ToArray();
        var exact = values.Select(value => string.Join("\n", value.Select(ExactValue.Of))).ToList();
        if (change)
        {
            foreach (var value in values.SelectMany(value => value))
                Mutation.TryApply(value);
        }

        return exact;
    }

    private EverythingContext Context(Func<DbDataReader, DbDataReader> serve) => new(new DbContextOptionsBuilder()
        .UseNpgsql(database.DataSource, npgsql => npgsql.MapEnum<Mood>())
        .AddInterceptors(new ServingInterceptor(serve))
        .ConfigureWarnings(warnings => warnings.Ignore(CoreEventId.ManyServiceProvidersCreatedWarning))
        .Options);

    private sealed class EverythingContext(DbContextOptions options) : DbContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder)
            => modelBuilder.Entity<Everything>(entity =>
            {
                entity.ToTable(Table);
                entity.Property(row => row.Id).HasColumnName("id");
                for (var i = 0; i < Mapped.Length; i++)
                    entity.Property(Nullable(Mapped[i].ClrType), PropertyName(i)).HasColumnName($"c{i}").HasColumnType(Mapped[i].StoreType);
            });

        private static Type Nullable(Type type) => type.IsValueType ? typeof(Nullable<>).MakeGenericType(type) : type;
    }

    /// <summary>Its other properties are shadow properties.</summary>
    private sealed class Everything
    {
        public int Id { get; init; }
    }

    private sealed class ServingInterceptor(Func<DbDataReader, DbDataReader> serve) : DbCommandInterceptor
    {
        public override ValueTask<DbDataReader> ReaderExecutedAsync(
            DbCommand command, CommandExecutedEventData eventData, DbDataReader result, CancellationToken cancellationToken = default)
            => new(serve(result));
    }
}
