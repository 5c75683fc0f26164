using System.Numerics;

namespace EfSecondLevelCache.Store.Eviction;

/// <summary>
/// Remembers the hashes of the entries that left last, as many as there is capacity for. A hash goes to one set of eight places
/// and takes the place of the oldest in it; two entries may share a fingerprint, which costs an entry a wrong queue and no more.
/// </summary>
internal sealed class GhostTable
{
    private const int SetSize = 8;

    private (uint Fingerprint, uint AddedAt)[] _places = new (uint, uint)[128 * SetSize];
    private uint _added;
    private uint _capacity;

    public void Add(ulong hash, int capacity)
    {
        _capacity = (uint)capacity;
        if (_places.Length < capacity)
            _places = new (uint, uint)[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        _added++;
        ref var oldest = ref SetOf(hash)[0];
        foreach (ref var place in SetOf(hash))
        {
            if (place.Fingerprint == Fingerprint(hash))
            {
                place.AddedAt = _added;
                return;
            }

            if (_added - place.AddedAt > _added - oldest.AddedAt)
                oldest = ref place;
        }

        oldest = (Fingerprint(hash), _added);
    }

    public bool Contains(ulong hash)
    {
        foreach (var place in SetOf(hash))
        {
            if (place.Fingerprint == Fingerprint(hash))
                return _added - place.AddedAt < _capacity;
        }

        return false;
    }

    /// <summary>Never 0, which marks a free place.</summary>
    private static uint Fingerprint(ulong hash) => (uint)hash | 1;

    private Span<(uint Fingerprint, uint AddedAt)> SetOf(ulong hash)
        => _places.AsSpan((int)(hash >> 32) & (_places.Length - 1) & -SetSize, SetSize);
}
