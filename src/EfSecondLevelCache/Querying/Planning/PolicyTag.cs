using System.Collections.Concurrent;
using System.Text.Json;

namespace EfSecondLevelCache.Querying.Planning;

/// <summary>
/// A query's policy as a query tag: the form in which it travels through EF Core's query compiler. EF Core writes tags as comment lines
/// ahead of the SQL, from where it is taken out again, so that PostgreSQL never sees it.
/// </summary>
internal static class PolicyTag
{
    private const string Prefix = "EfSecondLevelCache ";
    private const string LineStart = "-- " + Prefix;

    /// <summary>A handful of policies is used again and again; bounded because a time to live may be computed.</summary>
    private static readonly ConcurrentDictionary<QueryCachePolicy, string> Tags = new();

    private const int MostRemembered = 1024;

    /// <summary>The tag of a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="varyByParameter">The query parameter that the key varies by; null: none.</param>
    public static string Of(QueryCachePolicy policy, string? varyByParameter = null)
    {
        if (varyByParameter is not null)
            return Write(policy, varyByParameter);
        if (Tags.TryGetValue(policy, out var tag))
            return tag;
        if (Tags.Count >= MostRemembered)
            Tags.Clear();
        return Tags.GetOrAdd(policy, static p => Write(p, null));
    }

    /// <summary>Whether a text still has one of our tags: then it did not come through our SQL generator.</summary>
    public static bool IsIn(string commandText) => commandText.StartsWith(LineStart, StringComparison.Ordinal);

    /// <summary>The policy of a tag.</summary>
    public static QueryCachePolicy Parse(string tag) => Read(tag.AsSpan(Prefix.Length)).Policy;

    /// <summary>The SQL as it would be without our tags, and what they said; null: there was none.</summary>
    public static string Remove(string commandText, out TaggedPolicy? policy)
    {
        policy = null;
        if (!commandText.Contains(LineStart, StringComparison.Ordinal))
            return commandText;

        // The header is a run of comment lines and an empty line after them; anything further down is the query's own.
        var position = 0;
        var kept = new System.Text.StringBuilder(commandText.Length);
        while (commandText.AsSpan(position).StartsWith("-- "))
        {
            var end = commandText.IndexOf('\n', position);
            if (end < 0)
                break;
            var line = commandText.AsSpan(position, end - position).TrimEnd('\r');
            if (line.StartsWith(LineStart) && TryRead(line[LineStart.Length..]) is { } read)
                policy = Merge(policy, read);
            else
                kept.Append(commandText, position, end + 1 - position);
            position = end + 1;
        }

        if (policy is null)
            return commandText;
        var rest = kept.Length == 0 ? commandText.AsSpan(position).TrimStart("\r\n") : commandText.AsSpan(position);
        return kept.Append(rest).ToString();
    }

    /// <summary>The later one counts, but NotCacheable wins over all.</summary>
    private static TaggedPolicy Merge(TaggedPolicy? earlier, TaggedPolicy later)
        => earlier is { Policy.NotCacheable: true } ? earlier : later;

    private static string Write(QueryCachePolicy policy, string? varyByParameter)
        => Prefix + JsonSerializer.Serialize(new Form
        {
            No = policy.NotCacheable,
            Ttl = policy.TimeToLive,
            Sliding = policy.Sliding,
            Rows = policy.MaxCachedRows,
            Tags = policy.Tags.Count == 0 ? null : [.. policy.Tags],
            Tables = policy.DependsOn.Count == 0 ? null : [.. policy.DependsOn],
            Vary = varyByParameter,
        }, Json);

    /// <summary>Null: it only looks like ours.</summary>
    private static TaggedPolicy? TryRead(ReadOnlySpan<char> text)
    {
        try
        {
            return Read(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static TaggedPolicy Read(ReadOnlySpan<char> text)
    {
        var form = JsonSerializer.Deserialize<Form>(text, Json)!;
        var policy = new QueryCachePolicy
        {
            NotCacheable = form.No,
            TimeToLive = form.Ttl,
            Sliding = form.Sliding,
            MaxCachedRows = form.Rows,
            Tags = [.. form.Tags ?? []],
            DependsOn = [.. form.Tables ?? []],
        };
        return new TaggedPolicy(policy, form.Vary);
    }

    private static readonly JsonSerializerOptions Json = new()
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault,
    };

    /// <summary>One line of JSON: it escapes line breaks, so a user's tag can't break out of the comment.</summary>
    private sealed class Form
    {
        public bool No { get; init; }

        public TimeSpan? Ttl { get; init; }

        public TimeSpan? Sliding { get; init; }

        public int? Rows { get; init; }

        public string[]? Tags { get; init; }

        public string[]? Tables { get; init; }

        public string? Vary { get; init; }
    }
}

/// <summary>What a query's tag says.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="VaryByParameter">The query parameter that the key varies by; null: none.</param>
internal sealed record TaggedPolicy(QueryCachePolicy Policy, string? VaryByParameter);
