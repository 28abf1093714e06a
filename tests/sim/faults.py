"""What was injected, by kind, and how often."""

from __future__ import annotations

from collections import Counter

KINDS = {
    "power lost while idle": "before a commit was begun",
    "power lost while writing": "inside a commit, before its sync",
    "power lost while syncing": "inside the sync of a commit",
    "power lost after the sync": "committed, and nobody was answered",
    "killed while idle": "kill -9; what the system had cached is still there",
    "killed while writing": "the same inside a commit",
    "killed while syncing": "the same inside the sync",
    "killed after the sync": "the same between commit and answer",
    "restart": "stopped in order and started again",
    "write torn by power loss": "a write that was not synced is there in part",
    "write lost by power loss": "a write that was not synced is not there",
    "disk full": "a write answers SQLITE_FULL, after a first part of it was written",
    "write error": "a write answers SQLITE_IOERR",
    "sync error": "a sync answers SQLITE_IOERR_FSYNC; some of what it should have kept never gets to the disk",
    "read error": "a read answers SQLITE_IOERR",
    "slow disk": "a commit takes up to two seconds",
    "answer lost": "the client hung up before the answer and asks again with its key",
    "request repeated": "the same key sent again after its answer",
    "request doubled": "one key sent twice at once",
    "network silent": "the card network decided, and its answer was lost",
    "network asked twice": "the same question again must give the same answer",
    "receiver down": "connection refused",
    "receiver slow": "an answer after seconds, or after the sender's patience",
    "receiver error": "500",
    "receiver's answer lost": "received, and the connection ends before the answer",
    "receiver got it twice": "the same delivery arrives again by itself",
    "clock jumped": "the machine's time leaps by up to eight days",
    "sandbox advanced": "one sandbox's time is moved through all that falls due",
    "letter carried twice": "an answer of the bank or a statement is handed in again",
    "letter out of turn": "an answer or a statement is handed in before those that came before it",
    "statement line spoiled": "the bank's statement has a line wrong, missing, twice or of a stranger",
    "connection cut": "PostgreSQL: a connection ends before its statements arrive",
    "answer cut": "PostgreSQL: the statements arrive, the connection ends before the answer",
    "backend terminated": "PostgreSQL: pg_terminate_backend on all connections",
    "serialization failure": "PostgreSQL: a commit answers 40001",
}


class Faults(Counter[str]):
    def note(self, kind: str) -> None:
        assert kind in KINDS, f"{kind} is not in the table of faults"
        self[kind] += 1
