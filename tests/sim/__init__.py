"""The whole system under faults that follow from one seed. `simulation.py` tells the story; see docs/operations/faults.md."""
