"""Double entry: the only way money moves."""
