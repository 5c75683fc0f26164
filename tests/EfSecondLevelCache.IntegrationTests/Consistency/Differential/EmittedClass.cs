using System.Reflection;
using System.Reflection.Emit;

namespace EfSecondLevelCache.IntegrationTests.Consistency.Differential;

/// <summary>A class of nothing but properties, made at run time: a random schema has classes and navigations as any other model has.</summary>
internal sealed class EmittedClass(ModuleBuilder module, string name, Type? parent = null)
{
    private readonly TypeBuilder _type = module.DefineType(name, TypeAttributes.Public | TypeAttributes.Class, parent);

    /// <summary>Stands for the class in properties of others while it is not finished.</summary>
    public Type Unfinished => _type;

    public static ModuleBuilder DefineModule(string name)
        => AssemblyBuilder.DefineDynamicAssembly(new AssemblyName(name), AssemblyBuilderAccess.Run).DefineDynamicModule(name);

    public void AddProperty(string property, Type type)
    {
        const MethodAttributes Accessor = MethodAttributes.Public | MethodAttributes.SpecialName | MethodAttributes.HideBySig;
        var field = _type.DefineField($"_{property}", type, FieldAttributes.Private);
        var getter = _type.DefineMethod($"get_{property}", Accessor, type, []);
        var get = getter.GetILGenerator();
        get.Emit(OpCodes.Ldarg_0);
        get.Emit(OpCodes.Ldfld, field);
        get.Emit(OpCodes.Ret);

        var setter = _type.DefineMethod($"set_{property}", Accessor, null, [type]);
        var set = setter.GetILGenerator();
        set.Emit(OpCodes.Ldarg_0);
        set.Emit(OpCodes.Ldarg_1);
        set.Emit(OpCodes.Stfld, field);
        set.Emit(OpCodes.Ret);

        var definition = _type.DefineProperty(property, PropertyAttributes.None, type, null);
        definition.SetGetMethod(getter);
        definition.SetSetMethod(setter);
    }

    public Type Finish() => _type.CreateType();
}
