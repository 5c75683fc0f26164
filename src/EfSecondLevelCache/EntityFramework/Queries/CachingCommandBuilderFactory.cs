using Microsoft.EntityFrameworkCore.Storage;

namespace EfSecondLevelCache.EntityFramework.Queries;

/// <summary>The stock builders with another last step.</summary>
internal sealed class CachingCommandBuilderFactory(RelationalCommandBuilderDependencies dependencies)
    : RelationalCommandBuilderFactory(dependencies)
{
    public override IRelationalCommandBuilder Create() => new Builder(Dependencies);

    private sealed class Builder(RelationalCommandBuilderDependencies dependencies) : RelationalCommandBuilder(dependencies)
    {
        public override IRelationalCommand Build()
        {
            var command = base.Build();
            return new CachingCommand(Dependencies, command.CommandText, command.LogCommandText, Parameters);
        }
    }
}
