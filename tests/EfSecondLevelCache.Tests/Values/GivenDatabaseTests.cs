using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.Tests.Values;

public sealed class GivenDatabaseTests
{
    private const string WithoutPassword = "Host=db.example.com;Database=shop;Username=cache";

    [Fact]
    public async Task The_password_is_that_of_the_moment()
    {
        var issued = 0;
        var builder = new NpgsqlDataSourceBuilder(WithoutPassword);
        builder.UsePasswordProvider(_ => $"token {++issued}", (_, _) => new ValueTask<string>($"token {++issued}"));
        await using var source = builder.Build();
        Assert.Equal("token 1", GivenDatabase.PasswordNow(source));
        Assert.Equal("token 2", await GivenDatabase.PasswordNowAsync(source, default));
    }

    [Fact]
    public async Task A_password_of_the_source_itself_is_known_too()
    {
        await using var source = NpgsqlDataSource.Create(WithoutPassword + ";Password=secret");
        Assert.DoesNotContain("secret", GivenDatabase.Of(source).ConnectionString);
        Assert.Equal("secret", GivenDatabase.PasswordNow(source));
    }

    [Fact]
    public async Task None_is_needed_where_the_source_has_none()
    {
        await using var source = NpgsqlDataSource.Create(WithoutPassword + ";Passfile=/none");
        Assert.Equal("", GivenDatabase.PasswordNow(source));
    }

    [Fact]
    public void Settings_are_printed_without_secrets()
        => Assert.DoesNotContain("secret", new GivenDatabase(WithoutPassword + ";Password=secret").ToString());
}
