namespace QuickStart;

/// <summary>Something that the user has to put right; the message says what and how.</summary>
internal sealed class UsageException(string message) : Exception(message);
