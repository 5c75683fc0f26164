using System.Collections;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using NpgsqlTypes;

namespace EfSecondLevelCache.IntegrationTests.Fidelity;

/// <summary>What a careless owner can do to a value that he was given.</summary>
internal static class Mutation
{
    /// <summary>False where nothing about the value can be changed.</summary>
    public static bool TryApply(object? value)
    {
        switch (value)
        {
            case JsonDocument document:
                document.Dispose();
                return true;

            case BitArray { Length: > 0 } bits:
                bits[0] ^= true;
                return true;

            case IPAddress { AddressFamily: AddressFamily.InterNetworkV6 } address:
                address.ScopeId += 7;
                return true;

            case IPAddress address when !ReferenceEquals(address, IPAddress.Any):
#pragma warning disable CS0618 // Obsolete, but it changes the address.
                address.Address ^= 1;
#pragma warning restore CS0618
                return true;

            case NpgsqlInet inet:
                return TryApply(inet.Address);

            case IPNetwork network:
                return TryApply(network.BaseAddress);

#pragma warning disable CS0618 // Obsolete, but still mapped.
            case NpgsqlCidr cidr:
#pragma warning restore CS0618
                return TryApply(cidr.Address);

            case NpgsqlPath path:
                path.Add(new(7, 7));
                return true;

            case NpgsqlPolygon polygon:
                polygon.Add(new(7, 7));
                return true;

            case NpgsqlCube cube:
                ((double[])cube.LowerLeft)[0]++;
                return true;

            case NpgsqlTsQueryLexeme lexeme:
                lexeme.Text += "x";
                return true;

            case NpgsqlTsQueryNot not:
                return TryApply(not.Child);

            case NpgsqlTsQueryBinOp operation:
                return TryApply(operation.Left) | TryApply(operation.Right);

            case Array array:
                var parts = array.Cast<object?>().Aggregate(false, (changed, part) => TryApply(part) | changed);
                var first = new int[array.Rank];
                if (array.Length > 0 && array.GetType().GetElementType() is { IsValueType: true } element)
                    array.SetValue(Other(array.GetValue(first), element), first);
                else if (array.Length > 0)
                    array.SetValue(null, first);
                return parts || array.Length > 0;

            case IDictionary dictionary and not System.Collections.Immutable.IImmutableDictionary<string, string>:
                dictionary["new"] = "entry";
                return true;

            case IList { IsReadOnly: false } list:
                foreach (var part in list)
                    TryApply(part);
                var wasEmpty = list.Count == 0;
                list.Clear();
                return !wasEmpty;

            default:
                return false;
        }
    }

    private static object Other(object? value, Type type) => value switch
    {
        bool truth => !truth,
        Enum => Enum.ToObject(type, Convert.ToInt32(value) ^ 1),
        byte number => (byte)(number ^ 1),
        _ => Activator.CreateInstance(Nullable.GetUnderlyingType(type) ?? type)!,
    };
}
