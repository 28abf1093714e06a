"""The command line: run a server, look into its books, cause events, watch what happens."""
