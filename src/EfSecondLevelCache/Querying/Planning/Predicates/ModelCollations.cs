using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Metadata.Conventions;
using Microsoft.EntityFrameworkCore.Metadata.Conventions.Infrastructure;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata.Internal;

namespace EfSecondLevelCache.Querying.Planning.Predicates;

/// <summary>
/// Notes which columns have a collation of their own, before EF Core makes the model that it runs with and drops them from it. Under a
/// collation 'abc' may equal 'ABC'. A model that was not built with us (a compiled one) tells nothing: any text may have one.
/// </summary>
internal sealed class ModelCollations : IConventionSetPlugin, IModelFinalizedConvention
{
    private const string Known = "EfSecondLevelCache:CollationsKnown";
    private const string Named = "EfSecondLevelCache:Collation";

    /// <summary>Before the conventions that make the other model.</summary>
    public ConventionSet ModifyConventions(ConventionSet conventionSet)
    {
        conventionSet.ModelFinalizedConventions.Insert(0, this);
        return conventionSet;
    }

    public IModel ProcessModelFinalized(IModel model)
    {
#pragma warning disable CS0618 // Obsolete, and still obeyed.
        if (model.FindAnnotation(NpgsqlAnnotationNames.DefaultColumnCollation) is not null)
            return model;
#pragma warning restore CS0618
        foreach (var property in model.GetEntityTypes().SelectMany(type => type.GetFlattenedProperties()))
        {
            if (property.GetCollation() is { } collation)
                property.SetRuntimeAnnotation(Named, collation);
        }

        model.SetRuntimeAnnotation(Known, true);
        return model;
    }

    public static bool MayNameOneFor(IColumnBase column)
        => column.Table.Model.Model.FindRuntimeAnnotation(Known) is null
            || column.PropertyMappings.Any(mapping => mapping.Property.FindRuntimeAnnotation(Named) is not null);
}
