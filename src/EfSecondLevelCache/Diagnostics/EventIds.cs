namespace EfSecondLevelCache.Diagnostics;

/// <summary>The ids of the log events; they never change their meaning.</summary>
internal static class EventIds
{
    public const int Hit = 1;
    public const int Miss = 2;
    public const int Stored = 3;
    public const int Refused = 4;
    public const int TooLarge = 5;
    public const int StaleFillPrevented = 6;
    public const int Joined = 7;
    public const int Fault = 8;
    public const int Changed = 9;
    public const int ChangeFault = 10;
    public const int ManyCaches = 11;
    public const int SourceLive = 12;
    public const int SourceLost = 13;
    public const int NotCaptured = 14;
    public const int SourceFault = 15;
    public const int NotReadBack = 16;
    public const int BackgroundFault = 17;
    public const int CaptureOutdated = 18;
    public const int SwitchedOff = 19;
    public const int PublishFault = 30;
    public const int MalformedMessage = 31;
    public const int NodeSuspect = 32;
    public const int NodeRecovered = 33;
    public const int NodeLeft = 34;
    public const int Flush = 35;
    public const int BackplaneState = 36;
    public const int ConnectionRejected = 37;
    public const int SeveralDatabases = 38;
    public const int LeaseTaken = 40;
    public const int LeaseNotHeld = 41;
    public const int NodeFenced = 42;
    public const int Unconfirmed = 43;
}
