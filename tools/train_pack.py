"""Train the dictionary that copies are packed with (storage/pack.py) on the objects in some databases.

    python tools/train_pack.py --output src/nostro/storage/pack_2.dict DATABASE.db ...

Databases in which everything has happened are those that the tests leave behind (`pytest --basetemp DIRECTORY`).
A dictionary that was used must never change: train a new one under the next number.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import apsw
import msgspec
import zstandard

from nostro.events.event import EventRecord
from nostro.storage.body import whole
from nostro.storage.pack import unpacked

SIZE = 32 * 1024
MOST_OF_A_KIND = 200  # so that rare objects count too, while common ones count most


def samples(database: Path) -> list[tuple[str, bytes]]:
    """What is packed in a database: the copies in its events, and answers kept for their idempotency keys."""
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        events = [
            msgspec.json.decode(whole(*row), type=EventRecord)
            for row in db.execute("SELECT id, created, body FROM event")
        ]
        answers = [unpacked(bytes(body)) for (body,) in db.execute("SELECT body FROM idempotency")]
    except apsw.SQLError:
        return []
    finally:
        db.close()
    return [(event.type, event.snapshot) for event in events] + [(_object(answer), answer) for answer in answers]


def _object(answer: bytes) -> str:
    """The kind of an answer: its object's name, or that it is an error."""
    try:
        return str(msgspec.json.decode(answer)["object"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "error"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="+", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    options = parser.parse_args()
    kinds: dict[str, list[bytes]] = defaultdict(list)
    for database in options.databases:
        for kind, sample in samples(database):
            if len(kinds[kind]) < MOST_OF_A_KIND and len(sample) < 20_000:
                kinds[kind].append(sample)
    chosen = [sample for some in kinds.values() for sample in some]
    trained = zstandard.train_dictionary(SIZE, chosen, level=3)
    options.output.write_bytes(trained.as_bytes())
    print(f"{len(chosen)} samples of {len(kinds)} kinds, {sum(map(len, chosen)):,} bytes: {options.output}")


if __name__ == "__main__":
    main()
