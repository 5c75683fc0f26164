namespace EfSecondLevelCache.Querying.Results;

/// <summary>Counts the memory of the values that a result points to, and keeps equal strings once.</summary>
internal sealed class ResultMemory
{
    // Most results have few strings, and comparing them to each other costs less than a hash set does.
    private const int Few = 8;

    private readonly string[] _few = new string[Few];
    private int _count;
    private HashSet<string>? _many;

    public long Bytes { get; private set; }

    public void Add(long bytes) => Bytes += bytes;

    /// <summary>The one instance of this string in the result.</summary>
    public string Share(string value)
    {
        if (value.Length == 0)
            return string.Empty;

        if (_many is null)
        {
            foreach (var known in _few.AsSpan(0, _count))
            {
                if (string.Equals(known, value))
                    return known;
            }

            if (_count < Few)
                _few[_count++] = value;
            else
                _many = [.. _few, value];
        }
        else if (_many.TryGetValue(value, out var known))
        {
            return known;
        }
        else
        {
            _many.Add(value);
        }

        Add(ObjectSize.OfString(value));
        return value;
    }
}
