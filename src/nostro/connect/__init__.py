"""Connect: the accounts of a platform, what is known of them and what they may do."""
