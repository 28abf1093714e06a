"""What each merchant has: balances, balance transactions, and when money becomes available."""
