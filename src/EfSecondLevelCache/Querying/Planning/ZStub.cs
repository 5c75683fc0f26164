using EfSecondLevelCache.Invalidation;
namespace EfSecondLevelCache.Querying.Planning;
internal enum FunctionKind { Pure, Moving, Unknown }
internal static class BuiltInFunctions { public static FunctionKind Classify(string? schema, string name) => name is "now" or "random" ? FunctionKind.Moving : FunctionKind.Pure; }
internal sealed class RawSqlAnalysis {
  public static RawSqlAnalysis Of(string sql) => new();
  public IReadOnlyList<TableName> Identifiers { get; init; } = [];
  public IReadOnlyList<TableName> Written { get; init; } = [];
  public bool MayWriteAnything => true;
  public bool ChangesSession => false;
  public QueryCacheRefusal? RefusalOf(bool stated) => null;
}
