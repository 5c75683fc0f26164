using System.Data.Common;
using EfSecondLevelCache.Results;
using Microsoft.EntityFrameworkCore.Query.Internal;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>
/// EF Core's reader over a cached result. It has no command and opened no connection, so it closes none; the rented command that owns it uses
/// it again and again, as EF Core does with its own.
/// </summary>
internal sealed class CachedRelationalDataReader : RelationalDataReader
{
    private readonly CachedDataReader _reader = new();
    private IRelationalConnection? _connection;

    public override IRelationalConnection RelationalConnection => _connection!;

    public override DbDataReader DbDataReader => _reader;

    public override DbCommand DbCommand => null!;

    public override Guid CommandId => default;

    /// <param name="connection">Of the context.</param>
    /// <param name="result">What to serve.</param>
    /// <param name="columns">How EF Core would buffer the rows; null: it would not.</param>
    /// <param name="detailedErrors">What EF Core says of a value that it can't read.</param>
    public void Initialize(IRelationalConnection connection, CachedResult result, IReadOnlyList<ReaderColumn?>? columns, bool detailedErrors)
    {
        if (columns is not null && result.HasNullWhereRequired(columns))
            Buffer(result, columns, detailedErrors);
        _connection = connection;
        _reader.Reset(result, objectsAsStored: columns is not null);
    }

    public override bool Read() => _reader.Read();

    /// <summary>Reads as Npgsql does where the row is there: a cancellation ends a wait, and here is nothing to wait for.</summary>
    public override Task<bool> ReadAsync(CancellationToken cancellationToken = default) => Task.FromResult(_reader.Read());

    public override void Close() => _reader.Close();

    public override ValueTask CloseAsync()
    {
        _reader.Close();
        return default;
    }

    public override void Dispose() => _reader.Close();

    public override ValueTask DisposeAsync() => CloseAsync();

    /// <summary>EF Core's buffering tells of a row that does not fit the model before the first one is read, and in its own words.</summary>
    private static void Buffer(CachedResult result, IReadOnlyList<ReaderColumn?> columns, bool detailedErrors)
    {
        var reader = new CachedDataReader();
        reader.Reset(result);
        new BufferedDataReader(reader, detailedErrors).Initialize(columns).Dispose();
    }
}
