using EfSecondLevelCache.Results.Types;

namespace EfSecondLevelCache.Results;

/// <summary>Where a column's value stands in a row. The default: nowhere, it is not stored.</summary>
internal readonly struct Column
{
    /// <summary>What EF Core reads; null: the column is not stored.</summary>
    /// <remarks>Beside <see cref="Type"/>, whose it is, so that a reader asks its first question by comparing it to a constant.</remarks>
    public readonly Type? ClrType;

    public readonly StoredType? Type;

    /// <summary>The place of the value in the row's bytes, or of the reference in the row's references.</summary>
    public readonly int Offset;

    private readonly ushort _nullByte;

    /// <summary>The column's bit in its null byte; 0 for a reference, where null says so itself.</summary>
    public readonly byte NullMask;

    private Column(StoredType type, int offset, int nullByte, int nullMask)
    {
        ClrType = type.ClrType;
        Type = type;
        Offset = offset;
        _nullByte = (ushort)nullByte;
        NullMask = (byte)nullMask;
    }

    public int NullByte => _nullByte;

    public bool IsInline => NullMask != 0;

    public static Column Inline(StoredType type, int offset, int nullBit) => new(type, offset, nullBit / 8, 1 << (nullBit % 8));

    public static Column Reference(StoredType type, int offset) => new(type, offset, 0, 0);
}
