using System.Diagnostics.Tracing;
using System.Runtime.InteropServices;
using EfSecondLevelCache.Keys;

namespace EfSecondLevelCache.Tests.Keys;

public class KeyWriterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(4096)]
    public void What_is_written_is_the_same_whatever_fits_on_the_stack(int stack)
    {
        using var expected = new MemoryStream();
        var binary = new BinaryWriter(expected);
        var writer = new KeyWriter(new byte[stack]);
        for (var i = 0; i < 300; i++)
        {
            writer.WriteByte((byte)i);
            binary.Write((byte)i);
            writer.Write(i * 1_000_003L);
            binary.Write(i * 1_000_003L);
            var bytes = new byte[i];
            Array.Fill(bytes, (byte)i);
            writer.WriteSized(bytes);
            binary.Write(bytes.Length);
            binary.Write(bytes);
        }

        Assert.Equal(expected.ToArray(), writer.Written.ToArray());
        writer.Dispose();
    }

    [Fact]
    public void Nothing_written_is_nothing()
    {
        var writer = new KeyWriter(stackalloc byte[8]);

        Assert.True(writer.Written.IsEmpty);
        writer.Dispose();
    }

    [Fact]
    public void A_text_is_written_with_its_length()
    {
        var writer = new KeyWriter(stackalloc byte[8]);
        writer.WriteString("ab");

        Assert.Equal([4, 0, 0, 0, (byte)'a', 0, (byte)'b', 0], writer.Written.ToArray());
        writer.Dispose();
    }

    [Fact]
    public void A_text_of_a_million_characters_is_written_whole()
    {
        var text = new string('x', 1_000_000);
        var writer = new KeyWriter(stackalloc byte[16]);
        writer.WriteString(text);

        Assert.Equal(4 + 2_000_000, writer.Written.Length);
        Assert.Equal(text, new string(MemoryMarshal.Cast<byte, char>(writer.Written[4..])));
        writer.Dispose();
    }

    [Fact]
    public void All_rented_memory_is_returned()
    {
        using var pool = new PoolOfThisThread();
        var writer = new KeyWriter(stackalloc byte[8]);
        for (var i = 0; i < 10_000; i++)
            writer.Write((long)i);
        writer.Dispose();

        Assert.True(pool.Rented.Count > 3, "it grew more than once");
        Assert.Equal(pool.Rented.Order(), pool.Returned.Order());
    }

    [Fact]
    public void Memory_is_returned_where_a_value_has_no_exact_form()
    {
        using var pool = new PoolOfThisThread();
        var writer = new KeyWriter(stackalloc byte[8]);
        Assert.False(ParameterEncoder.TryWrite(ref writer, new object[] { new string('x', 1_000), new object() }));
        writer.Dispose();

        Assert.NotEmpty(pool.Rented);
        Assert.Equal(pool.Rented.Order(), pool.Returned.Order());
    }

    [Fact]
    public void Nothing_is_rented_while_the_stack_is_enough()
    {
        using var pool = new PoolOfThisThread();
        var writer = new KeyWriter(stackalloc byte[512]);
        for (var i = 0; i < 64; i++)
            writer.Write((long)i);
        writer.Dispose();

        Assert.Empty(pool.Rented);
    }

    /// <summary>What this thread takes from the shared array pool and gives back, from the pool's own events.</summary>
    private sealed class PoolOfThisThread : EventListener
    {
        private const int BufferRented = 1;
        private const int BufferReturned = 3;

        private readonly int _thread = Environment.CurrentManagedThreadId;

        public List<int> Rented { get; } = [];

        public List<int> Returned { get; } = [];

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "System.Buffers.ArrayPoolEventSource")
                EnableEvents(eventSource, EventLevel.Verbose);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (Environment.CurrentManagedThreadId != _thread)
                return;
            if (eventData.EventId is BufferRented)
                Rented.Add((int)eventData.Payload![0]!);
            else if (eventData.EventId is BufferReturned)
                Returned.Add((int)eventData.Payload![0]!);
        }
    }
}
