using Microsoft.EntityFrameworkCore;

namespace EfSecondLevelCache.Benchmarks.Queries;

/// <summary>Can what <see cref="NotCacheable"/> finds be seen beside a round trip?</summary>
public class NotCacheableOverLoopback : NotCacheable
{
    private protected override DbContextOptionsBuilder<Catalog> Configure(DbContextOptionsBuilder<Catalog> options) => options;
}
