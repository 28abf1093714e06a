"""Measure Nostro: `python -m bench` (rates and latency beside a peer), `python -m bench.profile` (where time goes)."""
