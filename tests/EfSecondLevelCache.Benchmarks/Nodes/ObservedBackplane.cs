using System.Data.Common;
using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Catalog;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Benchmarks.Nodes;

/// <summary>Makes a backplane that says when the cache is through with a message: what it removed is gone then.</summary>
internal sealed record ObservedBackplaneFactory(BackplaneFactory Inner, Action<ReadOnlyMemory<byte>> Processed) : BackplaneFactory
{
    public override IBackplane Create(ILogger logger) => new ObservedBackplane(Inner.Create(logger), Processed);

    private sealed class ObservedBackplane(IBackplane inner, Action<ReadOnlyMemory<byte>> processed) : ICommitBackplane
    {
        public string NodeName => inner.NodeName;

        public int MaxMessageBytes => inner.MaxMessageBytes;

        public BackplaneHealth Health => inner.Health;

        public void Start(IBackplaneReceiver receiver) => inner.Start(new Receiver(receiver, processed));

        public void Publish(ReadOnlyMemory<byte> message) => inner.Publish(message);

        public void Used(KnownDatabase database, IRelationalConnection connection, ILogger logger)
            => (inner as ICommitBackplane)?.Used(database, connection, logger);

        public bool CarriedBy(KnownDatabase database) => inner is ICommitBackplane backplane && backplane.CarriedBy(database);

        public Task PublishAtCommitAsync(
            bool async, DbTransaction transaction, bool commits, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
            => ((ICommitBackplane)inner).PublishAtCommitAsync(async, transaction, commits, message, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private sealed class Receiver(IBackplaneReceiver inner, Action<ReadOnlyMemory<byte>> processed) : IBackplaneReceiver
    {
        public void Received(ReadOnlyMemory<byte> message)
        {
            inner.Received(message);
            processed(message);
        }

        public IReadOnlyCollection<string> Suspects => inner.Suspects;

        public void Interrupted() => inner.Interrupted();

        public void Joined() => inner.Joined();
    }
}
