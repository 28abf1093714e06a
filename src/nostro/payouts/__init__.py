"""Sending merchants' money to their banks."""
