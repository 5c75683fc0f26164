using System.Collections.Concurrent;

namespace EfSecondLevelCache.Catalog;

/// <summary>
/// The databases of a cache, one for each connection string, within bounds. Strings that lead to one database share what its catalog says. Catalogs
/// take up to a quarter of the cache's bound; past it, that of the string which was used least lately is let go and read again when it is needed.
/// </summary>
/// <param name="maxBytes">The cache's bound.</param>
/// <param name="time">Tells when to compare catalogs.</param>
/// <param name="changed">Called when results may have been kept under a catalog that is no longer true.</param>
/// <param name="reserve">Told how many bytes of the bound the catalogs take.</param>
internal sealed class KnownDatabases(long maxBytes, TimeProvider time, Action<KnownDatabase> changed, Action<long> reserve)
{
    /// <summary>So many strings, of about 1 KB each; the less lately used half goes when there are more.</summary>
    private const int Most = 1_024;

    private const int ShareOfCatalogs = 4;

    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, KnownDatabase> _databases = new();

    /// <summary>The catalogs by where they were read and the state that they show. Who has read one holds it.</summary>
    private readonly Dictionary<CatalogKey, WeakReference<DatabaseCatalog>> _catalogs = [];

    /// <param name="identity">Of the connection string.</param>
    /// <param name="name">Of the database.</param>
    /// <param name="address">Where the string leads.</param>
    public KnownDatabase Of(string identity, string name, string address)
    {
        if (!_databases.TryGetValue(identity, out var known))
        {
            if (_databases.Count >= Most)
                ForgetHalf();
            known = _databases.GetOrAdd(
                identity, _ => new KnownDatabase(name, time, changed, this) { Address = address });
        }

        known.UsedAt = Environment.TickCount64;
        return known;
    }

    /// <summary>Those of a database's name.</summary>
    public IEnumerable<KnownDatabase> Named(string name) => _databases.Values.Where(database => database.Name == name);

    /// <summary>Others have read it, so that it pays to ask for the fingerprint alone.</summary>
    public bool HaveCatalogsOf(KnownDatabase database)
    {
        lock (_lock)
            return _catalogs.Keys.Any(key => key.Address == database.Address && key.Database == database.Name);
    }

    /// <summary>The catalog of a database in this state, where anybody holds it.</summary>
    public DatabaseCatalog? Find(KnownDatabase database, CatalogFingerprint fingerprint)
    {
        lock (_lock)
        {
            return _catalogs.TryGetValue(new(database.Address, database.Name, fingerprint), out var reference)
                && reference.TryGetTarget(out var catalog) ? catalog : null;
        }
    }

    /// <summary>The one that stands for all catalogs of its database and state.</summary>
    public DatabaseCatalog Share(KnownDatabase database, DatabaseCatalog read)
    {
        var key = new CatalogKey(database.Address, database.Name, read.Fingerprint);
        lock (_lock)
        {
            if (_catalogs.TryGetValue(key, out var reference) && reference.TryGetTarget(out var known))
                return known;
            foreach (var (other, gone) in _catalogs)
            {
                if (!gone.TryGetTarget(out _))
                    _catalogs.Remove(other);
            }

            _catalogs[key] = new WeakReference<DatabaseCatalog>(read);
            return read;
        }
    }

    /// <summary>Keeps the catalogs within their share of the bound, whose last one stays whatever it takes.</summary>
    /// <param name="used">Has just read its own.</param>
    public void Bound(KnownDatabase used)
    {
        lock (_lock)
        {
            var byCatalog = _databases.Values
                .Select(database => (Database: database, database.Catalog))
                .Where(read => read.Catalog is not null)
                .GroupBy(read => read.Catalog!)
                .OrderByDescending(shared => shared.Max(read => read.Database == used ? long.MaxValue : read.Database.UsedAt));
            var bytes = 0L;
            foreach (var shared in byCatalog)
            {
                if (bytes == 0 || bytes + shared.Key.Bytes <= maxBytes / ShareOfCatalogs)
                {
                    bytes += shared.Key.Bytes;
                    continue;
                }

                foreach (var (database, _) in shared)
                    database.Forget();
            }

            reserve(Math.Min(bytes, maxBytes / 2));
        }
    }

    /// <summary>A context that still has one goes on with it: it compares its catalog like any other.</summary>
    private void ForgetHalf()
    {
        lock (_lock)
        {
            foreach (var (identity, _) in _databases.OrderBy(database => database.Value.UsedAt).Take(_databases.Count - (Most / 2)).ToArray())
                _databases.TryRemove(identity, out _);
        }
    }

    /// <summary>A fingerprint tells the states of one database apart, not databases.</summary>
    private readonly record struct CatalogKey(string Address, string Database, CatalogFingerprint Fingerprint);
}
