using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace EfSecondLevelCache.Tests.Store;

/// <summary>Runs a theory once for each eviction policy.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EveryPolicyAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
        => new(Enum.GetValues<EvictionPolicy>().Select(ITheoryDataRow (policy) => new TheoryDataRow<EvictionPolicy>(policy)).ToList());

    public override bool SupportsDiscoveryEnumeration() => true;
}
