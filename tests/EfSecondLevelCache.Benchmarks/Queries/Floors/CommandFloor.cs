using System.Data.Common;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Benchmarks.Queries.Floors;

/// <summary>
/// The least that a cache at the level of EF Core's commands can cost: it has no key, no store and no policy. Each query is executed
/// once and its rows are kept on its template; from then on they are the answer, whatever the parameters are.
/// </summary>
internal sealed class CommandFloor(RelationalCommandBuilderDependencies dependencies) : IRelationalCommandBuilderFactory
{
    public IRelationalCommandBuilder Create() => new Builder(dependencies);

    private sealed class Builder(RelationalCommandBuilderDependencies dependencies) : RelationalCommandBuilder(dependencies)
    {
        public override IRelationalCommand Build()
        {
            var command = base.Build();
            return new Command(Dependencies, command.CommandText, command.LogCommandText, command.Parameters);
        }
    }

    private sealed class Command(
        RelationalCommandBuilderDependencies dependencies,
        string commandText,
        string logCommandText,
        IReadOnlyList<IRelationalParameter> parameters)
        : RelationalCommand(dependencies, commandText, logCommandText, parameters)
    {
        // A command is rented for one execution at a time, so that it can keep its reader, and even the task that holds it.
        private readonly Reader _reader = new();
        private Task<RelationalDataReader>? _executed;
        private Command? _template;
        private PrebuiltRows? _rows;

        public override void PopulateFrom(IRelationalCommandTemplate commandTemplate)
        {
            base.PopulateFrom(commandTemplate);
            _template = (Command)commandTemplate;
        }

        public override RelationalDataReader ExecuteReader(RelationalCommandParameterObject parameterObject)
            => throw new NotSupportedException("The benchmarks are asynchronous.");

        public override Task<RelationalDataReader> ExecuteReaderAsync(
            RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken = default)
        {
            if (_template!._rows is not { } rows)
                return ExecuteAndKeepAsync(parameterObject, cancellationToken);

            _reader.Over(rows, parameterObject.Connection);
            return _executed ??= Task.FromResult<RelationalDataReader>(_reader);
        }

        private async Task<RelationalDataReader> ExecuteAndKeepAsync(
            RelationalCommandParameterObject parameterObject, CancellationToken cancellationToken)
        {
            await using (var executed = await base.ExecuteReaderAsync(parameterObject, cancellationToken))
                _template!._rows = await PrebuiltRows.ReadAsync(executed.DbDataReader);
            return await ExecuteReaderAsync(parameterObject, cancellationToken);
        }
    }

    /// <summary>Has no command and never opened the connection, so there is nothing to close.</summary>
    private sealed class Reader : RelationalDataReader
    {
        private readonly PrebuiltRowsReader _reader = new();
        private IRelationalConnection _connection = null!;

        public void Over(PrebuiltRows rows, IRelationalConnection connection)
        {
            _reader.Over(rows);
            _connection = connection;
        }

        public override DbDataReader DbDataReader => _reader;

        public override IRelationalConnection RelationalConnection => _connection;

        public override bool Read() => _reader.Read();

        public override Task<bool> ReadAsync(CancellationToken cancellationToken = default) => _reader.ReadAsync(cancellationToken);

        public override void Close()
        {
        }

        public override ValueTask CloseAsync() => default;

        public override void Dispose()
        {
        }

        public override ValueTask DisposeAsync() => default;
    }
}
