using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <param name="IsKey">Its values are keys: of its table, or of the one that it refers to.</param>
internal sealed record Column(string Name, ColumnKind Kind, bool IsNullable, bool IsKey = false)
{
    public Type Type => IsNullable && Kind.Type.IsValueType ? typeof(Nullable<>).MakeGenericType(Kind.Type) : Kind.Type;

    public object? Pick(Random random)
        => IsNullable && random.Next(5) == 0 ? null
            : IsKey ? Kind.Respell(Kind.KeyAt(random.Next(Table.Rows)), random)
            : Kind.Values[random.Next(Kind.Values.Length)];
}

/// <param name="From">The dependent.</param>
/// <param name="To">The principal.</param>
/// <param name="Navigation">From dependent to principal.</param>
/// <param name="Inverse">From principal to dependents, or to the one dependent where <paramref name="IsUnique"/>.</param>
/// <param name="Columns">In the order of the principal's columns.</param>
internal sealed record ForeignKey(
    Table From, Table To, string Navigation, string Inverse, Column[] Columns, bool IsRequired, bool IsUnique, DeleteBehavior OnDelete)
{
    /// <summary>It refers to the alternate key.</summary>
    public bool ToAlternate { get; init; }

    public Column[] PrincipalColumns => ToAlternate ? [To.Alternate!] : To.Key;

    /// <summary>What the principal number <paramref name="index"/> is referred to by.</summary>
    public object[] PrincipalKeyAt(int index) => ToAlternate ? [To.Alternate!.Kind.KeyAt(index)] : To.KeyAt(index);
}

internal sealed class Table(string name, Column[] key, bool isGenerated, Column? alternate, Column[] columns)
{
    public const int Rows = 12;

    /// <summary>The name of the table and of the class.</summary>
    public string Name => name;

    public Column[] Key => key;

    /// <summary>The database makes the key.</summary>
    public bool IsGenerated => isGenerated;

    /// <summary>A unique column beside the key.</summary>
    public Column? Alternate => alternate;

    /// <summary>Neither key nor foreign key.</summary>
    public Column[] Columns => columns;

    public List<ForeignKey> ForeignKeys { get; } = [];

    /// <summary>Those that refer to it.</summary>
    public List<ForeignKey> References { get; } = [];

    /// <summary>Of a derived class, in the same table or in one of its own (<see cref="IsTpt"/>); empty: there is none.</summary>
    public Column[] DerivedColumns { get; init; } = [];

    public bool IsTpt { get; init; }

    /// <summary>Of an owned type in the same table; empty: there is none.</summary>
    public Column[] OwnedColumns { get; init; } = [];

    public bool IsOwnedRequired { get; init; }

    /// <summary>Of another entity in the same table; empty: there is none.</summary>
    public Column[] PartColumns { get; init; } = [];

    public Type Class { get; private set; } = null!;

    public Type? DerivedClass { get; private set; }

    public Type? OwnedClass { get; private set; }

    public Type? PartClass { get; private set; }

    /// <summary>Equality of the key can be told from its values.</summary>
    public bool HasExactKey => Array.TrueForAll(Key, column => column.Kind.IsExact);

    public IEnumerable<Column> ForeignKeyColumns => ForeignKeys.SelectMany(foreignKey => foreignKey.Columns);

    public object[] KeyAt(int index)
        => Key.Length == 1 ? [Key[0].Kind.KeyAt(index)] : [Key[0].Kind.KeyAt(index % 4), Key[1].Kind.KeyAt(index / 4)];

    /// <summary>Makes the classes of all tables, which refer to each other.</summary>
    public static void Emit(string module, IReadOnlyList<Table> tables)
    {
        var into = EmittedClass.DefineModule(module);
        var classes = tables.ToDictionary(table => table, table => new EmittedClass(into, table.Name));
        foreach (var (table, emitted) in classes)
        {
            Column[] own = [.. table.Key, .. table.Columns, .. table.ForeignKeyColumns, .. table.Alternate is { } a ? [a] : (Column[])[]];
            AddAll(emitted, own);
            foreach (var foreignKey in table.ForeignKeys)
                emitted.AddProperty(foreignKey.Navigation, classes[foreignKey.To].Unfinished);
            foreach (var reference in table.References)
            {
                var from = classes[reference.From].Unfinished;
                emitted.AddProperty(reference.Inverse, reference.IsUnique ? from : typeof(List<>).MakeGenericType(from));
            }

            table.OwnedClass = Define($"{table.Name}_owned", table.OwnedColumns);
            table.PartClass = Define($"{table.Name}_part", table.PartColumns.Length == 0 ? [] : [.. table.Key, .. table.PartColumns]);
            if (table.OwnedClass is not null)
                emitted.AddProperty(nameof(RandomContext.Owned), table.OwnedClass);
            if (table.PartClass is not null)
                emitted.AddProperty(nameof(RandomContext.Part), table.PartClass);
        }

        foreach (var (table, emitted) in classes)
            table.Class = emitted.Finish();
        foreach (var table in tables)
            table.DerivedClass = Define($"{table.Name}_sub", table.DerivedColumns, table.Class);

        Type? Define(string name, Column[] columns, Type? parent = null)
        {
            if (columns.Length == 0)
                return null;
            var emitted = new EmittedClass(into, name, parent);
            AddAll(emitted, columns);
            return emitted.Finish();
        }

        static void AddAll(EmittedClass emitted, IEnumerable<Column> columns)
        {
            foreach (var column in columns)
                emitted.AddProperty(column.Name, column.Type);
        }
    }
}

/// <summary>Three tables: t1 refers to t0, t2 to t1; all else is drawn.</summary>
internal sealed class RandomSchema
{
    private readonly Random _random;

    /// <summary>No foreign key stands against a delete, which then goes far.</summary>
    private readonly bool _cascades;

    public RandomSchema(int seed)
    {
        Seed = seed;
        _random = new Random(seed);
        _cascades = Chance(2);
        Tables = [.. Enumerable.Range(0, 3).Select(DrawTable)];
        Refer(Tables[1], Tables[0], "Parent");
        Refer(Tables[2], Tables[1], "Parent");
        if (Chance(2))
            Refer(Tables[2], Tables[0], "Other");
        if (Chance(3))
            Refer(Tables[0], Tables[0], "Self");
        if (Chance(4))
            Refer(Tables[1], Tables[1], "Self");
        Table.Emit($"schema_{seed}", Tables);
    }

    public int Seed { get; }

    public IReadOnlyList<Table> Tables { get; }

    private Table DrawTable(int index)
    {
        ColumnKind[] kinds = _random.Next(12) switch
        {
            < 4 => [ColumnKind.Int],
            4 => [ColumnKind.Long],
            5 => [ColumnKind.Guid],
            6 => [ColumnKind.Text],
            7 => [ColumnKind.Int, ColumnKind.Int],
            8 => [ColumnKind.Int, ColumnKind.Text],
            9 => [ColumnKind.Guid, ColumnKind.Int],
            10 => [ColumnKind.Citext],
            _ => [ColumnKind.Numeric],
        };
        var key = kinds.Select((kind, i) => new Column($"Key{i}", kind, false, IsKey: true)).ToArray();
        var inheritance = _random.Next(6);
        var sharing = _random.Next(6);
        var isGenerated = kinds is [{ } only] && only == ColumnKind.Int && Chance(4);
        return new Table($"t{index}", key, isGenerated, Chance(3) ? DrawAlternate() : null, DrawColumns("C", 3, 5))
        {
            DerivedColumns = inheritance < 2 ? DrawColumns("D", 1, 2) : [],
            IsTpt = inheritance == 0,
            OwnedColumns = inheritance >= 2 && sharing is 0 or 1 ? DrawColumns("O", 1, 2) : [],
            IsOwnedRequired = Chance(2),
            PartColumns = inheritance >= 2 && sharing == 2 ? DrawColumns("P", 1, 2) : [],
        };
    }

    private Column DrawAlternate() => new("Alternate", Chance(2) ? ColumnKind.Int : ColumnKind.Text, false, IsKey: true);

    private Column[] DrawColumns(string prefix, int least, int most)
        => [.. Enumerable.Range(0, _random.Next(least, most + 1))
            .Select(i => new Column($"{prefix}{i}", ColumnKind.All[_random.Next(ColumnKind.All.Count)], Chance(3)))];

    private void Refer(Table from, Table to, string navigation)
    {
        var required = from != to && Chance(2);
        var toAlternate = to.Alternate is not null && Chance(4);
        Column[] principal = toAlternate ? [to.Alternate!] : to.Key;
        DeleteBehavior[] behaviors = (_cascades, required) switch
        {
            (true, true) => [DeleteBehavior.Cascade],
            (true, false) => [DeleteBehavior.Cascade, DeleteBehavior.SetNull],
            (false, true) => [DeleteBehavior.Cascade, DeleteBehavior.ClientCascade, DeleteBehavior.Restrict],
            (false, false) =>
            [
                DeleteBehavior.Cascade, DeleteBehavior.SetNull, DeleteBehavior.Restrict, DeleteBehavior.ClientCascade, DeleteBehavior.ClientSetNull,
            ],
        };
        var foreignKey = new ForeignKey(
            from, to, navigation, $"{from.Name}{navigation}",
            [.. principal.Select((column, i) => new Column($"{navigation}{i}", column.Kind, !required, IsKey: true))],
            required, Chance(6), behaviors[_random.Next(behaviors.Length)])
        { ToAlternate = toAlternate };
        from.ForeignKeys.Add(foreignKey);
        to.References.Add(foreignKey);
    }

    private bool Chance(int oneIn) => _random.Next(oneIn) == 0;
}
