using System.Text;
using EfSecondLevelCache.Catalog;
using EfSecondLevelCache.IntegrationTests.Support;
using EfSecondLevelCache.Values;
using Npgsql;

namespace EfSecondLevelCache.IntegrationTests.Catalog;

/// <summary>Random schemas, random writes: whatever a write changed in the database, the catalog said that it would.</summary>
public sealed class WriteReachPropertyTests(WriteReachPropertyTests.Database database, ITestOutputHelper output)
    : IClassFixture<WriteReachPropertyTests.Database>
{
    private const int Tables = 6;
    private const int Writes = 60;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Every_relation_that_a_write_changes_is_reached(int seed)
    {
        var random = new Random(seed);
        var schema = $"random_{seed}";
        var definition = DefineSchema(random);
        await using var connection = await database.OpenAsync($"CREATE SCHEMA {schema}; SET search_path = {schema}; {definition}");
        var (catalog, session) = await CatalogDatabase.ReadAsync(connection);
        var relations = new List<Relation>();
        await foreach (var name in NamesAsync(connection, schema))
            relations.Add(catalog.Resolve(new(schema, name), session)!);

        var (succeeded, bounded, reached, changedTables) = (0, 0, 0, 0);
        for (var i = 0; i < Writes; i++)
        {
            var target = relations[random.Next(relations.Count)];
            var (sql, operations, columns) = Write(random, target);
            await using var transaction = await connection.BeginTransactionAsync();
            var before = await ContentsAsync(connection, relations);
            try
            {
                await database.ExecuteAsync(connection, sql);
            }
            catch (PostgresException)
            {
                continue; // A constraint stands against it.
            }

            var after = await ContentsAsync(connection, relations);
            var changed = relations.Where(relation => before[relation] != after[relation]).ToList();
            succeeded += changed.Count > 0 ? 1 : 0;
            var reach = catalog.ReachOf(target, operations, columns);
            if (reach.MayWriteElsewhere)
                continue;
            bounded += changed.Count > 0 ? 1 : 0;
            reached += changed.Count > 0 ? reach.Relations.Count(relation => relation.Kind != RelationKind.View) : 0;
            changedTables += changed.Count(relation => relation.Kind != RelationKind.View);
            foreach (var relation in changed)
            {
                Assert.True(
                    catalog.ReadsOf(relation, session).Relations.Any(reach.Relations.Contains),
                    $"{sql} changed {relation}, but was said to reach only {string.Join(", ", reach.Relations)}. In\n{definition}");
            }
        }

        output.WriteLine(
            $"{succeeded} of {Writes} writes changed something; {bounded} ran no code: {changedTables} of the {reached} tables reached");
        Assert.True(bounded > Writes / 6, $"Only {bounded} of {Writes} writes changed something and ran no code. In\n{definition}");
    }

    private static string DefineSchema(Random random)
    {
        var sql = new StringBuilder();
        var plain = new List<int>();
        for (var i = 0; i < Tables; i++)
        {
            switch (random.Next(10))
            {
                case < 3:
                    sql.AppendLine($"CREATE TABLE t{i} (id int PRIMARY KEY, k int, ref_0 int, ref_1 int, n int) PARTITION BY RANGE (id);");
                    sql.AppendLine($"CREATE TABLE t{i}_a PARTITION OF t{i} FOR VALUES FROM (0) TO (50) PARTITION BY RANGE (id);");
                    sql.AppendLine($"CREATE TABLE t{i}_a1 PARTITION OF t{i}_a FOR VALUES FROM (0) TO (25);");
                    sql.AppendLine($"CREATE TABLE t{i}_a2 PARTITION OF t{i}_a DEFAULT;");
                    sql.AppendLine($"CREATE TABLE t{i}_b PARTITION OF t{i} DEFAULT;");
                    break;
                case < 5 when plain.Count > 0:
                    sql.AppendLine($"CREATE TABLE t{i} (PRIMARY KEY (id), UNIQUE (k)) INHERITS (t{plain[random.Next(plain.Count)]});");
                    plain.Add(i);
                    break;
                default:
                    sql.AppendLine($"CREATE TABLE t{i} (id int PRIMARY KEY, k int UNIQUE, ref_0 int, ref_1 int, n int);");
                    plain.Add(i);
                    break;
            }

            sql.AppendLine($"CREATE VIEW v{i} AS SELECT id, k, ref_0, ref_1, n FROM t{i} WHERE id > 5;");
            sql.AppendLine(
                $"INSERT INTO t{i} (id, k, n) SELECT id, id + 1000, 0 "
                + $"FROM generate_series({random.Next(10)}, 99, {random.Next(5, 12)}) id;");
        }

        var constraints = new StringBuilder();
        for (var i = 0; i < Tables * 3 / 2; i++)
        {
            var (from, to, column) = (i % Tables, random.Next(Tables), $"ref_{i / Tables}");
            var key = plain.Contains(to) && random.Next(3) == 0 ? "k" : "id";
            var only = plain.Contains(to) ? "ONLY " : "";
            sql.AppendLine(
                $"UPDATE t{from} SET {column} = (SELECT p.{key} FROM {only}t{to} p "
                + $"ORDER BY md5((t{from}.id * {i} + p.{key})::text) LIMIT 1);");
            constraints.AppendLine(
                $"ALTER TABLE t{from} ADD FOREIGN KEY ({column}) REFERENCES t{to} ({key}) "
                + $"ON DELETE {Action(random)} ON UPDATE {Action(random)};");
        }

        constraints.AppendLine(
            """
            CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := NEW.n + 1; RETURN NEW; END';
            CREATE FUNCTION writes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE t0 SET n = n + 1; RETURN NULL; END';
            """);
        constraints.AppendLine($"CREATE TRIGGER c BEFORE UPDATE ON t{random.Next(Tables)} FOR EACH ROW EXECUTE FUNCTION counts();");
        constraints.AppendLine(
            $"CREATE TRIGGER w AFTER {(random.Next(2) == 0 ? "DELETE" : "UPDATE OF k")} ON t{random.Next(Tables)} "
            + "FOR EACH ROW WHEN (pg_trigger_depth() < 3) EXECUTE FUNCTION writes();");
        return sql.Append(constraints).ToString();
    }

    private static string Action(Random random) => random.Next(8) switch
    {
        < 3 => "CASCADE",
        < 5 => "SET NULL",
        5 => "SET DEFAULT",
        6 => "RESTRICT",
        _ => "NO ACTION",
    };

    private static (string Sql, WriteOperations Operations, ColumnSet? Columns) Write(Random random, Relation target)
    {
        var rows = $"WHERE id % {random.Next(1, 4)} = 0";
        return random.Next(10) switch
        {
            < 2 => ($"UPDATE {target} SET n = n + 1 {rows}", WriteOperations.Update, ColumnSet.Of("n")),
            2 => ($"UPDATE {target} SET ref_0 = NULL {rows}", WriteOperations.Update, ColumnSet.Of("ref_0")),
            3 => ($"UPDATE {target} SET k = k + 5000 {rows}", WriteOperations.Update, ColumnSet.Of("k")),
            4 => ($"UPDATE {target} SET id = (id + 47) % 1000 {rows}", WriteOperations.Update, ColumnSet.Of("id")),
            5 => ($"UPDATE {target} SET id = id + 200, k = k + 1 {rows}", WriteOperations.Update, null),
            < 8 => ($"DELETE FROM {target} {rows}", WriteOperations.Delete, null),
            8 when target.Kind != RelationKind.View => ($"TRUNCATE {target} CASCADE", WriteOperations.Truncate, null),
            _ => (
                $"INSERT INTO {target} (id, k, n) SELECT id, id + 7000, 0 FROM generate_series(1, 99, {random.Next(3, 20)}) id",
                WriteOperations.Insert,
                null),
        };
    }

    private static async IAsyncEnumerable<string> NamesAsync(NpgsqlConnection connection, string schema)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT relname FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1",
            connection);
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
            yield return rows.GetString(0);
    }

    private static async Task<Dictionary<Relation, string>> ContentsAsync(NpgsqlConnection connection, IReadOnlyList<Relation> relations)
    {
        await using var command = new NpgsqlCommand(
            string.Join(
                " UNION ALL ",
                relations.Select((relation, i) =>
                    $"SELECT {i}, coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') FROM {relation} t")),
            connection);
        var contents = new Dictionary<Relation, string>();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
            contents.Add(relations[rows.GetInt32(0)], rows.GetString(1));
        return contents;
    }

    public sealed class Database(PostgresServer server) : CatalogDatabase(server, "SELECT 1");
}
