using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace EfSecondLevelCache.Planning;

/// <summary>
/// A query's policy as a query tag: the form in which it travels through EF Core's query compiler. EF Core writes tags as comment lines
/// ahead of the SQL, from where it is taken out again, so that PostgreSQL never sees it.
/// </summary>
/// <remarks>
/// One line of words, <c>key=value</c>; in values everything but letters and digits of ASCII is written as <c>%</c> and the four digits of its
/// UTF-16 unit, so that a user's names can't break out of the comment and come back exactly.
/// </remarks>
internal static class PolicyTag
{
    private const string Prefix = "EfSecondLevelCache:";
    private const string LineStart = "-- " + Prefix;

    /// <summary>A handful of policies is used again and again; bounded because a time to live may be computed.</summary>
    private static readonly ConcurrentDictionary<QueryCachePolicy, string> Tags = new();

    private const int MostRemembered = 1024;

    /// <summary>The tag of a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="varyByParameter">The query parameter that the key varies by; null: none.</param>
    /// <param name="notOlderThanParameter">The query parameter that holds its change token; null: none.</param>
    /// <param name="order">Tells equal tags apart, of which EF Core keeps one: the later mark counts, also where it repeats an earlier one.</param>
    public static string Of(QueryCachePolicy policy, string? varyByParameter = null, string? notOlderThanParameter = null, int order = 0)
    {
        if (varyByParameter is not null || notOlderThanParameter is not null || order > 0)
            return Write(policy, varyByParameter, notOlderThanParameter, order);
        if (Tags.TryGetValue(policy, out var tag))
            return tag;
        if (Tags.Count >= MostRemembered)
            Tags.Clear();
        return Tags.GetOrAdd(policy, static p => Write(p, null, null, 0));
    }

    /// <summary>Whether a text still has one of our tags: then it did not come through our SQL generator.</summary>
    public static bool IsIn(string commandText) => commandText.StartsWith(LineStart, StringComparison.Ordinal);

    /// <summary>What a tag says.</summary>
    public static TaggedPolicy Parse(string tag) => TryRead(tag.AsSpan(Prefix.Length))!;

    /// <summary>The same; null: it is not one of ours.</summary>
    public static TaggedPolicy? TryParse(string tag) => tag.StartsWith(Prefix, StringComparison.Ordinal) ? TryRead(tag.AsSpan(Prefix.Length)) : null;

    /// <summary>The SQL as it would be without our tags, and what they said; null: there was none.</summary>
    public static string Remove(string commandText, out TaggedPolicy? policy)
    {
        policy = null;
        if (!commandText.Contains(LineStart, StringComparison.Ordinal))
            return commandText;

        // The header is a run of comment lines and an empty line after them; anything further down is the query's own.
        var position = 0;
        var kept = new StringBuilder(commandText.Length);
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
        // No tag of the user's is left, so the empty line goes too; a further one is the query's own.
        if (kept.Length == 0)
            position += commandText.AsSpan(position).StartsWith("\r\n") ? 2 : commandText.AsSpan(position).StartsWith("\n") ? 1 : 0;
        return kept.Append(commandText.AsSpan(position)).ToString();
    }

    /// <summary>The later one counts, but NotCacheable wins over all.</summary>
    private static TaggedPolicy Merge(TaggedPolicy? earlier, TaggedPolicy later)
        => earlier is { Policy.NotCacheable: true } ? earlier : later;

    private static string Write(QueryCachePolicy policy, string? varyByParameter, string? notOlderThanParameter, int order)
    {
        var tag = new StringBuilder(Prefix);
        if (policy.NotCacheable)
            tag.Append(" never");
        if (policy.TimeToLive is { } timeToLive)
            tag.Append(CultureInfo.InvariantCulture, $" ttl={timeToLive.Ticks}");
        if (policy.Sliding is { } sliding)
            tag.Append(CultureInfo.InvariantCulture, $" sliding={sliding.Ticks}");
        if (policy.MaxCachedRows is { } rows)
            tag.Append(CultureInfo.InvariantCulture, $" rows={rows}");
        foreach (var name in policy.Tags)
            AppendName(tag, "tag", name);
        foreach (var table in policy.DependsOn)
            AppendName(tag, "table", table);
        if (varyByParameter is not null)
            AppendName(tag, "vary", varyByParameter);
        if (notOlderThanParameter is not null)
            AppendName(tag, "token", notOlderThanParameter);
        if (order > 0)
            tag.Append(CultureInfo.InvariantCulture, $" order={order}");
        return tag.ToString();
    }

    /// <summary>Null: it only looks like ours.</summary>
    private static TaggedPolicy? TryRead(ReadOnlySpan<char> text)
    {
        var policy = QueryCachePolicy.Default;
        string? varyByParameter = null;
        string? notOlderThanParameter = null;
        foreach (var range in text.Split(' '))
        {
            var word = text[range];
            var equals = word.IndexOf('=');
            var key = equals < 0 ? word : word[..equals];
            var value = equals < 0 ? "" : word[(equals + 1)..];
            if (word.IsEmpty)
                continue;
            if (key is "never" && equals < 0)
                policy = policy with { NotCacheable = true };
            else if (key is "ttl" && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var timeToLive))
                policy = policy with { TimeToLive = new TimeSpan(timeToLive) };
            else if (key is "sliding" && long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var sliding))
                policy = policy with { Sliding = new TimeSpan(sliding) };
            else if (key is "rows" && int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var rows))
                policy = policy with { MaxCachedRows = rows };
            else if (key is "tag" && TryReadName(value) is { } tag)
                policy = policy with { Tags = policy.Tags.Add(tag) };
            else if (key is "table" && TryReadName(value) is { } table)
                policy = policy with { DependsOn = policy.DependsOn.Add(table) };
            else if (key is "vary" && TryReadName(value) is { } name)
                varyByParameter = name;
            else if (key is "token" && TryReadName(value) is { } token)
                notOlderThanParameter = token;
            else if (key is not "order")
                return null;
        }

        return new TaggedPolicy(policy, varyByParameter, notOlderThanParameter);
    }

    private static void AppendName(StringBuilder tag, string key, string name)
    {
        tag.Append(' ').Append(key).Append('=');
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c))
                tag.Append(c);
            else
                tag.Append(CultureInfo.InvariantCulture, $"%{(int)c:x4}");
        }
    }

    private static string? TryReadName(ReadOnlySpan<char> text)
    {
        var name = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                name.Append(text[i]);
            }
            else if (text.Length - i > 4 && ushort.TryParse(text.Slice(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
            {
                name.Append((char)unit);
                i += 4;
            }
            else
            {
                return null;
            }
        }

        return name.ToString();
    }
}

/// <summary>What a query's tag says.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="VaryByParameter">The query parameter that the key varies by; null: none.</param>
/// <param name="NotOlderThanParameter">The query parameter that holds its change token; null: none.</param>
internal sealed record TaggedPolicy(QueryCachePolicy Policy, string? VaryByParameter, string? NotOlderThanParameter = null);
