using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;
using Microsoft.Extensions.Logging.Abstractions;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>What a cache does with a backplane, without the cache: it notes what it is told.</summary>
public sealed class BackplaneNode : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly List<MessageContent> _told = [];
    private readonly Tap _tap;
    private int _flushes;
    private int _flushesBefore;

    public BackplaneNode(BackplaneFactory factory)
    {
        _tap = new Tap(factory.Create(NullLogger.Instance));
        Broadcast = new ChangeBroadcast(_tap, OnTold, new SecondLevelCacheOptions(), NullLogger.Instance);
    }

    internal ChangeBroadcast Broadcast { get; }

    public int MaxBytes => _tap.MaxMessageBytes;

    /// <summary>Since <see cref="CountFlushesFromNow"/>.</summary>
    public int Flushes => Volatile.Read(ref _flushes) - _flushesBefore;

    /// <summary>While it is reset, the node takes its time for each message.</summary>
    public ManualResetEventSlim IsAwake { get; } = new(initialState: true);

    public IReadOnlyList<string> Tags
    {
        get
        {
            lock (_lock)
                return [.. _told.OfType<TagChanged>().Select(change => change.Tag)];
        }
    }

    internal IReadOnlyList<TableChange> Rows
    {
        get
        {
            lock (_lock)
                return [.. _told.OfType<RowsChanged>().SelectMany(rows => rows.Changes)];
        }
    }

    public void CountFlushesFromNow() => _flushesBefore = Volatile.Read(ref _flushes);

    public bool Hears(BackplaneNode other)
        => Broadcast.Status.Nodes.Any(node => node.Name == other.Broadcast.Status.Node && !node.IsSuspect);

    public void Publish(string tag) => Broadcast.Publish(new TagChanged(tag));

    /// <summary>Past the numbering.</summary>
    public void PublishRaw(ReadOnlyMemory<byte> message) => _tap.Publish(message);

    /// <summary>What was published last.</summary>
    public ReadOnlyMemory<byte> LastPublished(Func<byte[], bool> match) => _tap.Sent.Last(match);

    public async ValueTask DisposeAsync()
    {
        IsAwake.Set();
        await Broadcast.DisposeAsync();
    }

    private void OnTold(Change content)
    {
        if (ReferenceEquals(content, Change.Everything))
        {
            Interlocked.Increment(ref _flushes);
            return;
        }

        IsAwake.Wait();
        lock (_lock)
            _told.Add(content);
    }

    private sealed class Tap(IBackplane inner) : IBackplane
    {
        private readonly List<byte[]> _sent = [];

        public IReadOnlyList<byte[]> Sent
        {
            get
            {
                lock (_sent)
                    return [.. _sent];
            }
        }

        public string NodeName => inner.NodeName;

        public int MaxMessageBytes => inner.MaxMessageBytes;

        public BackplaneHealth Health => inner.Health;

        public void Start(IBackplaneReceiver receiver) => inner.Start(receiver);

        public void Publish(ReadOnlyMemory<byte> message)
        {
            lock (_sent)
                _sent.Add(message.ToArray());
            inner.Publish(message);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
