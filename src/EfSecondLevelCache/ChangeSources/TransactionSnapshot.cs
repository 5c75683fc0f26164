using System.Globalization;

namespace EfSecondLevelCache.ChangeSources;

/// <summary>What <c>pg_current_snapshot()</c> says: which transactions a statement sees.</summary>
/// <param name="Xmin">All before it have ended.</param>
/// <param name="Xmax">None from it on is seen.</param>
/// <param name="InProgress">Of those in between.</param>
internal sealed record TransactionSnapshot(ulong Xmin, ulong Xmax, ulong[] InProgress)
{
    public static TransactionSnapshot Parse(string text)
    {
        var parts = text.Split(':');
        return new TransactionSnapshot(
            Number(parts[0]), Number(parts[1]), parts[2].Length == 0 ? [] : [.. parts[2].Split(',').Select(Number)]);

        static ulong Number(string digits) => ulong.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    /// <summary>The log has 32 bits of a transaction's number; it is the one that is nearest to this snapshot.</summary>
    public bool Sees(uint xid) => Sees(Xmax + (ulong)(long)(int)(xid - (uint)Xmax));

    public bool Sees(ulong xid) => xid < Xmin || (xid < Xmax && Array.BinarySearch(InProgress, xid) < 0);
}
