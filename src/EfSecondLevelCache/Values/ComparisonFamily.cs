namespace EfSecondLevelCache.Values;

/// <summary>
/// The types whose SQL equality can be told from the values alone. What is missing is missing for a reason: numeric 1.0 = 1.00, float
/// -0 = 0, char(n), citext, jsonb, intervals and times with a zone are equal to what looks different.
/// </summary>
internal enum ComparisonFamily
{
    /// <summary>smallint, integer and bigint, which compare with each other.</summary>
    Integer,
    Boolean,
    Uuid,
    Date,
    Timestamp,
    TimestampTz,
    Bytes,

    /// <summary>text and varchar under a deterministic collation.</summary>
    Text,

    /// <summary>A PostgreSQL enum, by its label.</summary>
    Enum,
}
