"""Pure values that every room shares: money, ids, time, errors, lives, resources. Imports nothing of ours."""
