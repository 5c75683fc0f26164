using System.Data.Common;

namespace EfSecondLevelCache.Results;

/// <summary>Reads the rows of a live reader into a result, as long as that is possible and they are not too many.</summary>
internal static class ResultCapture
{
    /// <summary>
    /// Reads all rows. Where the result can't be had, the rows read so far are served, and then the live reader goes on: nothing is
    /// lost, nothing comes twice. What the live reader throws when it advances, a cancellation too, comes out of here.
    /// </summary>
    /// <param name="async">Whether to wait for rows asynchronously; if not, the task returned is complete.</param>
    /// <param name="reader">Positioned before its first row.</param>
    /// <param name="layout">Of the query's columns.</param>
    /// <param name="maxBytes">The most that the result may take.</param>
    /// <param name="maxRows">The most rows that it may have.</param>
    /// <param name="cancellationToken">For the asynchronous reads.</param>
    public static async ValueTask<Capture> CaptureAsync(
        bool async, DbDataReader reader, RowLayout layout, long maxBytes, int? maxRows, CancellationToken cancellationToken)
    {
        if (reader.FieldCount != layout.Columns.Length)
            return Capture.PassedThrough(CaptureOutcome.OtherColumns, reader);

        var columns = layout.ColumnsOf(reader);
        var rows = new ResultBuilder(layout);
        while (async ? await reader.ReadAsync(cancellationToken).ConfigureAwait(false) : reader.Read())
        {
            if (rows.Rows == maxRows)
                return GoOnAtThisRow(CaptureOutcome.TooManyRows);

            try
            {
                rows.Add(reader);
            }
            catch (Exception exception)
            {
                return GoOnAtThisRow(CaptureOutcome.UnreadableValue, exception);
            }

            if (rows.Bytes > maxBytes)
            {
                rows.RemoveLast();
                return GoOnAtThisRow(CaptureOutcome.TooManyBytes);
            }
        }

        var result = rows.Build(columns);
        return (async ? await reader.NextResultAsync(cancellationToken).ConfigureAwait(false) : reader.NextResult())
            ? Capture.PassedThrough(CaptureOutcome.MoreResultSets, PrefixedDataReader.ContinuingWithNextResult(result, reader))
            : Capture.Complete(result);

        Capture GoOnAtThisRow(CaptureOutcome outcome, Exception? fault = null)
            => Capture.PassedThrough(outcome, PrefixedDataReader.ContinuingWithCurrentRow(rows.Build(columns), reader), fault);
    }
}
