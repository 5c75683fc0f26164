using System.Collections;

namespace EfSecondLevelCache.IntegrationTests.Adversary;

/// <summary>Attacks of one kind: a line adds one.</summary>
internal sealed class AttackList(WeaknessKind kind) : IEnumerable<Attack>
{
    private readonly Dictionary<string, Attack> _attacks = [];

    public Attack this[string name] => _attacks[name];

    public TheoryData<string> Names => [.. _attacks.Keys];

    public void Add(string name, Func<Stage, Task> steps) => Add(name, "", steps);

    public void Add(string name, string setUp, Func<Stage, Task> steps, params Watch[] watches)
    {
        foreach (var watch in watches is [] ? [Watch.Nobody] : watches)
        {
            var full = watch switch
            {
                Watch.Notifications => $"{name}, notifications",
                Watch.Replication => $"{name}, replication",
                _ => name,
            };
            _attacks.Add(full, new Attack(kind, full, setUp, steps, watch));
        }
    }

    public IEnumerator<Attack> GetEnumerator() => _attacks.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
