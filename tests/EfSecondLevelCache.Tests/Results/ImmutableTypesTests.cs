using System.ComponentModel;
using System.Numerics;
using System.Text;
using EfSecondLevelCache.Results.Types;

namespace EfSecondLevelCache.Tests.Results;

public class ImmutableTypesTests
{
    [Theory]
    [InlineData(typeof(string), true)]
    [InlineData(typeof(Version), true)]
    [InlineData(typeof(BigInteger), true)]
    [InlineData(typeof((int, string)), true)]
    [InlineData(typeof(Plain), true)]
    [InlineData(typeof(WithInit), true)]
    [InlineData(typeof(Linked), true)]
    [InlineData(typeof(OfNumbers), true)]
    [InlineData(typeof(Declared), true)]
    [InlineData(typeof(DerivedOfDeclared), true)]
    [InlineData(typeof(DeclaredToNet), true)]
    [InlineData(typeof(HasDeclared), true)]
    [InlineData(typeof(NotDeclaredToNet), false)]
    [InlineData(typeof(WithSetter), false)]
    [InlineData(typeof(DerivedWithSetter), false)]
    [InlineData(typeof(BaseWithSetter), false)]
    [InlineData(typeof(WithList), false)]
    [InlineData(typeof(WithArray), false)]
    [InlineData(typeof(WithOpenType), false)]
    [InlineData(typeof(WithHandle), false)]
    [InlineData(typeof(Disposable), false)]
    [InlineData(typeof((int, int[])), false)]
    [InlineData(typeof(StringBuilder), false)]
    [InlineData(typeof(object), false)]
    [InlineData(typeof(int[]), false)]
    [InlineData(typeof(IComparable), false)]
    [InlineData(typeof(Action), false)]
    public void A_type_is_immutable_by_its_fields_or_by_its_authors_word(Type type, bool isImmutable)
        => Assert.Equal(isImmutable, ImmutableTypes.Contains(type));

    [Fact]
    public void A_value_of_a_derived_type_that_can_be_changed_is_not_kept()
    {
        var stored = (ReferenceType<Plain>)StoredType.Find(typeof(Plain))!;
        var memory = new EfSecondLevelCache.Results.ResultMemory(1);

        Assert.IsType<Plain>(stored.Store(new Plain(1, "a"), memory));
        Assert.Throws<InvalidCastException>(() => stored.Store(new DerivedWithSetter(), memory));
    }

    [Fact]
    public void What_a_value_takes_is_what_it_points_to_without_what_its_copies_share()
    {
        var shared = new byte[100_000];
        var value = new Holder(shared, new byte[1_000], "text");

        Assert.InRange(OwnedSize.Of(value, new Holder(shared, new byte[1_000], "text")), 1_000, 1_200);
        Assert.InRange(OwnedSize.Of(value, copy: null), 101_000, 101_300);
    }

    private class Plain(int number, string text)
    {
        public int Number { get; } = number;

        public string Text { get; } = text;
    }

    private sealed class DerivedWithSetter() : Plain(1, "")
    {
        public int More { get; set; }
    }

    private class WithSetter
    {
        public int Number { get; set; }
    }

    private sealed class BaseWithSetter : WithSetter;

    private sealed record WithInit(string Text, int? Number);

    private sealed class Linked(Linked? next)
    {
        public Linked? Next { get; } = next;
    }

    private sealed class OfNumbers(float[] numbers)
    {
        public ReadOnlyMemory<float> Numbers { get; } = numbers;
    }

    private sealed class WithList
    {
        public List<int> Numbers { get; } = [];
    }

    private sealed class WithArray
    {
        public int[] Numbers { get; } = [];
    }

    private sealed class WithOpenType(Plain plain)
    {
        public Plain Plain { get; } = plain;
    }

    private sealed class WithHandle(nint handle)
    {
        public nint Handle { get; } = handle;
    }

    private sealed class Disposable(int number) : IDisposable
    {
        public int Number { get; } = number;

        public void Dispose()
        {
        }
    }

    [Immutable]
    private class Declared
    {
        public List<int> Cache { get; } = [];
    }

    private sealed class DerivedOfDeclared : Declared;

    private sealed class HasDeclared(Declared declared)
    {
        public Declared Declared { get; } = declared;
    }

    [ImmutableObject(true)]
    private sealed class DeclaredToNet
    {
        public int Number { get; set; }
    }

    [ImmutableObject(false)]
    private sealed class NotDeclaredToNet
    {
        public int Number { get; set; }
    }

    private sealed class Holder(byte[] shared, byte[] own, string text)
    {
        public byte[] Shared => shared;

        public byte[] Own => own;

        public string Text => text;
    }

    [AttributeUsage(AttributeTargets.Class)]
    private sealed class ImmutableAttribute : Attribute;
}
