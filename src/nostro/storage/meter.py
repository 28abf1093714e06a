"""What is counted of a server at work, for Prometheus. One a world, with a registry of its own.

Several workers on one host count together where `PROMETHEUS_MULTIPROC_DIR` was set before this module is imported
(`cli/server.py` does): each keeps its numbers in files of that directory, and whoever is asked adds them all up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from .unit import Unit

TOGETHER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNITS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MEMORY = "process_resident_memory_bytes"


class Meter:
    """The metrics by name; docs/operations/observability.md explains each."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._own = own
        self._together = bool(os.environ.get(TOGETHER))
        self.requests = Counter(
            "nostro_requests", "Requests answered.", ("route", "method", "status"), registry=own
        )  # fmt: skip
        self.seconds = Histogram(
            "nostro_request_seconds", "Time to answer.", ("route", "method"), registry=own, buckets=SECONDS
        )
        self.turned_away = Counter(
            "nostro_turned_away", "Requests refused by a limit (429) or shed (503).", ("by", "kind"), registry=own
        )
        self.in_flight = Gauge(
            "nostro_in_flight", "Requests under way.", registry=own, multiprocess_mode="livesum"
        )  # fmt: skip
        self.shed_level = Gauge(
            "nostro_shed_level", "0 sheds nothing, 3 everything.", registry=own, multiprocess_mode="livemax"
        )
        self.loop_late = Gauge(
            "nostro_event_loop_late_seconds", "How late the event loop was, at most, in the last second.",
            registry=own, multiprocess_mode="livemax",
        )  # fmt: skip
        self.memory = Gauge(
            "nostro_worker_memory_bytes", "Resident memory of each worker.", registry=own, multiprocess_mode="liveall"
        )
        self.commits = Counter("nostro_commits", "Units of work committed.", registry=own)
        self.group_seconds = Histogram(
            "nostro_commit_seconds", "Time of one group commit.", registry=own, buckets=SECONDS
        )
        self.group_units = Histogram("nostro_commit_units", "Units in one group commit.", registry=own, buckets=UNITS)
        self.events = Counter("nostro_events", "Events recorded.", registry=own)
        self.entries = Counter("nostro_ledger_entries", "Ledger entries booked.", registry=own)
        self.jobs = Counter("nostro_jobs", "Jobs run.", ("kind", "outcome"), registry=own)
        self.deliveries = Counter("nostro_deliveries", "Webhooks sent.", ("outcome",), registry=own)
        self.delivery_seconds = Histogram(
            "nostro_delivery_seconds", "Time until a webhook was answered.", registry=own, buckets=SECONDS
        )
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._process = ProcessCollector(registry=None)
        if not self._together:
            own.register(self._process)
            PlatformCollector(own)
            GCCollector(own)

    def answered(self, route: str, method: str, status: int, micros: int) -> None:
        """On the path of every request: what the labels stand for is looked up once."""
        known = self._answered.get((route, method, status))
        if known is None:
            known = (self.requests.labels(route, method, str(status)), self.seconds.labels(route, method))
            self._answered[route, method, status] = known
        known[0].inc()
        known[1].observe(micros / 1_000_000)

    def committed(self, units: Sequence[Unit], micros: int) -> None:
        """One group commit, of the units that were not refused."""
        self.commits.inc(len(units))
        self.group_seconds.observe(micros / 1_000_000)
        self.group_units.observe(len(units))
        self.events.inc(sum(write.table == "event" and write.read == 0 for unit in units for write in unit.writes))
        self.entries.inc(sum(len(unit.entries) for unit in units))

    def sample(self, in_flight: int, level: float, late: int) -> None:
        """Once a second, what has no history of its own. `late` is microseconds."""
        self.in_flight.set(in_flight)
        self.shed_level.set(level)
        self.loop_late.set(late / 1_000_000)
        for metric in self._process.collect():
            if metric.name == MEMORY:
                self.memory.set(metric.samples[0].value)

    def text(self) -> bytes:
        """In Prometheus' format; of all workers of this host, if they count together. Takes milliseconds."""
        if not self._together:
            return generate_latest(self._own)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)
