using EfSecondLevelCache.EntityFramework.Writes;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.EntityFramework;

/// <summary>EF Core's own, with observers around whichever batch executor the application has; that stays the service.</summary>
internal sealed class ObservedDatabase(
    DatabaseDependencies dependencies, RelationalDatabaseDependencies relationalDependencies, CacheSession session, ReadBacks readBacks)
    : RelationalDatabase(
        dependencies,
        relationalDependencies with
        {
            BatchExecutor = new ReadBackBatchExecutor(
                new NotifyingBatchExecutor(new ObservingBatchExecutor(relationalDependencies.BatchExecutor, session), session), session, readBacks),
        });
