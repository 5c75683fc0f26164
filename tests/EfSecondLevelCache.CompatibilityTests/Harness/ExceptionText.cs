using Npgsql;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>What an application can tell exceptions apart by.</summary>
internal static class ExceptionText
{
    public static string Of(Exception fault)
    {
        var details = fault is PostgresException e
            ? $" [{e.SqlState} table={e.TableName} column={e.ColumnName} constraint={e.ConstraintName} detail={e.Detail}]"
            : "";
        var text = $"{fault.GetType().FullName}: {fault.Message}{details}";
        return fault switch
        {
            AggregateException several => $"{text}\n{string.Join('\n', several.InnerExceptions.Select(Of))}",
            { InnerException: { } inner } => $"{text}\n<- {Of(inner)}",
            _ => text,
        };
    }
}
