using System.Numerics;

namespace EfSecondLevelCache.Store;

/// <summary>
/// Remembers about how often a key was asked for, whether or not it is kept: a count-min sketch of four-bit counters that are all
/// halved from time to time (TinyLFU's). The four counters of a key stand in one word, so that a look costs one cache miss.
/// </summary>
internal sealed class FrequencySketch
{
    private const int MaxCount = 15;
    private const int AdditionsPerWord = 10;

    /// <summary>The least number of words: with fewer a small cache would forget before anything comes back.</summary>
    private const int MinWords = 1_024;

    private ulong[] _words = new ulong[MinWords];
    private long _additions;

    /// <summary>How often everything was halved; it wraps around.</summary>
    public ushort Period { get; private set; }

    public int Estimate(ulong hash)
    {
        var mixed = Mix(hash);
        return Lowest(_words[IndexOf(mixed)], mixed);
    }

    public void Add(ulong hash, int times)
    {
        var mixed = Mix(hash);
        ref var word = ref _words[IndexOf(mixed)];
        // Only counters below the new estimate rise (conservative update): what collisions have added to the others stays out.
        var target = Math.Min(MaxCount, Lowest(word, mixed) + times);
        for (var row = 0; row < 4; row++)
        {
            var shift = ShiftOf(mixed, row);
            if ((int)(word >> shift & MaxCount) < target)
                word = word & ~((ulong)MaxCount << shift) | (ulong)target << shift;
        }

        _additions += times;
        if (_additions >= (long)AdditionsPerWord * _words.Length)
            Halve();
    }

    /// <summary>Keeps a word for each of so many entries. What is remembered stays: both halves of a word's keys inherit it.</summary>
    public void EnsureCapacity(int entries)
    {
        while (_words.Length < entries)
        {
            var words = new ulong[_words.Length * 2];
            for (var i = 0; i < words.Length; i++)
                words[i] = _words[i >> 1];
            _words = words;
        }
    }

    private void Halve()
    {
        for (var i = 0; i < _words.Length; i++)
            _words[i] = _words[i] >> 1 & 0x7777_7777_7777_7777;
        _additions = 0;
        Period++;
    }

    private static int Lowest(ulong word, ulong mixed)
    {
        var lowest = MaxCount;
        for (var row = 0; row < 4; row++)
            lowest = Math.Min(lowest, (int)(word >> ShiftOf(mixed, row) & MaxCount));
        return lowest;
    }

    /// <summary>A row is a quarter of the word, four counters; two bits of the hash choose one of them.</summary>
    private static int ShiftOf(ulong mixed, int row) => row * 16 + (int)(mixed >> row * 2 & 3) * 4;

    /// <summary>Picks a word by the highest bits, so that growth splits each word in two neighbours.</summary>
    private int IndexOf(ulong mixed) => (int)(mixed >> 64 - BitOperations.Log2((uint)_words.Length));

    /// <summary>The hash table has used the hash up for its own index; this makes the two independent (murmur's finalizer).</summary>
    private static ulong Mix(ulong hash)
    {
        hash = (hash ^ hash >> 33) * 0xFF51_AFD7_ED55_8CCD;
        hash = (hash ^ hash >> 33) * 0xC4CE_B9FE_1A85_EC53;
        return hash ^ hash >> 33;
    }
}
