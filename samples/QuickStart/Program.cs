Console.WriteLine("EfSecondLevelCache");
