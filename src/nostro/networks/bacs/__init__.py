"""Bacs: files of direct credits, direct debits and their instructions (`standard18`), what comes back (`reports`), and
why (`codes`)."""
