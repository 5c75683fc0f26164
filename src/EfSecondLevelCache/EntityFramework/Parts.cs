using System.Runtime.CompilerServices;
using EfSecondLevelCache.Diagnostics;
using EfSecondLevelCache.EntityFramework.Queries;
using EfSecondLevelCache.EntityFramework.Writes;
using EfSecondLevelCache.Provider;
using Microsoft.Extensions.Logging;

namespace EfSecondLevelCache.EntityFramework;

/// <summary>
/// The parts that stand on what EF Core and Npgsql do not promise to keep. Each is looked at by itself when the first context is made; one that does not
/// pass is left out.
/// </summary>
internal static class Parts
{
    private static int _hasTold;

    /// <summary>The commands that answer before EF Core opens a connection.</summary>
    public static bool FastDoor { get; } = SelfCheck.Passes(
        "the fast door", "a hit opens a connection first",
        [MethodImpl(MethodImplOptions.NoInlining)] static () => [typeof(CachingCommand), typeof(CachingCommandBuilderFactory), typeof(CachedRelationalDataReader)]);

    /// <summary>What tells what a query reads.</summary>
    public static bool Plans { get; } = SelfCheck.Passes(
        "query plans", "nothing is cached",
        [MethodImpl(MethodImplOptions.NoInlining)] static () => [typeof(PlanningConstantProcessor), typeof(PlanningSqlGenerator), typeof(CachedQueryContextFactory)]);

    /// <summary>What sees the writes of SaveChanges.</summary>
    public static bool SaveChanges { get; } = SelfCheck.Passes(
        SelfCheck.WritesPart, "nothing is cached, as SaveChanges would not be seen",
        [MethodImpl(MethodImplOptions.NoInlining)] static () => [typeof(ObservedDatabase), typeof(ObservingBatchExecutor)]);

    /// <summary>What has SaveChanges tell which rows it has written.</summary>
    public static bool ReadBack { get; } = SelfCheck.Passes(
        "the rows of SaveChanges", "a SaveChanges removes what depends on its tables, not on its rows alone",
        [MethodImpl(MethodImplOptions.NoInlining)] static () => [typeof(ReadBackCommandFactory), typeof(ReadBackCommand), typeof(ReadBackSqlGenerator)]);

    /// <summary>Says once in a process what is switched off.</summary>
    public static void TellOfSwitchedOff(ILoggerFactory? loggers)
    {
        RuntimeHelpers.RunClassConstructor(typeof(ProviderInternals).TypeHandle);
        if (loggers is null || SelfCheck.SwitchedOff.Count == 0 || Interlocked.Exchange(ref _hasTold, 1) == 1)
            return;
        foreach (var part in SelfCheck.SwitchedOff)
            Log.SwitchedOff(Log.LoggerOf(loggers), part.Part, part.Consequence, part.Detail);
    }
}
