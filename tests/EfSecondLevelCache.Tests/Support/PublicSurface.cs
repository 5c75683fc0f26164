using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace EfSecondLevelCache.Tests.Support;

/// <summary>Writes what an assembly lets others name, in the words of C#, sorted, so that two versions compare line by line.</summary>
internal static class PublicSurface
{
    private const BindingFlags Declared
        = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(char)] = "char",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
    };

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        var spaces = assembly.GetExportedTypes().GroupBy(type => type.Namespace);
        foreach (var space in spaces.OrderBy(space => space.Key, StringComparer.Ordinal))
        {
            text.Append($"namespace {space.Key}\n");
            foreach (var type in space.OrderBy(type => type.FullName, StringComparer.Ordinal))
            {
                text.Append($"\n    {Declaration(type)}\n");
                foreach (var member in MembersOf(type))
                    text.Append($"        {member}\n");
            }

            text.Append('\n');
        }

        return text.ToString().TrimEnd('\n') + "\n";
    }

    private static string Declaration(Type type)
    {
        if (type.IsEnum)
            return $"public enum {Name(type)} : {Name(Enum.GetUnderlyingType(type))}";
        if (typeof(Delegate).IsAssignableFrom(type))
            return $"public delegate {Signature(type.GetMethod("Invoke")!, Name(type))}";

        var kind = type.IsInterface ? "interface" : type.IsValueType ? "struct" : IsRecord(type) ? "record" : "class";
        var modifier = type.IsInterface || type.IsValueType ? ""
            : type is { IsAbstract: true, IsSealed: true } ? "static "
            : type.IsSealed ? "sealed "
            : type.IsAbstract ? "abstract " : "";
        if (type.IsValueType && type.IsDefined(typeof(IsReadOnlyAttribute)))
            modifier = "readonly ";
        var bases = type.GetInterfaces().Except(type.BaseType?.GetInterfaces() ?? [])
            .Where(parent => parent.IsVisible && !(IsRecord(type) && parent == typeof(IEquatable<>).MakeGenericType(type)));
        if (type.BaseType is { } baseType && baseType != typeof(object) && baseType != typeof(ValueType))
            bases = bases.Prepend(baseType);
        var list = string.Join(", ", bases.Select(Name).Order(StringComparer.Ordinal));
        return $"public {modifier}{kind} {Name(type)}{(list.Length > 0 ? $" : {list}" : "")}{ConstraintsOf(type.GetGenericArguments())}";
    }

    private static IEnumerable<string> MembersOf(Type type)
    {
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {Enum.Format(type, Enum.Parse(type, name), "d")}");
        if (typeof(Delegate).IsAssignableFrom(type))
            return [];

        var members = type.GetFields(Declared).Where(field => IsVisible(field.Attributes)).Select(field => (field.Name, Field(field)))
            .Concat(type.GetConstructors(Declared).Where(IsVisible)
                .Select(constructor => ("", Access(constructor) + Signature(constructor))))
            .Concat(type.GetProperties(Declared).Where(property => property.GetAccessors(nonPublic: true).Any(IsVisible))
                .Select(property => (property.Name, Property(property))))
            .Concat(type.GetEvents(Declared).Where(e => IsVisible(e.AddMethod!))
                .Select(e => (e.Name, $"{Access(e.AddMethod!)}event {Name(e.EventHandlerType!)} {e.Name};")))
            .Concat(type.GetMethods(Declared).Where(method => IsVisible(method) && !IsMadeByCompiler(method))
                .Select(method => (method.Name, $"{Access(method)}{Signature(method, method.Name)};")));
        return members.OrderBy(member => member.Item1, StringComparer.Ordinal).ThenBy(member => member.Item2, StringComparer.Ordinal)
            .Select(member => member.Item2);
    }

    private static string Field(FieldInfo field)
    {
        var modifier = field.IsLiteral ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        var value = field.IsLiteral ? $" = {Literal(field.GetRawConstantValue(), field.FieldType)}" : "";
        var access = field.IsPublic ? "public" : "protected";
        return $"{access} {modifier}{Name(new NullabilityInfoContext().Create(field))} {field.Name}{value};";
    }

    private static string Property(PropertyInfo property)
    {
        var get = property.GetMethod is { } getter && IsVisible(getter) ? "get; " : "";
        var set = property.SetMethod is { } setter && IsVisible(setter)
            ? setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init; " : "set; "
            : "";
        var required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "";
        var parameters = property.GetIndexParameters();
        var name = parameters.Length > 0 ? $"this[{string.Join(", ", parameters.Select(Parameter))}]" : property.Name;
        var accessor = property.GetAccessors(nonPublic: true).First(IsVisible);
        return $"{Access(accessor)}{required}{Name(new NullabilityInfoContext().Create(property))} {name} {{ {get}{set}}}";
    }

    private static string Signature(ConstructorInfo constructor)
        => $"{Bare(constructor.DeclaringType!)}({string.Join(", ", constructor.GetParameters().Select(Parameter))});";

    private static string Signature(MethodInfo method, string name)
    {
        var generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";
        var self = method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "";
        var parameters = string.Join(", ", method.GetParameters().Select(Parameter));
        var constraints = ConstraintsOf(method.IsGenericMethod ? method.GetGenericArguments() : []);
        return $"{Name(new NullabilityInfoContext().Create(method.ReturnParameter))} {name}{generic}({self}{parameters}){constraints}";
    }

    private static string Parameter(ParameterInfo parameter)
    {
        var direction = parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "";
        var many = parameter.IsDefined(typeof(ParamArrayAttribute)) ? "params " : "";
        var value = parameter.HasDefaultValue ? $" = {Literal(parameter.RawDefaultValue, parameter.ParameterType)}" : "";
        return $"{many}{direction}{Name(new NullabilityInfoContext().Create(parameter))} {parameter.Name}{value}";
    }

    private static string ConstraintsOf(Type[] arguments)
    {
        var text = new StringBuilder();
        foreach (var argument in arguments.Where(argument => argument.IsGenericParameter))
        {
            var attributes = argument.GenericParameterAttributes;
            var constraints = argument.GetGenericParameterConstraints().Where(type => type != typeof(ValueType)).Select(Name).ToList();
            if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
                constraints.Insert(0, "class");
            if (attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint))
                constraints.Insert(0, "struct");
            else if (attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
                constraints.Add("new()");
            if (constraints.Count > 0)
                text.Append($" where {argument.Name} : {string.Join(", ", constraints)}");
        }

        return text.ToString();
    }

    private static string Access(MethodBase method)
    {
        var access = method.IsPublic ? "public " : "protected ";
        if (method.DeclaringType!.IsInterface)
            return "";
        if (method.IsStatic)
            return access + "static ";
        if (method is MethodInfo info && info.GetBaseDefinition() != info)
            return access + (info.IsFinal ? "sealed override " : "override ");
        return access + (method.IsAbstract ? "abstract " : method is { IsVirtual: true, IsFinal: false } ? "virtual " : "");
    }

    /// <summary>Also protected ones, which a derived type can name.</summary>
    private static bool IsVisible(MethodBase method)
        => method.IsPublic || ((method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType!.IsSealed);

    private static bool IsVisible(FieldAttributes attributes)
        => (attributes & FieldAttributes.FieldAccessMask) is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem
            && !attributes.HasFlag(FieldAttributes.SpecialName);

    /// <summary>Accessors, and what every record has.</summary>
    private static bool IsMadeByCompiler(MethodInfo method)
        => method.IsDefined(typeof(CompilerGeneratedAttribute))
            || (method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal));

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null;

    private static string Literal(object? value, Type type) => value switch
    {
        null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        _ when type.IsEnum => $"{Name(type)}.{Enum.GetName(type, value)}",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Bare(Type type) => type.Name.Split('`')[0];

    private static string Name(NullabilityInfo info)
    {
        var type = info.Type.IsByRef ? info.Type.GetElementType()! : info.Type;
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Name(underlying) + "?";
        // What a type parameter stands for says itself whether it may be null.
        var isNullable = info.ReadState is NullabilityState.Nullable || info.WriteState is NullabilityState.Nullable;
        var mark = isNullable && !type.IsValueType && !type.IsGenericParameter ? "?" : "";
        if (type.IsArray && info.ElementType is not null)
            return $"{Name(info.ElementType)}[]{mark}";
        if (type.IsGenericType && info.GenericTypeArguments.Length > 0)
            return $"{Qualified(type)}<{string.Join(", ", info.GenericTypeArguments.Select(Name))}>{mark}";
        return Name(type) + mark;
    }

    private static string Name(Type type)
    {
        if (Keywords.TryGetValue(type, out var keyword))
            return keyword;
        if (type.IsGenericParameter)
            return type.Name;
        if (type.IsArray)
            return $"{Name(type.GetElementType()!)}[]";
        return type.IsGenericType ? $"{Qualified(type)}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : Qualified(type);
    }

    private static string Qualified(Type type) => type.IsNested ? $"{Qualified(type.DeclaringType!)}.{Bare(type)}" : Bare(type);
}
