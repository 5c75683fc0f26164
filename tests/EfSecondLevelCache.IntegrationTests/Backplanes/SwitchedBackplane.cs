using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>Connects caches of one process over wires that can be held or cut, each on its own.</summary>
public sealed class SwitchedBackplane
{
    private readonly Lock _lock = new();
    private Node[] _nodes = [];

    public Node Add(string name)
    {
        lock (_lock)
        {
            var node = new Node(this, name);
            _nodes = [.. _nodes, node];
            return node;
        }
    }

    /// <summary>The end of a wire, to be given to the cache of a node.</summary>
    public sealed record Node(SwitchedBackplane Shared, string Name) : BackplaneFactory
    {
        private volatile Wire? _wire;

        /// <summary>What is sent to the node is lost, and what it sends.</summary>
        public bool IsCut { get; set; }

        /// <summary>While it is reset, what is sent to the node waits.</summary>
        public ManualResetEventSlim IsFlowing { get; } = new(initialState: true);

        public override IBackplane Create(ILogger logger) => _wire = new Wire(this);

        private void Deliver(ReadOnlyMemory<byte> message)
        {
            if (!IsCut)
                _wire?.Enqueue(message);
        }

        private sealed class Wire(Node node) : IBackplane
        {
            private readonly Channel<ReadOnlyMemory<byte>> _incoming = Channel.CreateUnbounded<ReadOnlyMemory<byte>>();
            private Task _delivering = Task.CompletedTask;

            public string NodeName => node.Name;

            public int MaxMessageBytes => 64 << 10;

            public BackplaneHealth Health => new(BackplaneState.Live);

            public void Start(IBackplaneReceiver receiver)
            {
                _delivering = Task.Run(async () =>
                {
                    await foreach (var message in _incoming.Reader.ReadAllAsync())
                    {
                        node.IsFlowing.Wait();
                        receiver.Received(message);
                    }
                });
                receiver.Joined();
            }

            public void Enqueue(ReadOnlyMemory<byte> message) => _incoming.Writer.TryWrite(message);

            public void Publish(ReadOnlyMemory<byte> message)
            {
                if (node.IsCut)
                    return;
                foreach (var other in node.Shared._nodes)
                {
                    if (!ReferenceEquals(other, node))
                        other.Deliver(message.ToArray());
                }
            }

            public async ValueTask DisposeAsync()
            {
                node._wire = null;
                node.IsFlowing.Set();
                _incoming.Writer.TryComplete();
                await _delivering;
            }
        }
    }
}
