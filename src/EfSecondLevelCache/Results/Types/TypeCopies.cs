using System.Collections.Concurrent;
using System.Reflection;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Query.SqlExpressions;
using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.Results.Types;

/// <summary>
/// How values are copied of whose types the cache itself knows nothing: what the application says of a type, else what EF Core's mapping does when
/// it takes a snapshot of a value. A mapping whose snapshot is the value itself says nothing: that is also the default for what can be changed.
/// </summary>
internal sealed class TypeCopies
{
    public static readonly TypeCopies None = new([], []);

    private static readonly MethodInfo GenericOfComparer
        = typeof(TypeCopies).GetMethod(nameof(OfComparer), BindingFlags.NonPublic | BindingFlags.Static)!;

    private static readonly MethodInfo GenericOfRule = typeof(TypeCopies).GetMethod(nameof(OfRule), BindingFlags.NonPublic | BindingFlags.Static)!;

    private readonly ValueList<TypeRule> _rules;
    private readonly (Type Type, ValueComparer Comparer)[] _comparers;
    private readonly ConcurrentDictionary<Type, ICopiedType?> _found = [];
    private TypeCopies? _with;

    private TypeCopies(ValueList<TypeRule> rules, (Type Type, ValueComparer Comparer)[] comparers) => (_rules, _comparers) = (rules, comparers);

    public bool IsEmpty => _rules.Count == 0 && _comparers.Length == 0;

    /// <summary>What the mappings of some expressions tell.</summary>
    public static TypeCopies Of(IEnumerable<(RelationalTypeMapping Mapping, ColumnExpression? Column)> mapped)
    {
        (Type, ValueComparer)[] comparers = [.. mapped.SelectMany(each => ComparersOf(each.Mapping, each.Column)).DistinctBy(each => each.Type)];
        return comparers.Length == 0 ? None : new TypeCopies([], comparers);
    }

    /// <summary>How values of a type are copied where the application says more of it.</summary>
    public TypeCopies With(ValueList<TypeRule> rules)
        => rules.Count == 0 ? this
            : _with is { } known && ReferenceEquals(known._rules, rules) ? known
            : _with = new TypeCopies(rules, _comparers);

    /// <summary>What both know.</summary>
    public TypeCopies And(TypeCopies other)
        => other.IsEmpty ? this : IsEmpty ? other : new(_rules, [.. _comparers.Concat(other._comparers).DistinctBy(mapped => mapped.Type)]);

    /// <summary>How to store the values of a type; null: nobody says.</summary>
    public StoredType? Find(Type type) => (StoredType?)Copied(type);

    /// <summary>What the application says; null: nothing.</summary>
    public StoredType? FindRule(Type type) => _rules.Any(rule => rule.Type == type) ? Find(type) : null;

    /// <summary>Copies a value whose type, or a base of it, somebody says something of.</summary>
    /// <param name="value">The value.</param>
    /// <param name="copy">The value itself where nobody can change it.</param>
    public bool TryCopy(object value, out object? copy)
    {
        for (var type = value.GetType(); type is not null && type != typeof(object) && !IsEmpty; type = type.BaseType)
        {
            if (Copied(type) is not { } copied)
                continue;
            copy = copied.Copy(value);
            return true;
        }

        copy = null;
        return false;
    }

    private ICopiedType? Copied(Type type) => IsEmpty ? null : _found.GetOrAdd(type, Create);

    private ICopiedType? Create(Type type)
    {
        if (_rules.FirstOrDefault(rule => rule.Type == type) is { } rule)
            return (ICopiedType)GenericOfRule.MakeGenericMethod(type).Invoke(null, [rule])!;
        return Array.Find(_comparers, mapped => mapped.Type == type).Comparer is { } comparer
            ? (ICopiedType)GenericOfComparer.MakeGenericMethod(type).Invoke(null, [comparer])!
            : null;
    }

    private static CopiedType<T> OfRule<T>(TypeRule rule)
        where T : notnull
        => new((Func<T, T>?)rule.Copy, (Func<T, long>?)rule.Bytes);

    private static CopiedType<T> OfComparer<T>(ValueComparer comparer)
        where T : notnull
        => new(comparer is ValueComparer<T> typed ? typed.Snapshot : value => (T)comparer.Snapshot(value)!, null);

    private static IEnumerable<(Type Type, ValueComparer Comparer)> ComparersOf(RelationalTypeMapping mapping, ColumnExpression? column)
    {
        if (mapping.ElementTypeMapping is RelationalTypeMapping element)
            return ComparersOf(element, null);
        var type = mapping.Converter?.ProviderClrType ?? mapping.ClrType;
        type = Nullable.GetUnderlyingType(type) ?? type;
        // Of a collection it copies the list, and not what is in it.
        if (type.IsArray || type == typeof(string) || (type.IsValueType && !ImmutableTypes.HasReferences(type)))
            return [];
        var ofProperties = mapping.Converter is null
            ? column?.Column?.PropertyMappings.Select(property => property.Property.GetValueComparer())
            : null;
        return (ofProperties ?? [])
            .Append(mapping.Converter is null ? mapping.Comparer : mapping.ProviderValueComparer)
            .Where(comparer => comparer.Type.IsAssignableFrom(type)
                && comparer.SnapshotExpression is { Body: var body, Parameters: [var value] } && body != value)
            .Take(1)
            .Select(comparer => (type, comparer));
    }

    /// <summary>A type that is kept as it is and copied on its way out.</summary>
    private interface ICopiedType
    {
        object Copy(object value);
    }

    private sealed class CopiedType<T>(Func<T, T>? copy, Func<T, long>? bytes) : ReferenceType<T>, ICopiedType
        where T : notnull
    {
        public override object Store(T value, ResultMemory memory)
        {
            // What can't copy says so here, where the query can still do without the cache.
            object? copied = copy is null ? null : copy(value);
            memory.Add(bytes is null ? OwnedSize.Of(value, copied) : Math.Max(0, bytes(value)));
            return value;
        }

        public override T Load(object stored) => copy is null ? (T)stored : copy((T)stored);

        public object Copy(object value) => copy is null ? value : copy((T)value);
    }
}
