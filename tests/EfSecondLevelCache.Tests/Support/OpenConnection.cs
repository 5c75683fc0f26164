using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace EfSecondLevelCache.Tests.Support;

/// <summary>A connection that says that it is open, to no server.</summary>
internal sealed class OpenConnection : DbConnection
{
    private ConnectionState _state = ConnectionState.Open;

    [AllowNull]
    public override string ConnectionString { get; set; } = ShopContext.ConnectionString;

    public override string Database => "shop";

    public override string DataSource => "no-such-host.invalid";

    public override string ServerVersion => "15.0";

    public override ConnectionState State => _state;

    public override void Open() => throw new NotSupportedException();

    public override void Close()
    {
        if (_state == ConnectionState.Closed)
            return;
        _state = ConnectionState.Closed;
        OnStateChange(new StateChangeEventArgs(ConnectionState.Open, ConnectionState.Closed));
    }

    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => new OpenTransaction(this, isolationLevel);

    protected override DbCommand CreateDbCommand() => throw new NotSupportedException();
}

/// <summary>A transaction of such a connection.</summary>
internal sealed class OpenTransaction(DbConnection connection, IsolationLevel isolationLevel) : DbTransaction
{
    public override IsolationLevel IsolationLevel => isolationLevel;

    protected override DbConnection DbConnection => connection;

    public override void Commit()
    {
    }

    public override void Rollback()
    {
    }
}
