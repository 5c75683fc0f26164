using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Catalog;

/// <summary>A function that a write runs, and how far it can be trusted.</summary>
/// <param name="Name">With the schema.</param>
/// <param name="MayWrite">It may write any table.</param>
/// <param name="MayWriteInExpression">The same where it stands in a default or a CHECK.</param>
/// <param name="Assigns">The columns that it may set as a trigger for each row BEFORE the change.</param>
internal sealed record HookFunction(string Name, bool MayWrite, bool MayWriteInExpression, ColumnSet Assigns)
{
    // Of PostgreSQL's module spi; refint, which is there too, does write.
    private static readonly string[] HarmlessTriggers = ["autoinc", "insert_username", "moddatetime"];

    /// <param name="name">With the schema.</param>
    /// <param name="isHarmless">It is PostgreSQL's own, or declared STABLE or IMMUTABLE: its owner promises that it writes nothing.</param>
    /// <param name="language">In which it is written.</param>
    /// <param name="text">The source; of a C function the symbol.</param>
    /// <param name="impureFunctions">The names of the user's functions that may do anything.</param>
    public static HookFunction Of(string name, bool isHarmless, string language, string text, IReadOnlySet<string> impureFunctions)
    {
        switch (language)
        {
            case "plpgsql":
                var body = PlpgsqlBody.TryRead(text, impureFunctions);
                return new(name, !isHarmless && body is null, !isHarmless && body is null, body?.Assigns ?? ColumnSet.All);
            case "sql":
                var writes = !isHarmless && !PlpgsqlBody.OnlyReads(text, impureFunctions);
                return new(name, writes, writes, ColumnSet.All);
            case "c":
                // Values come from such functions in extensions (uuid_generate_v4); triggers in C may be anything.
                return new(name, !isHarmless && !HarmlessTriggers.Contains(text), MayWriteInExpression: false, ColumnSet.All);
            default:
                return new(name, !isHarmless, !isHarmless, ColumnSet.All);
        }
    }
}
