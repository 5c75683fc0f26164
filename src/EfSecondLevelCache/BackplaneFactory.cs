using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache;

/// <summary>The settings of a backplane. Contexts share a cache where these are equal, hence a record.</summary>
public abstract record BackplaneFactory
{
    /// <summary>Makes the backplane of one cache; it is not started yet.</summary>
    /// <param name="logger">Takes its messages.</param>
    public abstract IBackplane Create(ILogger logger);
}
