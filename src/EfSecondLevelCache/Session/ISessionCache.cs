using EfSecondLevelCache.Catalog;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Session;

/// <summary>What a session has to know of its context's cache, to which there is no way from here.</summary>
internal interface ISessionCache
{
    SecondLevelCacheOptions Options { get; }

    /// <summary>Why nothing is cached at all at the moment; null: it is.</summary>
    QueryCacheRefusal? Refusal { get; }

    bool HasResults { get; }

    /// <summary>What is known of the database of a scope: contexts of all types share it.</summary>
    KnownDatabase DatabaseOf(CacheScope scope);

    /// <summary>A context of the database is used: what tells of changes by its connections starts with the first one.</summary>
    void Used(KnownDatabase database, IRelationalConnection connection, ILogger logger);
}

/// <summary>An extension of a context's options that names its cache.</summary>
internal interface ISessionCacheProvider
{
    /// <summary>The cache of a context that has these options.</summary>
    ISessionCache CacheFor(IDbContextOptions options);
}
