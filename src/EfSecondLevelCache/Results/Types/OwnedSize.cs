using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace EfSecondLevelCache.Results.Types;

/// <summary>
/// Measures what a value takes: the objects that it points to, without those that a copy of it shares, such as the factory of a geometry.
/// </summary>
internal static class OwnedSize
{
    // More objects are not worth the time; what is that large is past the bound of an entry anyhow.
    private const int MostObjects = 1_000_000;

    private static readonly ConcurrentDictionary<Type, Layout> Layouts = [];
    private static readonly ConcurrentDictionary<Type, int> Sizes = [];

    /// <param name="value">The value.</param>
    /// <param name="copy">A copy of it, as every reader gets one; null: readers share the value.</param>
    public static long Of(object value, object? copy)
    {
        var bytes = 0L;
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<(object? Value, object? Copy)>();
        open.Push((value, copy));
        while (open.TryPop(out var next) && seen.Count < MostObjects)
        {
            if (next.Value is { } owned && !ReferenceEquals(owned, next.Copy) && seen.Add(owned))
                bytes += Visit(owned, next.Copy?.GetType() == owned.GetType() ? next.Copy : null, open);
        }

        return bytes;
    }

    private static long Visit(object value, object? copy, Stack<(object?, object?)> open)
    {
        switch (value)
        {
            case string text:
                return ObjectSize.OfString(text);
            // Of the runtime, or not of the value.
            case MemberInfo or Delegate or Assembly or Module:
                return 0;
            case Array array:
                var element = value.GetType().GetElementType()!;
                if (ImmutableTypes.HasReferences(element))
                {
                    var others = copy as Array;
                    others = others?.Length == array.Length && array.Rank == 1 ? others : null;
                    for (var i = 0; i < array.Length && array.Rank == 1; i++)
                        PushField(array.GetValue(i), others?.GetValue(i), element, open);
                }

                return ObjectSize.OfObject((int)Math.Min(int.MaxValue - 64, 8 + array.LongLength * SizeOf(element)));
            // Shared by all who mean the same, as a time zone is.
            case var _ when !ImmutableTypes.IsByFields(value.GetType()) && ImmutableTypes.Contains(value.GetType()):
                return 0;
            default:
                return Layouts.GetOrAdd(value.GetType(), static type => new Layout(type)).Visit(value, copy, open);
        }
    }

    private static void PushField(object? value, object? copy, Type declared, Stack<(object?, object?)> open)
    {
        if (value is null)
            return;
        if (!declared.IsValueType)
            open.Push((value, copy));
        else if (ImmutableTypes.IsMemory(declared))
            open.Push((MemoryOf(value), copy is null ? null : MemoryOf(copy)));
        else
            Layouts.GetOrAdd(declared, static type => new Layout(type)).Visit(value, copy, open);
    }

    /// <summary>The array behind a <see cref="ReadOnlyMemory{T}"/>.</summary>
    private static object? MemoryOf(object memory)
        => Array.Find(ImmutableTypes.FieldsOf(memory.GetType()), field => field.FieldType == typeof(object))?.GetValue(memory);

    private static int SizeOf(Type type)
        => type.IsValueType
            ? Sizes.GetOrAdd(type, static type => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!)
            : 8;

    private sealed class Layout
    {
        private readonly long _bytes;
        private readonly FieldInfo[] _pointing;

        public Layout(Type type)
        {
            var fields = ImmutableTypes.FieldsOf(type);
            // Each field may need its own eight bytes, more or less.
            _bytes = ObjectSize.OfObject(type.IsValueType ? SizeOf(type) : fields.Sum(field => SizeOf(field.FieldType)));
            _pointing = Array.FindAll(fields, field
                => !field.FieldType.IsPointer && ImmutableTypes.HasReferences(field.FieldType));
        }

        public long Visit(object value, object? copy, Stack<(object?, object?)> open)
        {
            foreach (var field in _pointing)
                PushField(field.GetValue(value), copy is null ? null : field.GetValue(copy), field.FieldType, open);
            return _bytes;
        }
    }
}
