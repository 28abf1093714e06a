"""Payment methods, one file each."""
