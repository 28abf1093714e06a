"""The outbox: a directory from which whoever carries files to the bank takes them. Each file appears in it once.

Two steps, each recorded before the next. The bytes are written beside the outbox under a name of their own and synced;
that name is committed (`staged`). Then the file is moved in, which is atomic, and `sent` is committed. Killed before
the first commit, the copy is an orphan that nobody moves. Killed after it, the next try moves the file if it is still
there, and knows that it was moved if it is not, even if it has been taken out of the outbox since.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from nostro.storage.tx import Tx
from nostro.storage.world import World

from .bank_file import BANK_FILE, RELEASE, Record, content, released

STAGED = ".staged"


async def stage_job(tx: Tx, id: str) -> None:
    """Job `bank_file.stage`: its bytes are on the disk, beside the outbox."""
    file = await tx.get(BANK_FILE, id)
    if file.staged:
        return
    name = f"{_name(file)}.{tx.world.ids.word(12)}"
    await asyncio.to_thread(_write, _root(tx.world) / STAGED / name, await content(tx, id))
    tx.save(msgspec.structs.replace(file, staged=name))
    tx.schedule(RELEASE, id, tx.now)


async def release_job(tx: Tx, id: str) -> None:
    """Job `bank_file.release`: it is in the outbox, and so it was sent."""
    file = await tx.get(BANK_FILE, id)
    if not file.staged:
        return
    root = _root(tx.world)
    target = root / file.originating_account / _name(file)
    await asyncio.to_thread(_release, root / STAGED / file.staged, target)
    await released(tx, file)


def _name(file: Record) -> str:
    return file.transmissions[-1].filename


def _root(world: World) -> Path:
    assert world.settings.outbox, "no outbox is set: name a directory in NOSTRO_OUTBOX"
    return Path(world.settings.outbox)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    _sync(path.parent)


def _release(staged: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if staged.exists():
        staged.replace(target)
        _sync(target.parent)
        _sync(staged.parent)
    for orphan in staged.parent.glob(f"{target.name}.*"):  # of tries that were killed or came second
        orphan.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
