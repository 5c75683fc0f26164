using EfSecondLevelCache.IntegrationTests.Support;

[assembly: AssemblyFixture(typeof(PostgresServer))]
