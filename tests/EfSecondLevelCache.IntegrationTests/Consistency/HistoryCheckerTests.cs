namespace EfSecondLevelCache.IntegrationTests.Consistency;

/// <summary>Histories made by hand: row a of group 1 begins with value 1; times are small numbers.</summary>
public sealed class HistoryCheckerTests
{
    private static readonly Key A = new("accounts", 1);
    private static readonly Key B = new("accounts", 2);

    private readonly Dictionary<Key, Image> _initial = new() { [A] = new(1, 1), [B] = new(1, 2) };
    private readonly List<Write> _writes = [];
    private readonly List<Commit> _commits = [];

    [Fact]
    public void A_read_after_a_write_sees_it()
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Accepted(201, 210, Claim.Row(A, new(1, 10)));
        Rejected(201, 210, Claim.Row(A, new(1, 1)), "had left that state");
        Rejected(201, 210, Claim.Row(A, null), "never committed");
    }

    [Fact]
    public void A_read_before_a_write_does_not_see_it()
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Accepted(50, 90, Claim.Row(A, new(1, 1)));
        Rejected(50, 90, Claim.Row(A, new(1, 10)), "only after");
    }

    [Theory]
    [InlineData(50, 100)]
    [InlineData(150, 160)]
    [InlineData(200, 300)]
    [InlineData(50, 300)]
    public void A_read_that_meets_a_write_may_see_it_or_not(long from, long to)
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Accepted(from, to, Claim.Row(A, new(1, 1)));
        Accepted(from, to, Claim.Row(A, new(1, 10)));
    }

    [Fact]
    public void Of_writes_at_the_same_time_the_log_tells_the_later_one()
    {
        Wrote(A, new(1, 10), from: 100, to: 300);
        Wrote(A, new(1, 11), from: 100, to: 200);

        // The second has returned, so the first one, which it overwrote, is gone too, although its call has not returned.
        Rejected(201, 210, Claim.Row(A, new(1, 1)), "had left that state");
        Rejected(201, 210, Claim.Row(A, new(1, 10)), "had left that state");
        Accepted(201, 210, Claim.Row(A, new(1, 11)));
    }

    [Fact]
    public void A_later_write_that_returned_first_does_not_hide_that_the_earlier_one_may_be_read()
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Wrote(A, new(1, 11), from: 100, to: 300);
        Accepted(201, 210, Claim.Row(A, new(1, 10)));
        Accepted(201, 210, Claim.Row(A, new(1, 11)));
        Rejected(301, 310, Claim.Row(A, new(1, 10)), "had left that state");
    }

    /// <summary>The write that took it away has not returned; the one after it has, and found the row elsewhere.</summary>
    [Fact]
    public void A_row_may_be_seen_in_its_group_until_the_write_returns_that_moved_it_away()
    {
        Wrote(A, new(2, 10), from: 100, to: 400);
        Wrote(A, new(3, 11), from: 200, to: 300);

        Accepted(310, 320, InGroup(1, (A, new(1, 1)), (B, new(1, 2))));
        Accepted(310, 320, InGroup(1, (B, new(1, 2))));
        Rejected(410, 420, InGroup(1, (A, new(1, 1)), (B, new(1, 2))), "had left that state");
        // Of the groups that the second one wrote it tells.
        Rejected(310, 320, InGroup(2, (A, new(2, 10))), "had left that state");
        Rejected(310, 320, InGroup(3), "had left that state");
        Rejected(310, 320, Claim.Row(A, new(1, 1)), "had left that state");

        static Claim InGroup(long group, params (Key, Image)[] rows)
            => Claim.All($"group {group}", "accounts", new(Group: group), rows);
    }

    [Fact]
    public void A_value_that_was_rolled_back_is_read_by_nobody()
    {
        Noted([10], 100, 200, Outcome.RolledBack);
        Rejected(150, 300, Claim.Row(A, new(1, 10)), "never committed");
        Accepted(150, 300, Claim.Row(A, new(1, 1)));
    }

    [Fact]
    public void A_write_with_unknown_outcome_is_promised_to_nobody_but_overwritten_like_any_other()
    {
        Wrote(A, new(1, 10), from: 100, to: 200, Outcome.Unknown);
        Noted([11], 100, 200, Outcome.Unknown);
        Accepted(500, 510, Claim.Row(A, new(1, 1)));
        Accepted(500, 510, Claim.Row(A, new(1, 10)));
        Rejected(500, 510, Claim.Row(A, new(1, 11)), "never committed");
        Wrote(A, new(1, 12), from: 600, to: 700);
        Rejected(701, 710, Claim.Row(A, new(1, 10)), "had left that state");
    }

    [Fact]
    public void A_write_whose_answer_was_lost_is_promised_if_it_was_committed()
    {
        Wrote(A, new(1, 10), from: 100, to: 200, Outcome.Unheard);
        Noted([11], 300, 400, Outcome.Unheard);
        Rejected(201, 210, Claim.Row(A, new(1, 1)), "had left that state");
        Accepted(401, 410, Claim.Row(A, new(1, 10)));
    }

    [Fact]
    public void A_row_of_two_moments_never_was()
    {
        Wrote(A, new(2, 10), from: 100, to: 200);
        Rejected(150, 300, Claim.Row(A, new(1, 10)), "never committed");
    }

    [Fact]
    public void A_row_that_moved_is_in_its_new_group_and_not_in_its_old_one()
    {
        Wrote(A, new(2, 10), from: 100, to: 200);
        Accepted(201, 210, Group(1, (B, new(1, 2))));
        Accepted(201, 210, Group(2, (A, new(2, 10))));
        Rejected(201, 210, Group(1, (A, new(1, 1)), (B, new(1, 2))), "had left that state");
        Rejected(201, 210, Group(2), "had left that state");
        Accepted(150, 160, Group(2));
        Rejected(201, 210, Group(2, (A, new(2, 10)), (new Key("accounts", 9), new(2, 9))), "No write");
    }

    [Fact]
    public void A_deleted_row_is_gone_and_comes_back()
    {
        Deleted(A, from: 100, to: 200);
        Wrote(A, new(1, 10), from: 300, to: 400);
        Accepted(201, 210, Claim.Row(A, null));
        Rejected(201, 210, Claim.Row(A, new(1, 1)), "had left that state");
        Rejected(401, 410, Claim.Row(A, null), "had left that state");
        Rejected(401, 410, Group(1, (B, new(1, 2))), "had left that state");
    }

    [Fact]
    public void Deletes_at_the_same_time_claim_no_more_than_is_certain()
    {
        // Deleted, made anew, deleted; which of the two deletes was the first is not known.
        _writes.Add(new Write("late", [], A, 100, 500, Outcome.Committed));
        _writes.Add(new Write("early", [], A, 100, 200, Outcome.Committed));
        _writes.Add(new Write("insert", [10], null, 100, 300, Outcome.Committed));
        _commits.AddRange([new([(A, null)]), new([(A, new(1, 10))]), new([(A, null)])]);
        Rejected(201, 210, Claim.Row(A, new(1, 1)), "had left that state");
        Accepted(301, 310, Claim.Row(A, new(1, 10)));
        Accepted(301, 310, Claim.Row(A, null));
        Rejected(501, 510, Claim.Row(A, new(1, 10)), "had left that state");
    }

    [Fact]
    public void A_cascade_belongs_to_the_delete_that_caused_it()
    {
        var group = new Key("groups", 1);
        _writes.Add(new Write("delete", [], group, 100, 200, Outcome.Committed));
        _commits.Add(new([(group, null), (A, null), (B, null)]));
        Accepted(201, 210, Group(1));
        Rejected(201, 210, Group(1, (B, new(1, 2))), "had left that state");
    }

    [Fact]
    public void A_transaction_is_promised_as_a_whole()
    {
        _writes.Add(new Write("both", [10, 11], null, 100, 200, Outcome.Committed));
        _commits.Add(new([(A, new(1, 10)), (B, new(1, 11))]));
        Rejected(201, 210, Group(1, (A, new(1, 10)), (B, new(1, 2))), "accounts 2 had left that state");
    }

    [Fact]
    public void A_sum_is_of_states_that_were_possible()
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Wrote(B, new(1, 20), from: 150, to: 250);
        Accepted(201, 210, Sum(10 + 2));
        Accepted(201, 210, Sum(10 + 20));
        Rejected(201, 210, Sum(1 + 20), "add up to 12 or 30, not to 21");
        Rejected(251, 260, Sum(10 + 2), "add up to 30, not to 12");
    }

    [Fact]
    public void A_page_tells_of_the_rows_before_and_after_it()
    {
        var c = new Key("accounts", 3);
        _initial[c] = new(1, 3);
        Wrote(A, new(1, 10), from: 100, to: 200);

        // By value, the newest first: a (10), c (3), b (2).
        Accepted(201, 210, Page(skip: 1, take: 1, (c, new(1, 3))));
        Accepted(201, 210, Page(skip: 1, take: 5, (c, new(1, 3)), (B, new(1, 2))));
        Rejected(201, 210, Page(skip: 0, take: 1, (c, new(1, 3))), "add up to 1, not to 0");
        Rejected(201, 210, Page(skip: 1, take: 2, (c, new(1, 3))), "accounts 2");
        Rejected(201, 210, Page(skip: 0, take: 2, (A, new(1, 10)), (B, new(1, 2))), "accounts 3");
    }

    [Fact]
    public void On_another_node_a_read_may_be_as_old_as_the_bound()
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Accepted(201, 210, Claim.Row(A, new(1, 1)), node: 1, bound: 50);
        Accepted(250, 260, Claim.Row(A, new(1, 1)), node: 1, bound: 50);
        Rejected(251, 260, Claim.Row(A, new(1, 1)), "had left that state", node: 1, bound: 50);
        Accepted(251, 260, Claim.Row(A, new(1, 10)), node: 1, bound: 50);
    }

    [Fact]
    public void On_its_own_node_a_write_is_seen_at_once_whatever_the_bound()
    {
        Wrote(A, new(1, 10), from: 100, to: 200);
        Rejected(201, 210, Claim.Row(A, new(1, 1)), "had left that state", node: 0, bound: 50);
        Wrote(A, new(1, 11), from: 220, to: 230, node: 1);
        // Of its own write a node knows that what was before it is gone, whoever wrote that.
        Rejected(231, 240, Claim.Row(A, new(1, 10)), "had left that state", node: 1, bound: 50);
        Accepted(231, 240, Claim.Row(A, new(1, 10)), node: 0, bound: 50);
        Rejected(231, 240, Claim.Row(A, new(1, 1)), "had left that state", node: 0, bound: 50);
    }

    [Fact]
    public void A_bound_excuses_no_value_that_was_rolled_back_or_that_is_yet_to_come()
    {
        Noted([10], 100, 200, Outcome.RolledBack);
        Wrote(A, new(1, 11), from: 300, to: 400);
        Rejected(150, 160, Claim.Row(A, new(1, 10)), "never committed", node: 1, bound: 1_000);
        Rejected(150, 160, Claim.Row(A, new(1, 11)), "only after", node: 1, bound: 1_000);
    }

    [Fact]
    public void A_history_that_contradicts_the_log_is_refused()
    {
        Noted([10], 100, 200, Outcome.Committed);
        Assert.Throws<InvalidOperationException>(() => new HistoryChecker(_initial, _writes, _commits));
        _writes.Clear();
        Wrote(A, new(1, 10), from: 100, to: 200, Outcome.RolledBack);
        Assert.Throws<InvalidOperationException>(() => new HistoryChecker(_initial, _writes, _commits));
    }

    private static Claim Group(long id, params (Key, Image)[] rows) => Claim.All($"group {id}", "accounts", new(Group: id), rows);

    private static Claim Sum(long total) => Claim.Sum("sum", "accounts", new(), total);

    private static Claim Page(int skip, int take, params (Key, Image)[] rows) => Claim.Page("page", "accounts", new(), skip, take, rows);

    private void Wrote(Key key, Image image, long from, long to, Outcome outcome = Outcome.Committed, int node = 0)
    {
        Noted([image.Value], from, to, outcome, node);
        _commits.Add(new([(key, image)]));
    }

    private void Deleted(Key key, long from, long to)
    {
        _writes.Add(new Write("delete", [], key, from, to, Outcome.Committed));
        _commits.Add(new([(key, null)]));
    }

    private void Noted(long[] values, long from, long to, Outcome outcome, int node = 0)
        => _writes.Add(new Write("write", values, null, from, to, outcome, node));

    private void Accepted(long from, long to, Claim claim, int node = 0, long bound = 0) => Assert.Null(Check(from, to, claim, node, bound));

    private void Rejected(long from, long to, Claim claim, string because, int node = 0, long bound = 0)
        => Assert.Contains(because, $"{Check(from, to, claim, node, bound)}");

    private Violation? Check(long from, long to, Claim claim, int node, long bound)
        => new HistoryChecker(_initial, _writes, _commits, bound).Check(new Read("read", from, to, [claim], node));
}
