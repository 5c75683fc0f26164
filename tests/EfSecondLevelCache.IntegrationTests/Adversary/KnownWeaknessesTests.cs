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
        Assert.Equal(Enum.GetValues<WeaknessKind>(), Lists.Select(list => Assert.Single(list.Select(attack => attack.Kind).Distinct())));
        foreach (var list in Lists)
        {
            var kind = list.First().Kind;
            Assert.Empty(KnownWeaknesses.Of(kind).Except(list.Select(attack => attack.Name)));
            output.WriteLine($"{kind}: {list.Count()} attacks, of which {KnownWeaknesses.Of(kind).Count} succeed");
        }
    }
}
