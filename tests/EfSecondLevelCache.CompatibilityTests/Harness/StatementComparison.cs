namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>Compares what two runs of the same code have sent to the server.</summary>
internal static class StatementComparison
{
    /// <param name="plain">Without the cache.</param>
    /// <param name="cached">With it.</param>
    /// <param name="inOrder">Whether the order says anything.</param>
    /// <returns>What is wrong; null: nothing. And how many queries were left out, where the order says something.</returns>
    public static (string? Fault, int LeftOut) Compare(IReadOnlyList<string> plain, IReadOnlyList<string> cached, bool inOrder)
    {
        if (!inOrder)
        {
            var strange = cached.FirstOrDefault(sent => !AllowedStatements.IsAdded(sent)
                && !plain.Any(original => original == sent || AllowedStatements.IsChangeOf(sent, original)));
            return (strange is null ? null : $"Sent with the cache, and not without it:\n{strange}", 0);
        }

        var rest = plain.ToList();
        var next = 0;
        foreach (var statement in cached.Where(statement => !AllowedStatements.IsAdded(statement)))
        {
            var found = rest.FindIndex(next, original => original == statement);
            if (found < 0)
                found = rest.FindIndex(next, original => AllowedStatements.IsChangeOf(statement, original));
            if (found < 0)
                return ($"Sent with the cache, and not (or not at this place) without it:\n{statement}", 0);
            rest.RemoveAt(found);
            next = found;
        }

        var missing = rest.Find(statement => !AllowedStatements.IsQuery(statement));
        return missing is not null ? ($"Not sent with the cache:\n{missing}", rest.Count) : (null, rest.Count);
    }
}
