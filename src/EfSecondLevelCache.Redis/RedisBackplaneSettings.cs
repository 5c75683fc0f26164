using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace EfSecondLevelCache.Redis;

/// <summary>
/// The settings of Redis as the backplane, over a connection of its own. They are compared by their text, the only thing that the library
/// tells.
/// </summary>
internal sealed record RedisBackplaneSettings : BackplaneFactory
{
    private readonly ConfigurationOptions _options;
    private readonly string _text;

    public RedisBackplaneSettings(ConfigurationOptions options)
    {
        _options = options.Clone();
        _options.ClientName ??= "EfSecondLevelCache";
        // A server that is down at first is tried again.
        _options.AbortOnConnectFail = false;
        // What can't be sent now is dropped: late, it would tell nothing that a flush has not done.
        _options.BacklogPolicy = BacklogPolicy.FailFast;
        // Thread counts are no help to who reads the state of the backplane.
        _options.IncludeDetailInExceptions = false;
        _text = _options.ToString(includePassword: true);
    }

    // The library puts the prefix of its options before the name.
    public override IBackplane Create(ILogger logger)
        => new RedisBackplane(async () => await ConnectionMultiplexer.ConnectAsync(_options).ConfigureAwait(false), ownsConnection: true, "", logger);

    public bool Equals(RedisBackplaneSettings? other) => other?._text == _text;

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <summary>Without the password: settings are printed where two differ.</summary>
    public override string ToString() => $"Redis at {_options.ToString(includePassword: false)}";
}
