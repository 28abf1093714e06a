"""A marketplace's month from the first seller to the closed books: see `month.py` and docs/guides/."""
