using System.Data.Common;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Querying.Results;

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
    /// <param name="buffered">EF Core would buffer this query.</param>
    public void Initialize(IRelationalConnection connection, CachedResult result, bool buffered)
    {
        _connection = connection;
        _reader.Reset(result, objectsAsStored: buffered);
    }

    public override bool Read() => _reader.Read();

    public override Task<bool> ReadAsync(CancellationToken cancellationToken = default)
        => cancellationToken.IsCancellationRequested ? Task.FromCanceled<bool>(cancellationToken) : Task.FromResult(_reader.Read());

    public override void Close() => _reader.Close();

    public override ValueTask CloseAsync()
    {
        _reader.Close();
        return default;
    }

    public override void Dispose() => _reader.Close();

    public override ValueTask DisposeAsync() => CloseAsync();
}
