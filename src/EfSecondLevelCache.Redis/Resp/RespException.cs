namespace EfSecondLevelCache.Redis.Resp;

/// <summary>The server refused a command, or did not speak RESP.</summary>
internal sealed class RespException(string message) : Exception(message);
