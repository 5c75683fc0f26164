using System.Collections;
using System.Globalization;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using NpgsqlTypes;

namespace EfSecondLevelCache.CompatibilityTests.Types;

/// <summary>NodaTime's types are read and sent as they are, and all readers share a value that nobody can change.</summary>
public sealed class NodaTimeTests(PostgresServer server) : TypeSpecification(server)
{
    private static readonly LocalDate Day = new(2024, 2, 29);
    private static readonly LocalTime Time = new(12, 34, 56, 789);
    private static readonly Instant Now = (Day + Time).InUtc().ToInstant();

    [Fact]
    public async Task Points_in_time()
    {
        await AssertCachedAsync(null, Now, Now + Duration.FromMilliseconds(1), Instant.FromUtc(1, 1, 1, 0, 0), Instant.MaxValue, Instant.MinValue);
        await AssertCachedAsync(null, Day, Day.PlusDays(1), LocalDate.MaxIsoValue, LocalDate.MinIsoValue);
        await AssertCachedAsync(null, Day + Time, Day.PlusDays(1) + Time);
        await AssertCachedAsync(null, Time, LocalTime.Midnight);
        await AssertCachedAsync(null, Time.WithOffset(Offset.FromHours(2)), Time.WithOffset(Offset.FromHours(3)));
        await AssertCachedAsync(null, Now.InUtc(), (Now + Duration.FromHours(1)).InUtc());
        await AssertCachedAsync(null, Now.WithOffset(Offset.Zero), (Now + Duration.FromHours(1)).WithOffset(Offset.Zero));
    }

    [Fact]
    public async Task Spans_of_time()
    {
        // P1D and PT24H are equal to PostgreSQL, and not the same to their readers.
        await AssertCachedAsync(
            null, Period.FromDays(1), Period.FromHours(24), Period.FromMonths(1), new PeriodBuilder { Years = 1, Days = -3, Ticks = 70 }.Build(),
            Period.Zero);
        await AssertCachedAsync("interval", Duration.FromHours(25), Duration.FromMilliseconds(-7), Duration.Zero);
        await AssertCachedAsync(null, new Interval(Now, Now + Duration.FromHours(1)), new Interval(Now, null), new Interval(null, Now));
        await AssertCachedAsync(null, new DateInterval(Day, Day.PlusDays(3)), new DateInterval(Day, Day));
        await AssertCachedAsync(
            null, new NpgsqlRange<Instant>(Now, Now + Duration.FromHours(1)), new NpgsqlRange<Instant>(Now, true, true, default, false, true));
        await AssertCachedAsync(null, new NpgsqlRange<LocalDate>(Day, true, false, Day.PlusDays(4), false, false));
    }

    [Fact]
    public async Task Several_of_them()
    {
        await AssertCachedAsync<Instant[]>(null, [[Now, Now + Duration.FromHours(1)], [], [Now]]);
        await AssertCachedAsync<List<Period>>(null, [[Period.FromDays(1), Period.FromHours(3)], []]);
        await AssertCachedAsync<Period[]>(null, [[Period.FromDays(1), Period.FromHours(3)], [Period.FromHours(3)]]);
        await AssertCachedAsync<LocalDate[]>(null, [[Day], [Day, Day.PlusDays(1)]]);
        await AssertCachedAsync<Interval[]>(null, [[new(Now, Now + Duration.FromHours(1)), new(Now + Duration.FromHours(3), null)]]);
        await AssertCachedAsync<DateInterval[]>(null, [[new(Day, Day.PlusDays(3)), new(Day.PlusDays(9), Day.PlusDays(12))]]);
        await AssertCachedAsync<List<DateInterval>>(null, [[new(Day, Day.PlusDays(3))]]);
        await AssertCachedAsync<NpgsqlRange<Instant>[]>(null, [[new(Now, true, false, Now + Duration.FromHours(1), false, false)]]);
    }

    [Fact]
    public async Task Time_zones()
        => await AssertCachedAsync(null, DateTimeZoneProviders.Tzdb["Europe/Berlin"], DateTimeZoneProviders.Tzdb["Asia/Tokyo"]);

    protected override void Configure(DbContextOptionsBuilder options) => options.UseNpgsql(ConnectionString, npgsql => npgsql.UseNodaTime());

    protected override string TextOf(object value) => value switch
    {
        string text => text,
        IEnumerable parts => $"{value.GetType()} [{string.Join("; ", parts.Cast<object?>().Select(part => part is null ? "null" : TextOf(part)))}]",
        IFormattable formattable => $"{value.GetType()} {formattable.ToString(null, CultureInfo.InvariantCulture)}",
        _ => $"{value.GetType()} {value}",
    };

    protected override bool TryChange(object value)
    {
        if (value is not IList { Count: > 0 } list)
            return false;
        if (value is Array array)
            Array.Clear(array);
        else
            list.Clear();
        return true;
    }

    protected override IQueryable<Holder<T>> Equal<T>(IQueryable<Holder<T>> rows, T value)
        => value is IList and not Array ? rows.Where(h => h.Value!.Equals(value)) : rows.Where(h => Equals(h.Value, value));
}
