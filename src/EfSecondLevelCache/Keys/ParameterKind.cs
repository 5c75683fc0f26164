namespace EfSecondLevelCache.Keys;

/// <summary>What a value in a key begins with, so that no two values of different kinds look the same.</summary>
internal enum ParameterKind : byte
{
    Null, Boolean, Byte, SByte, Int16, UInt16, Int32, UInt32, Int64, UInt64, Single, Double, Decimal, Char, String, Guid,
    DateTime, DateTimeOffset, DateOnly, TimeOnly, TimeSpan, Bytes, Sequence, Array, Enum, Fields, BigInteger, BitArray,
    IPAddress, PhysicalAddress, Json, StringMap, Network,
    TextQuery, TextVector, Memory, Identity,
}
