using System.Diagnostics;
using NpgsqlTypes;

namespace EfSecondLevelCache.Results.Types;

/// <summary>The types of full text search.</summary>
internal static class FullText
{
    /// <summary>A list of lexemes, each with a text and a list of positions.</summary>
    public static long SizeOf(NpgsqlTsVector vector)
    {
        var bytes = ObjectSize.OfObject(8) + ObjectSize.OfObject(16) + ObjectSize.OfArray<(string, object)>(vector.Count);
        foreach (var lexeme in vector)
            bytes += ObjectSize.OfString(lexeme.Text) + ObjectSize.OfObject(16) + ObjectSize.OfArray<short>(lexeme.Count);
        return bytes;
    }

    public static long SizeOf(NpgsqlTsQuery query) => query switch
    {
        NpgsqlTsQueryBinOp operation
            => ObjectSize.OfObject(operation is NpgsqlTsQueryFollowedBy ? 32 : 24) + SizeOf(operation.Left) + SizeOf(operation.Right),
        NpgsqlTsQueryNot not => ObjectSize.OfObject(16) + SizeOf(not.Child),
        NpgsqlTsQueryLexeme lexeme => ObjectSize.OfObject(24) + ObjectSize.OfString(lexeme.Text),
        _ => ObjectSize.OfObject(8),
    };

    public static NpgsqlTsQuery Copy(NpgsqlTsQuery query) => query switch
    {
        NpgsqlTsQueryLexeme lexeme => new NpgsqlTsQueryLexeme(lexeme.Text, lexeme.Weights, lexeme.IsPrefixSearch),
        NpgsqlTsQueryNot not => new NpgsqlTsQueryNot(Copy(not.Child)),
        NpgsqlTsQueryAnd and => new NpgsqlTsQueryAnd(Copy(and.Left), Copy(and.Right)),
        NpgsqlTsQueryOr or => new NpgsqlTsQueryOr(Copy(or.Left), Copy(or.Right)),
        NpgsqlTsQueryFollowedBy follow => new NpgsqlTsQueryFollowedBy(Copy(follow.Left), follow.Distance, Copy(follow.Right)),
        NpgsqlTsQueryEmpty => query,
        _ => throw new UnreachableException(query.GetType().ToString()),
    };
}
