using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Versions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EfSecondLevelCache.Tests.Backplanes;

public sealed class ChangeBroadcastTests : IAsyncDisposable
{
    private static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(5);

    private readonly FakeTimeProvider _time = new();
    private readonly Wire _wire = new();
    private readonly List<MessageContent> _applied = [];
    private readonly ChangeBroadcast _broadcast;
    private readonly Guid _other = Guid.NewGuid();
    private int _flushes;

    public ChangeBroadcastTests()
        => _broadcast = new ChangeBroadcast(
            _wire,
            Apply,
            new SecondLevelCacheOptions { TimeProvider = _time, MaxStaleness = MaxStaleness },
            NullLogger.Instance);

    private void Apply(Change change)
    {
        if (ReferenceEquals(change, Change.Everything))
            _flushes++;
        else
            _applied.Add(change);
    }

    public ValueTask DisposeAsync() => _broadcast.DisposeAsync();

    [Fact]
    public void Changes_are_numbered_from_one()
    {
        _broadcast.Publish(new TagChanged("a"));
        _broadcast.Publish(new TagChanged("b"));

        Assert.Equal([1, 2], _wire.Sent.Where(message => message.Content is TagChanged).Select(message => message.Number));
        Assert.Single(_wire.Sent.Select(message => message.Sender).Distinct());
    }

    [Fact]
    public void A_heartbeat_tells_how_many_changes_there_were()
    {
        _broadcast.Publish(new TagChanged("a"));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.IsType<Alive>(_wire.Sent[^1].Content);
        Assert.Equal(1, _wire.Sent[^1].Number);
    }

    [Fact]
    public void Changes_in_order_are_applied()
    {
        Receive(1, "a");
        Receive(2, "b");

        Assert.Equal("a b", Applied());
        Assert.Equal(0, _flushes);
    }

    [Fact]
    public void A_change_that_comes_twice_is_applied_once()
    {
        Receive(1, "a");
        Receive(1, "a");

        Assert.Equal("a", Applied());
        Assert.Equal(1, _broadcast.Status.Duplicates);
        Assert.Equal(0, _flushes);
    }

    [Fact]
    public void A_missing_change_is_a_flush()
    {
        Receive(1, "a");
        Receive(3, "c");
        Receive(2, "b");

        Assert.Equal("a c", Applied());
        Assert.Equal(1, _flushes);
    }

    [Fact]
    public void A_change_that_is_missing_at_the_end_is_a_flush_at_the_next_heartbeat()
    {
        Receive(1, "a");
        Heartbeat(1);
        Assert.Equal(0, _flushes);

        Heartbeat(2);
        Heartbeat(2);

        Assert.Equal(1, _flushes);
    }

    [Fact]
    public void A_node_that_has_changed_something_before_it_was_heard_is_a_flush()
    {
        Heartbeat(5);
        Assert.Equal(1, _flushes);
        Receive(6, "f");

        Assert.Equal(1, _flushes);
        Assert.Equal("f", Applied());
    }

    [Fact]
    public void Each_sender_has_numbers_of_its_own()
    {
        Receive(1, "a");
        Receive(1, "A", Guid.NewGuid());
        Receive(2, "b");

        Assert.Equal("a A b", Applied());
        Assert.Equal(0, _flushes);
    }

    [Fact]
    public void What_this_node_published_itself_is_ignored()
    {
        _broadcast.Publish(new TagChanged("a"));
        _broadcast.Received(_wire.SentBytes[^1]);

        Assert.Empty(_applied);
        Assert.Empty(_broadcast.Status.Nodes);
    }

    [Fact]
    public void A_change_without_a_number_is_applied_whenever_it_comes()
    {
        Receive(0, "a");
        Receive(0, "b");

        Assert.Equal("a b", Applied());
        Assert.Equal(0, _flushes);
    }

    [Fact]
    public void Another_version_is_a_flush_for_each_change()
    {
        var unknown = Encoded(new ChangeMessage(_other, 1, new TagChanged("a")));
        unknown[1] = 99;
        _broadcast.Received(unknown);
        _broadcast.Received(unknown);

        Assert.Empty(_applied);
        Assert.Equal(1, _flushes);
    }

    [Fact]
    public void Garbage_is_counted_and_nothing_else()
    {
        _broadcast.Received(new byte[] { 1, 2, 3 });
        _broadcast.Received(ReadOnlyMemory<byte>.Empty);

        Assert.Equal(2, _broadcast.Status.Rejected);
        Assert.Equal(0, _flushes);
        Assert.Empty(_broadcast.Status.Nodes);
    }

    [Fact]
    public void A_silent_node_is_suspected_with_a_flush_and_given_up_with_another()
    {
        Heartbeat(0);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, _flushes);

        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.True(Assert.Single(_broadcast.Status.Nodes).IsSuspect);
        Assert.Equal(1, _flushes);

        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Empty(_broadcast.Status.Nodes);
        Assert.Equal(2, _flushes);
    }

    [Fact]
    public void A_node_that_is_heard_again_and_has_lost_nothing_is_no_flush()
    {
        Heartbeat(0);
        _time.Advance(TimeSpan.FromSeconds(5));
        Heartbeat(0);

        Assert.False(Assert.Single(_broadcast.Status.Nodes).IsSuspect);
        Assert.Equal(1, _flushes);
    }

    [Fact]
    public void A_node_that_leaves_is_forgotten_without_a_flush()
    {
        Receive(1, "a");
        _broadcast.Received(Encoded(new ChangeMessage(_other, 1, new Left())));

        Assert.Empty(_broadcast.Status.Nodes);
        Assert.Equal(0, _flushes);
    }

    [Fact]
    public void A_node_that_was_started_again_takes_the_place_of_the_old_one()
    {
        Heartbeat(0);
        _time.Advance(TimeSpan.FromSeconds(2.5));
        var next = Guid.NewGuid();
        for (var i = 0; i < 10; i++)
        {
            Heartbeat(0, next);
            _time.Advance(TimeSpan.FromSeconds(0.5));
        }

        Assert.Equal(next, Assert.Single(_broadcast.Status.Nodes).Incarnation);
    }

    [Fact]
    public void Alone_it_is_fresh_while_the_backplane_is_live()
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(_broadcast.IsFresh);

        _wire.Health = new(BackplaneState.Lost);
        _time.Advance(MaxStaleness - TimeSpan.FromSeconds(1));
        Assert.True(_broadcast.IsFresh);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(_broadcast.IsFresh);

        _wire.Health = new(BackplaneState.Live);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(_broadcast.IsFresh);
    }

    /// <summary>Messages that arrive late prove nothing; only a stamp of this node's own clock does.</summary>
    [Fact]
    public void It_is_fresh_only_while_the_others_return_its_stamps()
    {
        Heartbeat(0);
        for (var i = 0; i < 12; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(0.5));
            Heartbeat(0);
        }

        Assert.False(_broadcast.IsFresh);

        Heartbeat(0, stamp: ((Alive)_wire.Sent[^1].Content!).Stamp);
        Assert.True(_broadcast.IsFresh);
        Heartbeat(0, stamp: long.MaxValue);
        _time.Advance(MaxStaleness + TimeSpan.FromSeconds(1));
        Assert.False(_broadcast.IsFresh);
    }

    [Fact]
    public void A_question_is_answered_when_what_came_before_it_has_been_processed()
    {
        Receive(1, "a");
        Ask(number: 1, stamp: 42);

        Assert.Equal(new Acknowledged(_other, 42), Answer());
        Assert.Equal("a", Applied());
        Assert.Equal(0, _flushes);
    }

    [Fact]
    public void A_question_that_shows_that_changes_are_missing_is_answered_after_a_flush()
    {
        var flushesAtAnswer = -1;
        _wire.OnSent = message => flushesAtAnswer = message.Content is Acknowledged ? _flushes : flushesAtAnswer;
        Ask(number: 1, stamp: 42);

        Assert.Equal(new Acknowledged(_other, 42), Answer());
        Assert.Equal(1, flushesAtAnswer);
    }

    [Fact]
    public void A_later_question_has_a_higher_stamp_although_the_clock_stands_still()
        => Assert.True(_broadcast.AskForAcknowledgement() < _broadcast.AskForAcknowledgement());

    [Fact]
    public void An_answer_counts_for_its_question_and_those_before_it()
    {
        long[] asked = [_broadcast.AskForAcknowledgement(), _broadcast.AskForAcknowledgement(), _broadcast.AskForAcknowledgement()];
        Assert.False(_broadcast.HasAcknowledged(_other, asked[0]));

        var next = _broadcast.NextAcknowledgement;
        Acknowledge(asked[1]);

        Assert.True(next.IsCompleted);
        Assert.Equal([true, true, false], asked.Select(stamp => _broadcast.HasAcknowledged(_other, stamp)));
        Assert.False(_broadcast.HasAcknowledged(Guid.NewGuid(), asked[0]));
        Assert.NotNull(Assert.Single(_broadcast.Status.Nodes).AcknowledgementTime);
    }

    [Fact]
    public void An_answer_to_another_node_or_to_a_question_that_was_never_put_counts_for_nothing()
    {
        var asked = _broadcast.AskForAcknowledgement();

        Acknowledge(asked, asker: Guid.NewGuid());
        Acknowledge(long.MaxValue);

        Assert.False(_broadcast.HasAcknowledged(_other, asked));
    }

    /// <summary>It extends the time for which nothing is missing, so nothing may be.</summary>
    [Fact]
    public void An_answer_that_shows_that_changes_are_missing_is_a_flush()
    {
        Acknowledge(_broadcast.AskForAcknowledgement(), number: 1);

        Assert.Equal(1, _flushes);
    }

    [Fact]
    public void A_backplane_that_fails_does_not_fail_the_writer()
    {
        _wire.Fault = new InvalidOperationException();

        _broadcast.Publish(new TagChanged("a"));
        _wire.Fault = null;
        _broadcast.Publish(new TagChanged("b"));

        // The others see that one is missing.
        Assert.Equal(2, _wire.Sent[^1].Number);
        Assert.Equal(1, _broadcast.Status.Dropped);
    }

    private string Applied() => string.Join(' ', _applied.Cast<TagChanged>().Select(change => change.Tag));

    private void Receive(long number, string tag, Guid? sender = null)
        => _broadcast.Received(Encoded(new ChangeMessage(sender ?? _other, number, new TagChanged(tag))));

    private void Heartbeat(long number, Guid? sender = null, long? stamp = null)
        => _broadcast.Received(Encoded(new ChangeMessage(
            sender ?? _other,
            number,
            new Alive("other", 1, stamp is { } returned ? [new HeardStamp(_wire.Sent[0].Sender, returned)] : []))));

    private void Ask(long number, long stamp)
        => _broadcast.Received(Encoded(new ChangeMessage(_other, number, new AcknowledgementAsked(stamp))));

    private void Acknowledge(long stamp, Guid? asker = null, long number = 0)
        => _broadcast.Received(Encoded(new ChangeMessage(_other, number, new Acknowledged(asker ?? _broadcast.Incarnation, stamp))));

    /// <summary>It is published by another thread.</summary>
    private MessageContent? Answer()
    {
        SpinWait.SpinUntil(() => _wire.Sent.Any(message => message.Content is Acknowledged), TimeSpan.FromSeconds(30));
        return _wire.Sent.Select(message => message.Content).OfType<Acknowledged>().SingleOrDefault();
    }

    private static byte[] Encoded(ChangeMessage message) => ChangeMessageFormat.Encode(message, 1 << 16);

    private sealed class Wire : IBackplane
    {
        public List<byte[]> SentBytes { get; } = [];

        private readonly List<ChangeMessage> _sent = [];

        public IReadOnlyList<ChangeMessage> Sent
        {
            get
            {
                lock (_sent)
                    return [.. _sent];
            }
        }

        public Action<ChangeMessage>? OnSent { get; set; }

        public Exception? Fault { get; set; }

        public string NodeName => "this";

        public int MaxMessageBytes => 1 << 16;

        public BackplaneHealth Health { get; set; } = new(BackplaneState.Live);

        public void Start(IBackplaneReceiver receiver) => receiver.Joined();

        public void Publish(ReadOnlyMemory<byte> message)
        {
            if (Fault is not null)
                throw Fault;
            SentBytes.Add(message.ToArray());
            Assert.True(ChangeMessageFormat.TryDecode(message, out var sent));
            OnSent?.Invoke(sent);
            lock (_sent)
                _sent.Add(sent);
        }

        public ValueTask DisposeAsync() => default;
    }
}
