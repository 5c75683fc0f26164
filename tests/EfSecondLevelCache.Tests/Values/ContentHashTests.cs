using System.Buffers.Binary;
using System.Numerics;
using EfSecondLevelCache.Values;

namespace EfSecondLevelCache.Tests.Values;

public class ContentHashTests
{
    public static TheoryData<int> Lengths => [.. Enumerable.Range(0, 65)];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Equal_bytes_have_equal_hashes_wherever_they_stand(int length)
    {
        var bytes = RandomBytes(length, seed: length);
        var elsewhere = new byte[length + 3];
        bytes.CopyTo(elsewhere, 3);

        Assert.Equal(ContentHash.Of(bytes, 7), ContentHash.Of(elsewhere.AsSpan(3), 7));
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Every_bit_has_influence(int length)
    {
        var bytes = RandomBytes(length, seed: length);
        var hash = ContentHash.Of(bytes, 0);

        for (var bit = 0; bit < length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.NotEqual(hash, ContentHash.Of(bytes, 0));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Zeros_of_each_length_have_hashes_of_their_own()
        => Assert.Equal(65, Enumerable.Range(0, 65).Select(length => ContentHash.Of(new byte[length], 0)).Distinct().Count());

    /// <summary>
    /// Flipping one bit of the input flips each bit of the hash half of the time. The bounds are some ten standard deviations from that,
    /// as the process's seed differs from run to run.
    /// </summary>
    [Fact]
    public void A_changed_bit_changes_half_of_the_hash()
    {
        var flips = new int[64];
        var samples = 0;
        foreach (var length in new[] { 1, 3, 8, 13, 16, 24, 31, 64 })
        {
            for (var sample = 0; sample < 40; sample++)
            {
                var bytes = RandomBytes(length, seed: (1000 * length) + sample);
                var hash = ContentHash.Of(bytes, 0);
                for (var bit = 0; bit < length * 8; bit++)
                {
                    bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                    var changed = hash ^ ContentHash.Of(bytes, 0);
                    bytes[bit / 8] ^= (byte)(1 << (bit % 8));
                    samples++;
                    for (; changed != 0; changed &= changed - 1)
                        flips[BitOperations.TrailingZeroCount(changed)]++;
                }
            }
        }

        Assert.All(flips, count => Assert.InRange((double)count / samples, 0.48, 0.52));
    }

    [Fact]
    public void A_hundred_thousand_neighbouring_inputs_do_not_collide()
    {
        var hashes = new HashSet<ulong>();
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < 100_000; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes[(i % 12)..], i);
            hashes.Add(ContentHash.Of(bytes, 0));
            bytes.Clear();
        }

        Assert.InRange(hashes.Count, 99_000, 100_000);
        Assert.Equal(100_000, Enumerable.Range(0, 100_000).Select(i => ContentHash.Of(BitConverter.GetBytes(i), 0)).Distinct().Count());
    }

    [Fact]
    public void What_it_starts_from_has_influence()
    {
        var bytes = RandomBytes(20, seed: 1);

        Assert.Equal(1_000, Enumerable.Range(0, 1_000).Select(start => ContentHash.Of(bytes, (ulong)start)).Distinct().Count());
    }

    [Fact]
    public void The_order_of_words_has_influence()
    {
        byte[] one = [.. RandomBytes(16, seed: 1), .. RandomBytes(16, seed: 2)];
        byte[] other = [.. RandomBytes(16, seed: 2), .. RandomBytes(16, seed: 1)];

        Assert.NotEqual(ContentHash.Of(one, 0), ContentHash.Of(other, 0));
        Assert.NotEqual(ContentHash.Of([.. one[8..16], .. one[..8]], 0), ContentHash.Of(one.AsSpan(0, 16), 0));
    }

    [Fact]
    public void The_order_of_what_is_combined_has_influence()
        => Assert.NotEqual(ContentHash.Combine(1, 2), ContentHash.Combine(2, 1));

    [Fact]
    public void Texts_are_told_apart_by_their_characters()
    {
        Assert.Equal(ContentHash.Of("SELECT 1"), ContentHash.Of(string.Concat("SELECT ", "1")));
        Assert.NotEqual(ContentHash.Of("SELECT 1"), ContentHash.Of("SELECT 2"));
        Assert.NotEqual(ContentHash.Of("a"), ContentHash.Of("A"));
        Assert.NotEqual(ContentHash.Of(""), ContentHash.Of("\0"));
    }

    /// <summary>
    /// A product with zero is zero: a word that makes one factor zero wipes out all that stood before it, whatever the seed. So the
    /// constants that words are mixed with must not be ones that a caller can know; these are wyhash's, as published.
    /// </summary>
    [Theory]
    [InlineData(0xa0761d6478bd642f)]
    [InlineData(0xe7037ed1a0b428db)]
    [InlineData(0x8ebc6af09c88c6e3)]
    [InlineData(0x589965cc75374cc3)]
    [InlineData(0UL)]
    public void Nobody_can_choose_a_word_that_wipes_out_what_stands_before_it(ulong word)
    {
        var hashes = new HashSet<ulong>();
        var bytes = new byte[40];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), word);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(32), word);
        for (var i = 0; i < 1_000; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes, i);
            hashes.Add(ContentHash.Of(bytes, 0));
        }

        Assert.Equal(1_000, hashes.Count);
    }

    private static byte[] RandomBytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
