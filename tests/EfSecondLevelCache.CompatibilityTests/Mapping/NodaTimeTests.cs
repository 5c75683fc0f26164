using EfSecondLevelCache.CompatibilityTests.Harness;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using NodaTime;

namespace EfSecondLevelCache.CompatibilityTests.Mapping;

/// <summary>NodaTime, as columns and as parameters.</summary>
public sealed class NodaTimeTests(PostgresServer server) : ScenarioTests<NodaTimeTests>(server), IScenarios
{
    public static Scenarios All { get; } = new Scenarios<MeetingsContext>("nodatime", MeetingsContext.SeedAsync)
    {
        {
            "entities with every type", async app =>
            {
                await using var db = app.Open<MeetingsContext>();
                var meetings = await app.Cached(db.Meetings.OrderBy(m => m.Id)).ToListAsync();
                app.Saw("meetings", meetings.Select(m => m.ToString()));
                app.Saw("periods", await app.Cached(db.Meetings.OrderBy(m => m.Id).Select(m => m.Every)).Select(p => p!.ToString()).ToListAsync());
            }
        },
        {
            "parameters of every type", async app =>
            {
                await using var db = app.Open<MeetingsContext>();
                var (instant, date, time, local) = (Instant.FromUtc(2024, 1, 1, 0, 0), new LocalDate(2024, 1, 2), new LocalTime(9, 0), new LocalDateTime(2024, 1, 1, 9, 0));
                var (period, length, days) = (Period.FromDays(2), Duration.FromHours(1), new DateInterval(new LocalDate(2024, 1, 1), new LocalDate(2024, 1, 3)));
                app.Saw("instant", await app.Cached(db.Meetings.Where(m => m.At > instant)).CountAsync());
                app.Saw("date", await app.Cached(db.Meetings.Where(m => m.Day == date)).CountAsync());
                app.Saw("time", await app.Cached(db.Meetings.Where(m => m.Time >= time)).CountAsync());
                app.Saw("local", await app.Cached(db.Meetings.Where(m => m.Local >= local)).CountAsync());
                app.Saw("period", await app.Cached(db.Meetings.Where(m => m.Every == period)).CountAsync());
                app.Saw("length", await app.Cached(db.Meetings.Where(m => m.Length == length)).CountAsync());
                app.Saw("days", await app.Cached(db.Meetings.Where(m => days.Contains(m.Day))).CountAsync());
                app.Saw("range", await app.Cached(db.Meetings.Where(m => m.Days == days)).CountAsync());
            }
        },
        {
            "what changes while it is cached", async app =>
            {
                for (var i = 0; i < 2; i++)
                {
                    await using var db = app.Open<MeetingsContext>();
                    app.Saw("on the day", await app.Cached(db.Meetings.Where(m => m.Day == new LocalDate(2024, 1, 1)).Select(m => m.Id)).ToListAsync());
                    app.Saw("at the time", await app.Cached(db.Meetings.Where(m => m.At == Instant.FromUtc(2024, 1, 1, 9, 0)).Select(m => m.Id)).ToListAsync());
                }

                await using (var db = app.Open<MeetingsContext>())
                {
                    var meeting = await db.Meetings.SingleAsync(m => m.Id == 1);
                    meeting.Day = meeting.Day.PlusDays(1);
                    meeting.At = meeting.At.Plus(Duration.FromDays(1));
                    await db.SaveChangesAsync();
                }

                await using var after = app.Open<MeetingsContext>();
                app.Saw("on the day", await app.Cached(after.Meetings.Where(m => m.Day == new LocalDate(2024, 1, 1)).Select(m => m.Id)).ToListAsync());
                app.Saw("at the time", await app.Cached(after.Meetings.Where(m => m.At == Instant.FromUtc(2024, 1, 1, 9, 0)).Select(m => m.Id)).ToListAsync());
            }
        },
    }.With(npgsql: npgsql => npgsql.UseNodaTime());
}

public sealed class MeetingsContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<Meeting> Meetings => Set<Meeting>();

    public static Task SeedAsync(MeetingsContext db)
    {
        db.AddRange(Enumerable.Range(1, 3).Select(i => new Meeting
        {
            At = Instant.FromUtc(2024, 1, i, 9, 0),
            Zoned = Instant.FromUtc(2024, 1, i, 9, 0).InUtc(),
            Offset = Instant.FromUtc(2024, 1, i, 9, 0).WithOffset(Offset.Zero),
            Local = new LocalDateTime(2024, 1, i, 9, 0),
            Day = new LocalDate(2024, 1, i),
            Time = new LocalTime(8 + i, 0),
            Every = Period.FromDays(i),
            Length = Duration.FromHours(i),
            Days = new DateInterval(new LocalDate(2024, 1, 1), new LocalDate(2024, 1, i)),
            Open = new Interval(Instant.FromUtc(2024, 1, 1, 0, 0), Instant.FromUtc(2024, 1, i, 9, 0)),
        }));
        return db.SaveChangesAsync();
    }
}

public sealed record Meeting
{
    public int Id { get; set; }

    public Instant At { get; set; }

    public ZonedDateTime Zoned { get; set; }

    public OffsetDateTime Offset { get; set; }

    public LocalDateTime Local { get; set; }

    public LocalDate Day { get; set; }

    public LocalTime Time { get; set; }

    public Period? Every { get; set; }

    public Duration Length { get; set; }

    public DateInterval? Days { get; set; }

    public Interval Open { get; set; }
}
