namespace QuickStart;

/// <summary>How large the shop is, and where a rank of popularity is found in it. Everything follows from the number of products.</summary>
internal sealed record ShopSize(int Products)
{
    public const int PageSize = 20;

    public int Categories => Math.Max(1, Products / 500);

    public int OrderLines => Products * 10;

    public int PagesOfACategory => Math.Max(1, Products / Categories / PageSize);

    /// <summary>
    /// Rank 0 is the most popular. Multiplying by a prime larger than any number of products spreads the popular ones over the
    /// table and its pages on disk, as time would.
    /// </summary>
    public int ProductAt(int rank) => 1 + (int)(rank * 2_147_483_647L % Products);

    public int CategoryOf(int product) => 1 + product % Categories;

    public int CategoryAt(int rank) => CategoryOf(ProductAt(rank));

    /// <summary>The first pages are the popular ones.</summary>
    public int PageAt(int rank) => (int)((long)rank * PagesOfACategory / Products);
}
