"""What stands in for the world outside while somebody develops: a bank that takes the files of sandboxes."""
