"""The only room that speaks to a database driver."""
