using EfSecondLevelCache.Backplanes;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using EfSecondLevelCache.Versions;

namespace EfSecondLevelCache.IntegrationTests.Backplanes;

/// <summary>What a cache relies on, whatever carries the messages.</summary>
public abstract class BackplaneSpecification : IAsyncLifetime
{
    private readonly List<BackplaneNode> _nodes = [];

    /// <summary>Null: a node's call returns when all others have processed its message, so that a slow one is waited for.</summary>
    protected virtual string? WhyNotSlow => null;

    /// <summary>Null: the nodes can be separated.</summary>
    protected virtual string? WhyNotCut => null;

    public virtual ValueTask InitializeAsync() => default;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Changes_arrive_in_the_order_in_which_they_were_published()
    {
        var (a, b, c) = (await StartAsync(), await StartAsync(), await StartAsync());
        await HearEachOtherAsync();
        string[] tags = [.. Enumerable.Range(0, 1000).Select(i => $"{i}")];

        foreach (var tag in tags)
            a.Publish(tag);

        await Eventually.TrueAsync(() => b.Tags.Count >= tags.Length && c.Tags.Count >= tags.Length);
        Assert.Equal(tags, b.Tags);
        Assert.Equal(tags, c.Tags);
        Assert.Empty(a.Tags);
        Assert.Equal((0, 0), (b.Flushes, c.Flushes));
    }

    [Fact]
    public async Task Everybody_may_publish_at_the_same_time()
    {
        BackplaneNode[] nodes = [await StartAsync(), await StartAsync(), await StartAsync()];
        await HearEachOtherAsync();

        await Task.WhenAll(nodes.Select((node, n) => Task.Run(() =>
        {
            for (var i = 0; i < 300; i++)
                node.Publish($"{n}");
        })));

        await Eventually.TrueAsync(() => nodes.All(node => node.Tags.Count >= 600));
        for (var n = 0; n < nodes.Length; n++)
        {
            Assert.Equal(600, nodes[n].Tags.Count(tag => tag != $"{n}"));
            Assert.Equal(0, nodes[n].Flushes);
        }
    }

    [Fact]
    public async Task A_message_may_be_as_large_as_the_backplane_says()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();
        var posts = new TableChange(new TableName("public", "posts"))
        {
            Rows = [.. Enumerable.Range(0, 100).Select(i => new RowImage([new ColumnImage("Id", ComparisonFamily.Integer, ulong.MaxValue - (ulong)i, false)]))],
        };
        var tooMany = posts with { Rows = [.. Enumerable.Repeat(posts.Rows!, 1000).SelectMany(rows => rows)] };

        a.Broadcast.Publish(new RowsChanged("shop", [posts]));
        a.Broadcast.Publish(new RowsChanged("shop", [tooMany]));
        a.Publish("last");

        await Eventually.TrueAsync(() => b.Tags.Count > 0);
        Assert.Equal(posts.Rows, b.Rows[0].Rows);
        Assert.Equal((posts.Table, null), (b.Rows[1].Table, b.Rows[1].Rows));
        Assert.Equal(0, b.Flushes);
    }

    [Fact]
    public async Task A_change_that_comes_twice_counts_once()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();

        a.Publish("twice");
        a.PublishRaw(a.LastPublished(IsChange));
        a.Publish("last");

        await Eventually.TrueAsync(() => b.Tags.Contains("last"));
        Assert.Equal(["twice", "last"], b.Tags);
        Assert.Equal(0, b.Flushes);
    }

    [Fact]
    public async Task A_missing_change_is_a_flush()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();
        a.Publish("first");
        Assert.True(ChangeMessageFormat.TryDecode(a.LastPublished(IsChange), out var message));

        a.PublishRaw(ChangeMessageFormat.Encode(message with { Number = message.Number + 2 }, a.MaxBytes));

        await Eventually.TrueAsync(() => b.Flushes == 1);
    }

    [Fact]
    public async Task Another_version_is_a_flush()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();
        a.Publish("first");
        Assert.True(ChangeMessageFormat.TryDecode(a.LastPublished(IsChange), out var message));
        var other = ChangeMessageFormat.Encode(message with { Number = message.Number + 1 }, a.MaxBytes);
        other[1] = 99;

        a.PublishRaw(other);

        await Eventually.TrueAsync(() => b.Flushes == 1);
    }

    [Fact]
    public async Task Garbage_changes_nothing()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();

        a.PublishRaw(new byte[] { 0, 1, 2, 3 });
        a.PublishRaw(new byte[1000]);
        a.Publish("last");

        await Eventually.TrueAsync(() => b.Tags.Count > 0);
        Assert.Equal(["last"], b.Tags);
        Assert.Equal(0, b.Flushes);
        Assert.Equal(2, b.Broadcast.Status.Rejected);
    }

    [Fact]
    public async Task Changes_that_were_missed_while_the_nodes_were_apart_are_a_flush()
    {
        Assert.SkipWhen(WhyNotCut is not null, WhyNotCut ?? "");
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();

        await CutAsync();
        a.Publish("lost");
        var before = b.Flushes;
        await RestoreAsync();

        await Eventually.TrueAsync(() => b.Flushes > before);
        await Eventually.TrueAsync(() =>
        {
            a.Publish("found");
            return b.Tags.Contains("found");
        });
        Assert.DoesNotContain("lost", b.Tags);
    }

    /// <summary>Who publishes does not wait; what the slow one could not take in is a flush.</summary>
    [Fact]
    public async Task A_slow_consumer_slows_nobody()
    {
        Assert.SkipWhen(WhyNotSlow is not null, WhyNotSlow ?? "");
        var (a, slow, c) = (await StartAsync(), await StartAsync(), await StartAsync());
        await HearEachOtherAsync();
        var large = new string('x', 1000);

        slow.IsAwake.Reset();
        for (var i = 0; i < 30_000; i++)
        {
            a.Publish(large);
            // The other one can follow.
            if (i % 100 == 99)
                await Eventually.TrueAsync(() => c.Tags.Count + (100 * c.Flushes) > i);
        }

        a.Publish("last");
        await Eventually.TrueAsync(() => c.Tags.Contains("last"));
        Assert.DoesNotContain("last", slow.Tags);
        slow.IsAwake.Set();

        await Eventually.TrueAsync(() => slow.Flushes > 0 || slow.Tags.Count == 30_001);
        await Eventually.TrueAsync(() =>
        {
            a.Publish("again");
            return slow.Tags.Contains("again");
        });
    }

    [Fact]
    public async Task Who_leaves_is_forgotten_without_a_flush()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await HearEachOtherAsync();
        a.Publish("last word");

        await a.DisposeAsync();

        await Eventually.TrueAsync(() => b.Broadcast.Status.Nodes.Count == 0);
        Assert.Equal(["last word"], b.Tags);
        Assert.Equal(0, b.Flushes);
    }

    [Fact]
    public async Task Who_comes_later_hears_and_is_heard()
    {
        var a = await StartAsync();
        a.Publish("nobody hears this");
        var b = await StartAsync();
        await HearEachOtherAsync();

        a.Publish("a");
        b.Publish("b");

        await Eventually.TrueAsync(() => b.Tags.Contains("a") && a.Tags.Contains("b"));
    }

    protected abstract Task<BackplaneFactory> FactoryAsync(int index);

    /// <summary>No message goes from one node to another until <see cref="RestoreAsync"/>.</summary>
    protected virtual Task CutAsync() => Task.CompletedTask;

    protected virtual Task RestoreAsync() => Task.CompletedTask;

    protected async Task<BackplaneNode> StartAsync()
    {
        var node = new BackplaneNode(await FactoryAsync(_nodes.Count));
        _nodes.Add(node);
        return node;
    }

    /// <summary>What a node flushed before it was connected does not count.</summary>
    protected async Task HearEachOtherAsync()
    {
        await Eventually.TrueAsync(
            () => _nodes.All(node => node.Broadcast.Status.State is BackplaneState.Live && _nodes.All(other => node == other || node.Hears(other))),
            () => string.Join('\n', _nodes.Select(node => $"{node.Broadcast.Status} {node.Broadcast.Status.Detail}")));
        foreach (var node in _nodes)
            node.CountFlushesFromNow();
    }

    private static bool IsChange(byte[] bytes) => ChangeMessageFormat.TryDecode(bytes, out var message) && message.Content is Change;
}
