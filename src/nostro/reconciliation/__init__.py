"""Proof that the bank agrees: statements, what their lines belong to, what does not fit, and days that are closed."""
