using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.Backplanes;

/// <summary>
/// Connects caches of one process, for tests of what an application does on many nodes. A change has arrived at the others when the writer's call
/// returns.
/// </summary>
public sealed class InMemoryBackplane
{
    private readonly Lock _lock = new();
    private volatile Member[] _members = [];
    private int _made;

    internal BackplaneFactory Factory => new MemberFactory(this);

    private sealed record MemberFactory(InMemoryBackplane Backplane) : BackplaneFactory
    {
        public override IBackplane Create(ILogger logger) => new Member(Backplane, $"node {Interlocked.Increment(ref Backplane._made)}");
    }

    private sealed class Member(InMemoryBackplane shared, string name) : IBackplane
    {
        private IBackplaneReceiver? _receiver;

        public string NodeName => name;

        public int MaxMessageBytes => 64 << 10;

        public BackplaneHealth Health => new(_receiver is null ? BackplaneState.Starting : BackplaneState.Live);

        public void Start(IBackplaneReceiver receiver)
        {
            _receiver = receiver;
            lock (shared._lock)
                shared._members = [.. shared._members, this];
            foreach (var member in shared._members)
                member._receiver!.Joined();
        }

        public void Publish(ReadOnlyMemory<byte> message)
        {
            foreach (var member in shared._members)
            {
                if (member != this)
                    member._receiver!.Received(message);
            }
        }

        public ValueTask DisposeAsync()
        {
            lock (shared._lock)
                shared._members = [.. shared._members.Where(member => member != this)];
            return default;
        }
    }
}
