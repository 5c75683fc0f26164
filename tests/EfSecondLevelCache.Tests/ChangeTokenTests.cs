using System.Globalization;

namespace EfSecondLevelCache.Tests;

/// <summary>The text of a change token, which travels through cookies and comes back from strangers.</summary>
public sealed class ChangeTokenTests
{
    private static readonly ChangeToken Token = new() { Database = 0xFEDCBA9876543210, Timeline = 3, Lsn = 0x16B3748, Xid = 4_294_967_301 };

    [Fact]
    public void It_comes_back_from_its_text()
    {
        foreach (var token in (ChangeToken[])
            [Token, default, new() { Database = ulong.MaxValue, Timeline = uint.MaxValue, Lsn = ulong.MaxValue, Xid = ulong.MaxValue }])
        {
            Assert.Equal(token, ChangeToken.Parse(token.ToString()));
            Assert.True(ChangeToken.TryParse(token.ToString(), out var read));
            Assert.Equal(token, read);
        }
    }

    [Fact]
    public void Its_text_is_the_one_that_other_versions_read()
        => Assert.Equal("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ", Token.ToString());

    [Fact]
    public void Its_text_goes_into_cookies_and_URLs()
        => Assert.Equal(Token.ToString(), Uri.EscapeDataString(Token.ToString()));

    [Fact]
    public void Its_text_is_the_same_in_every_culture()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("ar-SA");
            Assert.Equal(Token, ChangeToken.Parse("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ", CultureInfo.CurrentCulture));
            Assert.Equal("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ", Token.ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("hello")]
    [InlineData("2_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ")]
    [InlineData("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAAB")]
    [InlineData("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQA")]
    [InlineData("1 ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ")]
    [InlineData("1/ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ")]
    [InlineData("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAAB=")]
    [InlineData("1_ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAA  ")]
    [InlineData("1\u0661ty6mHZUMhAAAAADAAAAAAFrN0gAAAABAAAABQ")]
    public void What_is_none_is_refused_with_words(string text)
    {
        Assert.False(ChangeToken.TryParse(text, out var token));
        Assert.Equal(default, token);
        var fault = Assert.Throws<FormatException>(() => ChangeToken.Parse(text));
        Assert.Contains("39", fault.Message, StringComparison.Ordinal);
        Assert.Contains("TryParse", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_at_all_is_none()
    {
        Assert.False(ChangeToken.TryParse(null, out _));
        Assert.Throws<ArgumentNullException>("s", () => ChangeToken.Parse(null!));
    }

    [Fact]
    public void Nothing_that_strangers_send_is_an_error_and_what_is_read_is_written_the_same()
    {
        var random = new Random(5);
        for (var attempt = 0; attempt < 200_000; attempt++)
        {
            var text = Token.ToString().ToCharArray();
            for (var changes = random.Next(3); changes >= 0; changes--)
                text[random.Next(text.Length)] = attempt % 2 == 0 ? (char)random.Next(0x80) : (char)random.Next(char.MaxValue + 1);
            if (attempt % 5 == 0)
                text = text[..random.Next(text.Length)];
            if (ChangeToken.TryParse(text, null, out var token))
                Assert.Equal(token, ChangeToken.Parse(token.ToString()));
        }

        Assert.False(ChangeToken.TryParse(new string('A', 100_000_000), out _));
    }
}
