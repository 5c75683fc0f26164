using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.Session;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking.Internal;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Update;

namespace EfSecondLevelCache.EntityFramework.Writes;

/// <summary>
/// Has SaveChanges return what <see cref="ReadBacks"/> asks for. Where that fails, EF Core has undone what it did, and its commands are made and
/// executed once more without; how that ends is how SaveChanges ends.
/// </summary>
internal sealed class ReadBackBatchExecutor(IBatchExecutor inner, CacheSession session, ReadBacks readBacks) : CacheBatchExecutor(inner, session)
{
    protected override async Task<int> ExecuteAsync(
        bool async, IEnumerable<ModificationCommandBatch> commandBatches, IRelationalConnection connection, CancellationToken cancellationToken)
    {
        readBacks.Begin();
        try
        {
            return await ExecuteInnerAsync(async, commandBatches, connection, cancellationToken).ConfigureAwait(false);
        }
        catch (DbUpdateException fault) when (readBacks.MayBeToBlame(fault))
        {
            readBacks.GiveUp();
            Log.NotReadBack(Session.Logger, fault);
        }
        finally
        {
            readBacks.End();
        }

        DiscardGeneratedValues();
        return await ExecuteInnerAsync(async, commandBatches, connection, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// As EF Core does where SaveChanges fails: what the database has generated is of rows that are gone. Keys are what they were before; who is found
    /// by them is told, as EF Core's next SaveChanges would.
    /// </summary>
    private void DiscardGeneratedValues()
    {
        var entries = Session.Context.GetService<IStateManager>().Entries.ToList();
        var keys = entries.ToDictionary(entry => entry, KeyValues);
        foreach (var entry in entries)
            entry.DiscardStoreGeneratedValues();
        var detector = Session.Context.GetService<IChangeDetector>();
        foreach (var (entry, generated) in keys)
        {
            foreach (var (property, value) in generated)
            {
                if (!property.GetValueComparer().Equals(entry.GetCurrentValue(property), value))
                    detector.PropertyChanged(entry, property, setModified: false);
            }
        }
    }

    private static List<(IProperty Property, object? Value)> KeyValues(InternalEntityEntry entry)
        => [.. entry.EntityType.GetProperties()
            .Where(property => property.IsKey() || property.IsForeignKey())
            .Select(property => (property, entry.GetCurrentValue(property)))];
}
