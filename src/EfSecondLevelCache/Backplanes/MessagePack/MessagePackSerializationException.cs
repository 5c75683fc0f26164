#pragma warning disable IDE0130
namespace MessagePack;

/// <summary>The bytes are not what the reader expects.</summary>
internal sealed class MessagePackSerializationException(string message, Exception? inner = null) : Exception(message, inner);
