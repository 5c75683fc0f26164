namespace EfSecondLevelCache.Values;

/// <summary>What the application says of the values of a type that is read from the database, or sent to it.</summary>
/// <param name="Type">As Npgsql has it, ahead of a value converter.</param>
/// <param name="Copy">A <c>Func&lt;T, T&gt;</c>; null: nobody changes them.</param>
/// <param name="Bytes">A <c>Func&lt;T, long&gt;</c>; null: they are measured.</param>
internal sealed record TypeRule(Type Type, Delegate? Copy, Delegate? Bytes);
