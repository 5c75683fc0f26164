using System.Collections;
using System.Data.Common;
using System.Linq.Expressions;
using System.Reflection;
using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>How a write is made, and what is known of the rows that it writes.</summary>
internal enum WriteKind
{
    Insert,
    UpdateOfLoaded,

    /// <summary>Loaded some writes ago: another context may have changed the row since.</summary>
    UpdateOfLoadedLongAgo,

    /// <summary>What the context takes for the row's values is not what the database has.</summary>
    UpdateOfNeverLoaded,
    MoveAlongForeignKey,
    DeleteOfLoaded,
    DeleteOfNeverLoaded,
    Transaction,
    ExecuteUpdate,
    ExecuteDelete,
    RawSql,
}

/// <param name="Text">What was written, for people.</param>
/// <param name="Failure">A constraint stood against it, or EF Core.</param>
internal sealed record RandomWrite(WriteKind Kind, string Text, Exception? Failure);

internal static class WriteKinds
{
    /// <summary>A write by SaveChanges, which tells the rows that it writes.</summary>
    public static bool IsTracked(this WriteKind kind) => kind < WriteKind.Transaction;
}

/// <summary>Random writes, most of them of one row.</summary>
/// <param name="open">A context with the cache.</param>
/// <param name="openPlain">One without it.</param>
internal sealed class RandomWrites(RandomSchema schema, Func<RandomContext> open, Func<RandomContext> openPlain) : IAsyncDisposable
{
    private static readonly MethodInfo GenericExecuteUpdate = Method(nameof(ExecuteUpdateAsync));
    private static readonly MethodInfo GenericExecuteDelete = Method(nameof(ExecuteDeleteAsync));

    /// <summary>Has loaded rows once, and writes to them again and again.</summary>
    private RandomContext? _longAgo;

    /// <summary>Fills the tables.</summary>
    public async Task SeedAsync(Random random)
    {
        await using var db = openPlain();
        var truncate = $"TRUNCATE {string.Join(", ", schema.Tables.Select(t => t.Name))} RESTART IDENTITY CASCADE";
        await db.Database.ExecuteSqlRawAsync(truncate);
        foreach (var table in schema.Tables)
        {
            for (var i = 0; i < Table.Rows; i++)
            {
                var row = NewRow(table, i, random);
                foreach (var foreignKey in table.ForeignKeys)
                {
                    // Each another one, as a unique foreign key needs it; of itself an earlier row.
                    var parent = foreignKey.From == foreignKey.To ? i - 1 : foreignKey.IsUnique ? i : random.Next(Table.Rows);
                    if (parent >= 0 && (foreignKey.IsRequired || random.Next(5) > 0))
                        Refer(row, foreignKey, foreignKey.PrincipalKeyAt(parent), random);
                }

                // One by one: EF Core can't order rows that refer to each other by keys that only the database takes for equal.
                db.Add(row);
                await db.SaveChangesAsync();
            }

            var restart = $"ALTER TABLE {table.Name} ALTER \"Key0\" RESTART WITH {Table.Rows + 1}";
            if (table.IsGenerated)
                await db.Database.ExecuteSqlRawAsync(restart);
        }
    }

    /// <param name="random">What is drawn.</param>
    /// <param name="underway">Is called while the writes of a transaction are not yet committed.</param>
    public async Task<RandomWrite> WriteAsync(Random random, Func<Task> underway)
    {
        var kind = random.Next(24) switch
        {
            < 4 => WriteKind.Insert,
            < 8 => WriteKind.UpdateOfLoaded,
            8 or 9 => WriteKind.UpdateOfLoadedLongAgo,
            10 or 11 => WriteKind.UpdateOfNeverLoaded,
            12 or 13 => WriteKind.MoveAlongForeignKey,
            14 or 15 => WriteKind.DeleteOfLoaded,
            16 or 17 => WriteKind.DeleteOfNeverLoaded,
            18 => WriteKind.Transaction,
            19 or 20 => WriteKind.ExecuteUpdate,
            21 => WriteKind.ExecuteDelete,
            _ => WriteKind.RawSql,
        };
        if (kind is WriteKind.UpdateOfLoadedLongAgo)
            return await UpdateOfLoadedLongAgoAsync(random);
        await using var db = open();
        if (kind is not WriteKind.Transaction)
            return await TryAsync(kind, db, random);

        await using var transaction = await db.Database.BeginTransactionAsync();
        var first = await TryAsync((WriteKind)random.Next((int)WriteKind.Transaction), db, random);
        if (first.Failure is not null)
            return first with { Kind = WriteKind.Transaction };
        await underway();
        var second = await TryAsync((WriteKind)random.Next((int)WriteKind.Transaction), db, random);
        await underway();
        var commits = second.Failure is null && random.Next(3) > 0;
        if (commits)
            await transaction.CommitAsync();
        else
            await transaction.RollbackAsync();
        return new RandomWrite(WriteKind.Transaction, $"{first.Text}; {second.Text}; {(commits ? "commit" : "rollback")}", second.Failure);
    }

    public async ValueTask DisposeAsync()
    {
        if (_longAgo is not null)
            await _longAgo.DisposeAsync();
    }

    private async Task<RandomWrite> UpdateOfLoadedLongAgoAsync(Random random)
    {
        if (_longAgo is null || random.Next(4) == 0)
        {
            await DisposeAsync();
            _longAgo = open();
            foreach (var table in schema.Tables)
                await ListAsync(_longAgo, table);
        }

        var write = await TryAsync(WriteKind.UpdateOfLoadedLongAgo, _longAgo, random);
        if (write.Failure is not null)
            _longAgo.ChangeTracker.Clear();
        return write;
    }

    private async Task<RandomWrite> TryAsync(WriteKind kind, RandomContext db, Random random)
    {
        var text = $"{kind}";
        try
        {
            var table = schema.Tables[random.Next(schema.Tables.Count)];
            text += ": " + await (kind switch
            {
                WriteKind.Insert => InsertAsync(db, table, random),
                WriteKind.UpdateOfLoaded => UpdateAsync(db, table, await LoadAsync(db, table, random), random),
                WriteKind.UpdateOfLoadedLongAgo => UpdateAsync(db, table, PickTracked(db, table, random), random),
                WriteKind.UpdateOfNeverLoaded => UpdateNeverLoadedAsync(db, table, random),
                WriteKind.MoveAlongForeignKey => MoveAsync(db, random),
                WriteKind.DeleteOfLoaded => DeleteAsync(db, table, random),
                WriteKind.DeleteOfNeverLoaded => DeleteNeverLoadedAsync(db, table, random),
                WriteKind.ExecuteUpdate => CallAsync(GenericExecuteUpdate, db, table, random),
                WriteKind.ExecuteDelete => CallAsync(GenericExecuteDelete, db, table, random),
                _ => ExecuteSqlAsync(db, table, random),
            });
            return new RandomWrite(kind, text, null);
        }
        catch (Exception failure) when (failure is DbUpdateException or DbException or InvalidOperationException or NoRowException)
        {
            return new RandomWrite(kind, text, failure);
        }
    }

    private async Task<string> InsertAsync(RandomContext db, Table table, Random random)
    {
        var row = NewRow(table, table.IsGenerated ? null : await PickFreeKeyAsync(table, random), random);
        foreach (var foreignKey in table.ForeignKeys)
            await ReferToAnyAsync(row, foreignKey, random);
        db.Add(row);
        return await SaveAsync(db, random);
    }

    private static async Task<string> UpdateAsync(RandomContext db, Table table, object row, Random random)
    {
        for (var changes = random.Next(1, 4); changes > 0; changes--)
            SetAny(row, table, random);
        return await SaveAsync(db, random);
    }

    private async Task<string> UpdateNeverLoadedAsync(RandomContext db, Table table, Random random)
    {
        var stored = await PickStoredAsync(table, random);
        var row = NewRow(table, 0, random, stored.GetType());
        CopyKey(table, stored, row);
        foreach (var foreignKey in table.ForeignKeys)
            await ReferToAnyAsync(row, foreignKey, random);
        if (random.Next(2) == 0)
        {
            db.Update(row);
        }
        else
        {
            db.Attach(row);
            SetAny(row, table, random);
        }

        return await SaveAsync(db, random);
    }

    private async Task<string> MoveAsync(RandomContext db, Random random)
    {
        ForeignKey[] all = [.. schema.Tables.SelectMany(table => table.ForeignKeys)];
        var foreignKey = all[random.Next(all.Length)];
        var row = await LoadAsync(db, foreignKey.From, random);
        if (random.Next(2) == 0)
            await ReferToAnyAsync(row, foreignKey, random);
        else
            Set(row, foreignKey.Navigation, await LoadAsync(db, foreignKey.To, random));
        return await SaveAsync(db, random);
    }

    private async Task<string> DeleteAsync(RandomContext db, Table table, Random random)
    {
        var row = await LoadAsync(db, table, random);
        // With dependents in the change tracker, the cascades are EF Core's.
        if (random.Next(2) == 0)
        {
            foreach (var reference in table.References)
                await db.Entry(row).Navigation(reference.Inverse).LoadAsync();
        }

        db.Remove(row);
        return await SaveAsync(db, random);
    }

    private async Task<string> DeleteNeverLoadedAsync(RandomContext db, Table table, Random random)
    {
        var stored = await PickStoredAsync(table, random);
        var row = NewRow(table, 0, random, stored.GetType());
        CopyKey(table, stored, row);
        db.Remove(row);
        return await SaveAsync(db, random);
    }

    private async Task<string> CallAsync(MethodInfo method, RandomContext db, Table table, Random random)
    {
        var column = table.Columns[random.Next(table.Columns.Length)];
        var rows = db.Rows(table.Class);
        var row = Expression.Parameter(table.Class, "e");
        var (by, value) = random.Next(3) == 0
            ? (column, column.Pick(random))
            : (table.Key[0], Get(await PickStoredAsync(table, random), table.Key[0].Name));
        var member = Expression.Property(row, by.Name);
        rows = rows.Provider.CreateQuery(Expression.Call(
            typeof(Queryable), nameof(Queryable.Where), [table.Class], rows.Expression,
            Expression.Quote(Expression.Lambda(Expression.Equal(member, Expression.Constant(value, member.Type)), row))));
        Type[] types = method == GenericExecuteUpdate ? [table.Class, column.Type] : [table.Class];
        object?[] arguments = method == GenericExecuteUpdate ? [rows, column.Name, column.Pick(random)] : [rows];
        var count = await (Task<int>)method.MakeGenericMethod(types).Invoke(null, BindingFlags.DoNotWrapExceptions, null, arguments, null)!;
        return $"{table.Name} where {by.Name} = {value}: {string.Join(", ", arguments.Skip(1))}, {count} rows";
    }

    private static Task<int> ExecuteUpdateAsync<T, TValue>(IQueryable<T> rows, string column, TValue value)
        => rows.ExecuteUpdateAsync(setters => setters.SetProperty(row => EF.Property<TValue>(row!, column), value));

    private static Task<int> ExecuteDeleteAsync<T>(IQueryable<T> rows) => rows.ExecuteDeleteAsync();

    private async Task<string> ExecuteSqlAsync(RandomContext db, Table table, Random random)
    {
        var stored = await PickStoredAsync(table, random);
        var key = string.Join(" AND ", table.Key.Select(column => $"\"{column.Name}\" = {Literal(column, Get(stored, column.Name))}"));
        var changed = table.Columns[random.Next(table.Columns.Length)];
        var set = $"\"{changed.Name}\" = {Literal(changed, changed.Pick(random))}";
        var sql = random.Next(6) switch
        {
            0 => $"DELETE FROM {table.Name} WHERE {key}",
            1 => $"UPDATE {table.Name} SET {set}",
            2 => $"UPDATE {table.Name} SET \"Key0\" = {Literal(table.Key[0], table.KeyAt(random.Next(Table.Rows + 4))[0])} WHERE {key}",
            3 => $"WITH written AS (UPDATE {table.Name} SET {set} WHERE {key} RETURNING 1) SELECT * FROM written",
            _ => $"UPDATE {table.Name} SET {set} WHERE {key}",
        };
        await db.Database.ExecuteSqlRawAsync(sql);
        return sql;

        string Literal(Column column, object? value)
            => db.Model.FindEntityType(table.Class)!.FindProperty(column.Name)!.GetRelationalTypeMapping().GenerateSqlLiteral(value);
    }

    private static async Task<string> SaveAsync(RandomContext db, Random random)
    {
        db.ChangeTracker.DetectChanges();
        var text = db.ChangeTracker.DebugView.LongView;
        if (random.Next(2) == 0)
            await db.SaveChangesAsync();
        else
            db.SaveChanges();
        return text;
    }

    private object NewRow(Table table, int? key, Random random, Type? type = null)
    {
        var row = Activator.CreateInstance(type ?? (table.DerivedClass is { } derived && random.Next(2) == 0 ? derived : table.Class))!;
        if (key is { } index)
        {
            var values = table.KeyAt(index);
            for (var i = 0; i < values.Length; i++)
                Set(row, table.Key[i].Name, values[i]);
        }

        SetAll(row, table.Columns);
        if (table.Alternate is { } alternate)
            Set(row, alternate.Name, alternate.Kind.KeyAt(key ?? random.Next(Table.Rows, 1000)));
        if (row.GetType() == table.DerivedClass)
            SetAll(row, table.DerivedColumns);
        if (table.OwnedClass is { } owned)
            Set(row, RandomContext.Owned, SetAll(Activator.CreateInstance(owned)!, table.OwnedColumns));
        if (table.PartClass is { } part)
            Set(row, RandomContext.Part, SetAll(Activator.CreateInstance(part)!, table.PartColumns));
        return row;

        object SetAll(object target, Column[] columns)
        {
            foreach (var column in columns)
                Set(target, column.Name, column.Pick(random));
            return target;
        }
    }

    private static void SetAny(object row, Table table, Random random)
    {
        var (target, columns) = (row, table.Columns);
        if (row.GetType() == table.DerivedClass && random.Next(3) == 0)
            columns = table.DerivedColumns;
        else if (table.OwnedClass is not null && random.Next(3) == 0 && Get(row, RandomContext.Owned) is { } owned)
            (target, columns) = (owned, table.OwnedColumns);
        else if (table.PartClass is not null && random.Next(3) == 0 && Get(row, RandomContext.Part) is { } part)
            (target, columns) = (part, table.PartColumns);
        var column = columns[random.Next(columns.Length)];
        Set(target, column.Name, column.Pick(random));
    }

    private async Task ReferToAnyAsync(object row, ForeignKey foreignKey, Random random)
    {
        if (!foreignKey.IsRequired && random.Next(4) == 0)
        {
            Refer(row, foreignKey, new object?[foreignKey.Columns.Length], random);
            return;
        }

        var parent = await PickStoredAsync(foreignKey.To, random);
        Refer(row, foreignKey, [.. foreignKey.PrincipalColumns.Select(column => Get(parent, column.Name))], random);
    }

    private static void Refer(object row, ForeignKey foreignKey, object?[] key, Random random)
    {
        for (var i = 0; i < key.Length; i++)
            Set(row, foreignKey.Columns[i].Name, foreignKey.Columns[i].Kind.Respell(key[i], random));
    }

    private static void CopyKey(Table table, object from, object to)
    {
        foreach (var column in table.Key)
            Set(to, column.Name, Get(from, column.Name));
    }

    /// <summary>Through the cache, as an application loads it.</summary>
    private async Task<object> LoadAsync(RandomContext db, Table table, Random random)
    {
        var stored = await PickStoredAsync(table, random);
        return await db.FindAsync(table.Class, [.. table.Key.Select(column => Get(stored, column.Name))]) ?? throw new NoRowException();
    }

    private static object PickTracked(RandomContext db, Table table, Random random)
    {
        object[] rows = [.. db.ChangeTracker.Entries().Where(entry => table.Class.IsInstanceOfType(entry.Entity)).Select(entry => entry.Entity)];
        return rows.Length == 0 ? throw new NoRowException() : rows[random.Next(rows.Length)];
    }

    private async Task<object> PickStoredAsync(Table table, Random random)
    {
        await using var db = openPlain();
        var rows = await ListAsync(db, table);
        return rows.Count == 0 ? throw new NoRowException() : rows[random.Next(rows.Count)]!;
    }

    /// <summary>Of a row that was deleted, or never was.</summary>
    private async Task<int> PickFreeKeyAsync(Table table, Random random)
    {
        await using var db = openPlain();
        var rows = await ListAsync(db, table);
        var taken = rows.Cast<object>().Select(row => string.Join('|', table.Key.Select(column => Get(row, column.Name)))).ToHashSet();
        int[] free = [.. Enumerable.Range(0, Table.Rows + 6).Where(index => !taken.Contains(string.Join('|', table.KeyAt(index))))];
        return free.Length == 0 ? throw new NoRowException() : free[random.Next(free.Length)];
    }

    private static async Task<IList> ListAsync(RandomContext db, Table table)
    {
        var rows = db.Rows(table.Class);
        var ordered = rows.Expression;
        foreach (var column in table.Key)
        {
            var row = Expression.Parameter(table.Class, "e");
            var method = column == table.Key[0] ? nameof(Queryable.OrderBy) : nameof(Queryable.ThenBy);
            ordered = Expression.Call(
                typeof(Queryable), method, [table.Class, column.Type],
                ordered, Expression.Quote(Expression.Lambda(Expression.Property(row, column.Name), row)));
        }

        var list = new List<object>();
        await foreach (var row in (IAsyncEnumerable<object>)rows.Provider.CreateQuery(ordered))
            list.Add(row);
        return list;
    }

    private static object? Get(object row, string property) => row.GetType().GetProperty(property)!.GetValue(row);

    private static void Set(object row, string property, object? value) => row.GetType().GetProperty(property)!.SetValue(row, value);

    private static MethodInfo Method(string name) => typeof(RandomWrites).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    /// <summary>There is nothing left to write to.</summary>
    private sealed class NoRowException : Exception;
}
