using System.Collections;
using EfSecondLevelCache.IntegrationTests.Support;
using Microsoft.EntityFrameworkCore;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;

namespace EfSecondLevelCache.CompatibilityTests.Harness;

/// <summary>A class of tests whose scenarios run on the same kind of database.</summary>
public interface IScenarios
{
    static abstract Scenarios All { get; }

    /// <summary>Whether they run only where somebody asks for them (<c>-explicit</c>).</summary>
    static virtual bool AreExplicit => false;
}

/// <summary>Scenarios with the database that each of their runs gets a copy of. Add one with a line <c>{ "name", async app => ... }</c>.</summary>
public abstract class Scenarios : IEnumerable<Scenario>
{
    private readonly List<Scenario> _scenarios = [];

    private protected Scenarios(string template, Func<App, DbContext> open, Func<DbContext, Task> seed)
        => (Template, Open, SeedAsync) = (template, open, seed);

    /// <summary>A name for the database, in lower case.</summary>
    public string Template { get; }

    /// <summary>Whose tables the change sources tell of.</summary>
    public Func<App, DbContext> Open { get; }

    public Func<DbContext, Task> SeedAsync { get; }

    /// <summary>What the application tells the provider.</summary>
    public Action<NpgsqlDbContextOptionsBuilder>? Npgsql { get; private set; }

    /// <summary>What the application tells EF Core.</summary>
    public Action<DbContextOptionsBuilder>? Options { get; private set; }

    /// <summary>Where the server can't run them, the reason.</summary>
    public Func<PostgresServer, Task<string?>>? WhyNotAsync { get; private set; }

    /// <summary>What all contexts of these scenarios are configured with, and the server they need.</summary>
    public Scenarios With(
        Action<NpgsqlDbContextOptionsBuilder>? npgsql = null,
        Action<DbContextOptionsBuilder>? options = null,
        Func<PostgresServer, Task<string?>>? whyNotAsync = null)
    {
        (Npgsql, Options, WhyNotAsync) = (npgsql, options, whyNotAsync);
        return this;
    }

    public void Add(string name, Func<App, Task> run) => Add(name, Expect.Hits, run);

    public void Add(string name, Expect expect, Func<App, Task> run) => _scenarios.Add(new Scenario(name, expect, run));

    public IEnumerator<Scenario> GetEnumerator() => _scenarios.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <typeparam name="TContext">Has the tables.</typeparam>
/// <param name="template">A name for the database, in lower case.</param>
/// <param name="seed">Is called once, for the database that is copied, which has the context's tables.</param>
public sealed class Scenarios<TContext>(string template, Func<TContext, Task>? seed = null)
    : Scenarios(template, app => app.Open<TContext>(), context => seed?.Invoke((TContext)context) ?? Task.CompletedTask)
    where TContext : DbContext;
