using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace EfSecondLevelCache.Provider;

/// <summary>
/// Looks, once in a process, whether EF Core and Npgsql still have what a part of the cache takes from them; a later patch may have moved it. A part
/// without its ground is not used.
/// </summary>
internal static class SelfCheck
{
    /// <summary>The part without which a cache would serve stale rows.</summary>
    public const string WritesPart = "the writes of SaveChanges";

    private const BindingFlags Declared =
        BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static ImmutableList<SwitchedOffPart> _switchedOff = [];

    /// <summary>What was found missing so far.</summary>
    public static IReadOnlyList<SwitchedOffPart> SwitchedOff => _switchedOff;

    /// <summary>Whether writes would go unseen, so that nothing may be cached.</summary>
    public static bool MissesWrites => _switchedOff.Any(part => part.Part == WritesPart);

    /// <summary>Whether a part has what it stands on: its types load, and their methods find all that they call.</summary>
    /// <param name="part">Its name.</param>
    /// <param name="consequence">What is lost without it.</param>
    /// <param name="types">Those of the part; asked for in a method of their own, as their loading may fail.</param>
    public static bool Passes(string part, string consequence, Func<Type[]> types)
    {
        try
        {
            foreach (var type in types())
                Touch(type);
            return true;
        }
        catch (Exception fault) when (fault is TypeLoadException or MissingMemberException or MemberAccessException or IOException or InvalidProgramException)
        {
            Report(part, consequence, fault.Message);
            return false;
        }
    }

    /// <summary>Something was not found; told once.</summary>
    public static void Report(string part, string consequence, string missing)
    {
        var found = new SwitchedOffPart
        {
            Part = part,
            Consequence = consequence,
            Detail = $"{missing} EF Core {VersionOf(typeof(DbContext))}, Npgsql {VersionOf(typeof(NpgsqlConnection))}",
        };
        ImmutableInterlocked.Update(ref _switchedOff, known => known.Any(other => other.Part == part) ? known : known.Add(found));
    }

    /// <summary>Compiles the methods, which finds what they call; generic ones are met when they are used.</summary>
    private static void Touch(Type type)
    {
        RuntimeHelpers.RunClassConstructor(type.TypeHandle);
        foreach (var method in type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared)))
        {
            if (!method.IsAbstract && !method.ContainsGenericParameters)
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
    }

    private static string VersionOf(Type type) => type.Assembly.GetName().Version!.ToString(3);
}
