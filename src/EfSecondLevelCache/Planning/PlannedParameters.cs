using System.Collections;
using System.Data;
using System.Data.Common;
using EfSecondLevelCache.Keys;
using EfSecondLevelCache.Results.Types;
using EfSecondLevelCache.Values;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Storage.Internal.Mapping;

namespace EfSecondLevelCache.Planning;

/// <summary>The parameters of a command: how their values come to be what Npgsql is given.</summary>
internal sealed class PlannedParameters
{
    public static readonly PlannedParameters None = new([], []);

    private readonly IReadOnlyList<IRelationalParameter> _parameters;

    /// <summary>Null where a parameter's mapping is not known (raw SQL): the values are then taken from a command made for it.</summary>
    private readonly PlannedParameter[]? _mapped;

    private readonly TypeCopies _copies;

    public PlannedParameters(IReadOnlyList<IRelationalParameter> parameters, PlannedParameter[]? mapped, TypeCopies? copies = null)
    {
        _parameters = parameters;
        _mapped = mapped;
        _copies = copies ?? TypeCopies.None;
    }

    /// <summary>Writes the values that the database will see; the type of the first that has no exact form, else null.</summary>
    public Type? Write(ref KeyWriter writer, IReadOnlyDictionary<string, object?>? values, ValueList<TypeRule>? rules = null)
    {
        if (_mapped is null || AnyIsRemade(values))
            return WriteFromCommand(ref writer, values, rules);

        var copies = CopiesWith(rules);
        foreach (var parameter in _mapped)
        {
            var value = parameter.ValueFor(values![parameter.InvariantName]);
            if (!ParameterEncoder.TryWrite(ref writer, value, copies))
                return value!.GetType();
        }

        return null;
    }

    /// <summary>Writes the same for a command that is about to be executed, or was.</summary>
    public Type? WriteExecuted(ref KeyWriter writer, DbParameterCollection parameters, ValueList<TypeRule>? rules = null)
    {
        var copies = CopiesWith(rules);
        foreach (DbParameter parameter in parameters)
        {
            // Raw SQL brings parameters of the user's own making.
            if ((_mapped is null && !TryWriteForm(ref writer, parameter)) || !ParameterEncoder.TryWrite(ref writer, parameter.Value, copies))
                return parameter.Value!.GetType();
        }

        return null;
    }

    /// <summary>
    /// Whether EF Core's own parameters were sent: one that an interceptor has cut or retyped is another value than the one in the key.
    /// </summary>
    /// <param name="executed">What was sent.</param>
    /// <param name="values">The parameters of the compiled query.</param>
    public bool WereSent(DbParameterCollection executed, IReadOnlyDictionary<string, object?> values)
    {
        // Of the others the key has the whole form.
        if (_mapped is null)
            return true;
        using var command = new NpgsqlCommand();
        foreach (var parameter in _parameters)
            parameter.AddDbParameter(command, values);
        if (executed.Count != command.Parameters.Count)
            return false;
        for (var i = 0; i < executed.Count; i++)
        {
            if (executed[i] is not NpgsqlParameter sent || !HaveSameForm(sent, command.Parameters[i]))
                return false;
        }

        return true;
    }

    /// <summary>PostgreSQL's names of their types; null where they are not known.</summary>
    public ValueList<string>? StoreTypes => _mapped is null ? null : [.. _mapped.Select(parameter => parameter.StoreType)];

    /// <summary>
    /// Writes what decides how a value is sent, beside the value: which placeholder it is for, as which type it goes, and where it is cut. False for
    /// one that also brings something back.
    /// </summary>
    private static bool TryWriteForm(ref KeyWriter writer, DbParameter parameter)
    {
        if (parameter is not NpgsqlParameter { Direction: ParameterDirection.Input } sent)
            return false;
        writer.WriteString(sent.ParameterName);
        writer.WriteString(sent.DataTypeName ?? "");
        writer.Write((int)sent.NpgsqlDbType);
        writer.Write(sent.Size);
        writer.WriteByte(sent.Precision);
        writer.WriteByte(sent.Scale);
        return true;
    }

    private static bool HaveSameForm(NpgsqlParameter one, NpgsqlParameter other)
        => one.Direction == other.Direction && one.ParameterName == other.ParameterName && one.NpgsqlDbType == other.NpgsqlDbType
            && one.DataTypeName == other.DataTypeName && one.Size == other.Size;

    private TypeCopies CopiesWith(ValueList<TypeRule>? rules) => rules is null ? _copies : _copies.With(rules);

    private bool AnyIsRemade(IReadOnlyDictionary<string, object?>? values)
    {
        foreach (var parameter in _mapped!)
        {
            if ((parameter.IsCollection || parameter.IsTrimmed) && parameter.IsRemade(values![parameter.InvariantName]))
                return true;
        }

        return false;
    }

    private Type? WriteFromCommand(ref KeyWriter writer, IReadOnlyDictionary<string, object?>? values, ValueList<TypeRule>? rules)
    {
        using var command = new NpgsqlCommand();
        foreach (var parameter in _parameters)
            parameter.AddDbParameter(command, values);
        var unencodable = WriteExecuted(ref writer, command.Parameters, rules);
        // A parameter object of the user's own may belong to one command at a time.
        command.Parameters.Clear();
        return unencodable;
    }
}

/// <summary>One parameter of a compiled query.</summary>
/// <param name="InvariantName">Its name among the query's parameter values.</param>
/// <param name="StoreType">PostgreSQL's name of its type.</param>
/// <param name="Converter">From the model's value to the database's; null: none.</param>
/// <param name="EnumType">The enum that an integer stands for, as the compiler folds enum constants; null: none.</param>
/// <param name="IsCollection">Its values are collections.</param>
/// <param name="IsTrimmed">Its values are sent without trailing blanks, as char(n) compares.</param>
internal readonly record struct PlannedParameter(
    string InvariantName, string StoreType, ValueConverter? Converter, Type? EnumType, bool IsCollection = false, bool IsTrimmed = false)
{
    public static PlannedParameter Of(string invariantName, RelationalTypeMapping mapping)
    {
        var type = Nullable.GetUnderlyingType(mapping.ClrType) ?? mapping.ClrType;
        return new PlannedParameter(
            invariantName,
            mapping.StoreType,
            mapping.Converter,
            type.IsEnum ? type : null,
            IsCollection: mapping.ElementTypeMapping is not null,
            IsTrimmed: mapping is NpgsqlCharacterStringTypeMapping);
    }

    /// <summary>Whether the provider makes another object of this value: a list of a set, say, which Npgsql does not take.</summary>
    public bool IsRemade(object? value)
        => (IsTrimmed && value is string text && text.EndsWith(' '))
            || IsCollection && Converter is null && value is IEnumerable and not Array
            && !(value.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(List<>));

    /// <summary>Takes the steps that EF Core takes when it makes the DbParameter.</summary>
    public object? ValueFor(object? value)
    {
        if (EnumType is not null && value is not null && !value.GetType().IsEnum)
            value = Enum.ToObject(EnumType, value);
        return Converter is null ? value : Converter.ConvertToProvider(value);
    }
}
