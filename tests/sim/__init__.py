"""The whole system under faults that follow from one seed: see `simulation.py` and docs/operations/faults.md."""
