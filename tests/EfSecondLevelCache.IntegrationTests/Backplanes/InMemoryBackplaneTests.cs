using EfSecondLevelCache.Backplanes;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

public sealed class InMemoryBackplaneTests : BackplaneSpecification
{
    private readonly InMemoryBackplane _backplane = new();

    protected override string? WhyNotSlow => "it delivers in the writer's call, so that a test needs no waiting";

    protected override string? WhyNotCut => "memory can't be cut";

    protected override Task<BackplaneFactory> FactoryAsync(int index) => Task.FromResult(_backplane.Factory);
}
