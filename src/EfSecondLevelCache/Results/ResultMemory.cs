namespace EfSecondLevelCache.Results;

/// <summary>Counts the memory of the values that a result points to, and keeps equal strings once.</summary>
/// <param name="referenceColumns">How many columns have references.</param>
internal sealed class ResultMemory(int referenceColumns)
{
    // Most results have few strings, and comparing them to each other costs less than a hash set does.
    private const int Few = 8;

    // A column that brought so many new strings in a row will hardly repeat itself, and to go on looking costs as much as reading does.
    private const int NewInARow = 256;

    private readonly int[] _newInARow = new int[referenceColumns];
    private readonly string[] _few = new string[Few];
    private int _count;
    private HashSet<string>? _many;

    public long Bytes { get; private set; }

    public void Add(long bytes) => Bytes += bytes;

    /// <summary>Which of the reference columns the values come from.</summary>
    public int Column { get; set; }

    /// <summary>The one instance of this string in the result.</summary>
    public string Share(string value)
    {
        if (value.Length == 0)
            return string.Empty;

        ref var newInARow = ref _newInARow[Column];
        if (newInARow < NewInARow)
        {
            if (Find(value) is { } known)
            {
                newInARow = 0;
                return known;
            }

            newInARow++;
            Keep(value);
        }

        Add(ObjectSize.OfString(value));
        return value;
    }

    private string? Find(string value)
    {
        if (_many is not null)
            return _many.TryGetValue(value, out var known) ? known : null;

        foreach (var known in _few.AsSpan(0, _count))
        {
            if (string.Equals(known, value))
                return known;
        }

        return null;
    }

    private void Keep(string value)
    {
        if (_many is not null)
            _many.Add(value);
        else if (_count < Few)
            _few[_count++] = value;
        else
            _many = [.. _few, value];
    }
}
