using System.Runtime.InteropServices;

namespace EfSecondLevelCache.Values;

/// <summary>
/// Hashes values such that what is equal in SQL has equal hashes, whichever CLR type stands for it, and whether it is about to be written
/// or was read. Different values may share a hash: that removes too much, never too little.
/// </summary>
internal static class ComparisonHash
{
    private const long PostgresEpochTicks = 630_822_816_000_000_000;

    /// <summary>The hash of a null of any type.</summary>
    private static readonly ulong Null = StableHash.Of([], ulong.MaxValue);

    /// <summary>False where the value is not of the family: it may equal any value.</summary>
    /// <param name="family">Of the column.</param>
    /// <param name="providerValue">As the database is given it; for an enum its label.</param>
    /// <param name="hash">Equal for values that are equal in SQL.</param>
    public static bool TryHash(ComparisonFamily family, object? providerValue, out ulong hash)
    {
        hash = Null;
        if (providerValue is null or DBNull)
            return true;
        switch (family, providerValue)
        {
            case (ComparisonFamily.Integer, long number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, int number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, short number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, byte number): return Hash(family, number, out hash);
            case (ComparisonFamily.Integer, sbyte number): return Hash(family, number, out hash);
            case (ComparisonFamily.Boolean, bool value): return Hash(family, value ? 1 : 0, out hash);
            case (ComparisonFamily.Date, DateOnly date): return Hash(family, date.DayNumber, out hash);
            // Npgsql writes the day and drops the time.
            case (ComparisonFamily.Date, DateTime date): return Hash(family, DateOnly.FromDateTime(date).DayNumber, out hash);
            case (ComparisonFamily.Timestamp, DateTime { Kind: not DateTimeKind.Utc } time): return HashTime(family, time.Ticks, out hash);
            case (ComparisonFamily.TimestampTz, DateTime { Kind: DateTimeKind.Utc } time): return HashTime(family, time.Ticks, out hash);
            case (ComparisonFamily.TimestampTz, DateTimeOffset time): return HashTime(family, time.UtcTicks, out hash);
            case (ComparisonFamily.Uuid, Guid id):
                hash = StableHash.Of(MemoryMarshal.AsBytes(new ReadOnlySpan<Guid>(in id)), (ulong)family);
                return true;
            case (ComparisonFamily.Bytes, byte[] bytes):
                hash = StableHash.Of(bytes, (ulong)family);
                return true;
            // varchar(n) takes a text that is too long without its trailing blanks, and says nothing.
            case (ComparisonFamily.Text, string text):
                hash = StableHash.Of(MemoryMarshal.AsBytes(text.AsSpan().TrimEnd(' ')), (ulong)family);
                return true;
            case (ComparisonFamily.Enum, string label):
                hash = StableHash.Of(MemoryMarshal.AsBytes(label.AsSpan()), (ulong)family);
                return true;
            default:
                return false;
        }
    }

    private static bool Hash(ComparisonFamily family, long value, out ulong hash)
    {
        hash = StableHash.Of(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)), (ulong)family);
        return true;
    }

    /// <summary>Without what PostgreSQL does not keep; Npgsql drops it towards the year 2000.</summary>
    private static bool HashTime(ComparisonFamily family, long ticks, out ulong hash)
        => Hash(family, (ticks - PostgresEpochTicks) / TimeSpan.TicksPerMicrosecond, out hash);
}
