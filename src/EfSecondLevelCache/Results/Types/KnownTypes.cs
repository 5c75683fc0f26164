using System.Collections;
using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using NpgsqlTypes;

namespace EfSecondLevelCache.Results.Types;

/// <summary>The types with references that are known to be immutable, or how to copy them.</summary>
internal static class KnownTypes
{
    // Npgsql can be told to read deeper documents than the default allows; what it could read, a hit must not refuse.
    private static readonly JsonDocumentOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    // Some can be changed where one would not think so: an IPAddress has ScopeId, a JsonDocument can be disposed, a cube's coordinates are
    // an array. Sizes are those of .NET 10 and Npgsql 10.
    private static readonly Dictionary<Type, StoredType> Types = new StoredType[]
    {
        new ConvertedType<string, string>((text, memory) => memory.Share(text), text => text),
        Immutable<BigInteger>(SizeOf),
        Immutable<PhysicalAddress>(address => ObjectSize.OfObject(12) + ObjectSize.OfArray<byte>(address.GetAddressBytes().Length)),
        Immutable<ImmutableDictionary<string, string?>>(Hstore.SizeOf),
        Immutable<NpgsqlTsVector>(FullText.SizeOf),

        Copied<BitArray>(bits => new(bits), bits => ObjectSize.OfObject(16) + ObjectSize.OfArray<int>((bits.Length + 31) / 32)),
        Copied<IPAddress>(Copy, SizeOf),
        Copied<IPNetwork>(network => new(Copy(network.BaseAddress), network.PrefixLength), network => SizeOf(network.BaseAddress)),
        Copied<NpgsqlInet>(inet => new(Copy(inet.Address), inet.Netmask), inet => SizeOf(inet.Address)),
#pragma warning disable CS0618 // Obsolete, but still mapped.
        Copied<NpgsqlCidr>(cidr => new(Copy(cidr.Address), cidr.Netmask), cidr => SizeOf(cidr.Address)),
#pragma warning restore CS0618
        Copied<NpgsqlPath>(path => new(path, path.Open), path => SizeOfList<NpgsqlPoint>(path.Capacity)),
        Copied<NpgsqlPolygon>(polygon => new(polygon), polygon => SizeOfList<NpgsqlPoint>(polygon.Capacity)),
        Copied<NpgsqlCube>(cube => new(cube.LowerLeft, cube.UpperRight), cube => 2 * ObjectSize.OfArray<double>(cube.Dimensions)),
        Copied<NpgsqlTsQuery>(FullText.Copy, FullText.SizeOf),

        new ConvertedType<Dictionary<string, string?>, KeyValuePair<string, string?>[]>(Hstore.Store, pairs => new(pairs)),
        new ConvertedType<JsonDocument, byte[]>(
            (document, memory) => Json(document.RootElement, memory), text => JsonDocument.Parse(text, AnyDepth)),
        new ConvertedType<JsonElement, byte[]>(Json, text => JsonElement.Parse(text, AnyDepth)),
    }.ToDictionary(type => type.ClrType);

    public static StoredType? Find(Type type) => Types.GetValueOrDefault(type);

    private static ConvertedType<T, object> Immutable<T>(Func<T, long> size)
        where T : notnull
        => Copied(value => value, size);

    /// <param name="copy">Makes a value that shares nothing that can be changed.</param>
    /// <param name="size">What a value takes beside the box of a struct.</param>
    private static ConvertedType<T, object> Copied<T>(Func<T, T> copy, Func<T, long> size)
        where T : notnull
    {
        return new(Store, stored => copy((T)stored));

        object Store(T value, ResultMemory memory)
        {
            memory.Add((typeof(T).IsValueType ? ObjectSize.OfObject(Unsafe.SizeOf<T>()) : 0) + size(value));
            return value;
        }
    }

    // The text is smaller than the parsed document, and a document can't be shared: whoever disposes it ends it for all.
    private static byte[] Json(JsonElement value, ResultMemory memory)
    {
        var text = JsonMarshal.GetRawUtf8Value(value).ToArray();
        memory.Add(ObjectSize.OfArray<byte>(text.Length));
        return text;
    }

    private static IPAddress Copy(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? new(bytes[..length], address.ScopeId) : new(bytes[..length]);
    }

    private static long SizeOf(IPAddress address)
        => ObjectSize.OfObject(24) + (address.AddressFamily == AddressFamily.InterNetworkV6 ? ObjectSize.OfArray<ushort>(8) : 0);

    // What fits an int has no array.
    private static long SizeOf(BigInteger number)
        => ObjectSize.OfArray<uint>(number.GetBitLength() < 32 ? 0 : (int)((number.GetBitLength() + 31) / 32));

    private static long SizeOfList<T>(int capacity) => ObjectSize.OfObject(16) + ObjectSize.OfArray<T>(capacity);
}
