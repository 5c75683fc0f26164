namespace EfSecondLevelCache.IntegrationTests.Adversary;

public sealed class KnownWeaknessesTests(ITestOutputHelper output)
{
    private static readonly AttackList[] Lists =
    [
        KeyAttacks.All, SessionAttacks.All, TransactionAttacks.All, HiddenWriteAttacks.All, CatalogAttacks.All, NameAttacks.All,
        ConstraintAttacks.All, ObserverAttacks.All, ValueAttacks.All,
    ];

    [Fact]
    public void Each_is_an_attack_of_its_kind()
    {
        var attacks = Lists.SelectMany(list => list).ToLookup(attack => attack.Name, attack => attack.Kind);
        Assert.Empty(attacks.Where(named => named.Count() > 1).Select(named => named.Key));
        foreach (var kind in Enum.GetValues<WeaknessKind>())
            Assert.All(KnownWeaknesses.Of(kind), known => Assert.Equal([kind], attacks[known]));
        foreach (var kind in Enum.GetValues<WeaknessKind>())
            output.WriteLine($"{kind}: {attacks.Count(a => a.Contains(kind))} attacks, of which {KnownWeaknesses.Of(kind).Count} succeed");
    }
}
