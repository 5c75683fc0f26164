using System.Collections.Concurrent;
using System.ComponentModel;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Results.Types;

/// <summary>
/// Which types nobody can change values of: those whose fields say so (each can't be written to and is of such a type itself), and those whose
/// author says so, by an attribute (<c>ImmutableAttribute</c>, as NodaTime has it, or .NET's <see cref="ImmutableObjectAttribute"/>).
/// </summary>
internal static class ImmutableTypes
{
    private static readonly ConcurrentDictionary<Type, bool> Known = new()
    {
        [typeof(string)] = true,
        [typeof(BigInteger)] = true,
        [typeof(Version)] = true,
        [typeof(Uri)] = true,
        [typeof(object)] = false,
        [typeof(nint)] = false,
        [typeof(nuint)] = false,
    };

    private static readonly ConcurrentDictionary<Type, bool> ByFields = [];
    private static readonly ConcurrentDictionary<Type, bool> Referring = [];
    private static readonly ConcurrentDictionary<Type, FieldInfo[]> Fields = [];

    /// <summary>Whether values of just this type can't be changed: a derived class may add what can.</summary>
    public static bool Contains(Type type) => Known.GetOrAdd(type, static type => IsDeclared(type) || IsByFields(type, []));

    /// <summary>Whether its fields are all there is to a value.</summary>
    public static bool IsByFields(Type type) => ByFields.GetOrAdd(type, static type => IsByFields(type, []));

    /// <summary>Those of the base classes too.</summary>
    public static FieldInfo[] FieldsOf(Type type) => Fields.GetOrAdd(type, static type =>
    {
        var fields = new List<FieldInfo>();
        for (var declaring = type; declaring is not null; declaring = declaring.BaseType)
            fields.AddRange(declaring.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly));
        return [.. fields];
    });

    public static bool HasReferences(Type type)
        => !type.IsValueType || Referring.GetOrAdd(type, static type => (bool)typeof(RuntimeHelpers)
            .GetMethod(nameof(RuntimeHelpers.IsReferenceOrContainsReferences))!
            .MakeGenericMethod(type)
            .Invoke(null, null)!);

    /// <summary>A view of an array that only who made it has. Of plain numbers, whose bytes are their value.</summary>
    public static bool IsMemory(Type type)
        => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ReadOnlyMemory<>)
            && type.GetGenericArguments()[0] is var element && (element.IsPrimitive || element == typeof(Half));

    private static bool IsDeclared(Type type)
        => type.GetCustomAttributes(inherit: true).Any(attribute
            => attribute is ImmutableObjectAttribute { Immutable: true } || attribute.GetType().Name == "ImmutableAttribute");

    private static bool IsByFields(Type type, HashSet<Type> around)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return IsByFields(underlying, around);
        if (type.IsPointer || type.IsByRefLike || type.ContainsGenericParameters || type == typeof(nint) || type == typeof(nuint))
            return false;
        if (type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal) || type == typeof(BigInteger) || IsMemory(type))
            return true;
        if (type.IsArray || type.IsInterface || type.IsAbstract || type == typeof(object)
            || typeof(IDisposable).IsAssignableFrom(type) || typeof(Delegate).IsAssignableFrom(type))
        {
            return false;
        }

        // What refers to itself is as good as the rest of it.
        if (!around.Add(type))
            return true;
        return Array.TrueForAll(FieldsOf(type), field =>
            (type.IsValueType || field.IsInitOnly)
            && (field.FieldType.IsSealed ? IsByFields(field.FieldType, around) || Contains(field.FieldType) : IsDeclared(field.FieldType)));
    }
}
