"""The outbox, killed before and after every commit and every move: each file comes out of it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from origination_desk import Desk, opened

from nostro.payouts import outbox


class Killed(BaseException):
    """The machine is gone: nobody catches this."""


def carried(root: Path, account: str) -> list[str]:
    """What whoever carries files to the bank finds now, and takes away."""
    found = sorted((root / account).glob("*")) if (root / account).exists() else []
    for file in found:
        file.unlink()
    return [file.name for file in found]


async def to_be_sent(file: Path, root: Path) -> tuple[Desk, Any]:
    desk = await opened(f"sqlite:///{file}", outbox=str(root))
    await desk.earn()
    await desk.open(delivery="outbox")
    await desk.pay_out()
    return desk, await desk.file()


def kill_at(desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: int, *, after: bool) -> None:
    """Die before or after the commit or the move with this number."""
    count = 0
    commit, release, write = desk.world.engine.commit, outbox._release, outbox._write

    def tick(done: bool) -> None:
        nonlocal count
        count += not done
        if count == moment and done == after:
            raise Killed

    async def committing(unit: Any) -> None:
        tick(False)
        await commit(unit)
        tick(True)

    def moving(*paths: Path) -> None:
        tick(False)
        release(*paths)
        tick(True)

    def writing(path: Path, content: bytes) -> None:
        tick(False)
        write(path, content)
        tick(True)

    monkeypatch.setattr(desk.world.engine, "commit", committing)
    monkeypatch.setattr(outbox, "_release", moving)
    monkeypatch.setattr(outbox, "_write", writing)


async def sent(desk: Desk, file: Any) -> None:
    await desk.post(f"bank_files/{file['id']}/send")
    await desk.settle()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("moment", range(1, 7))
async def test_a_file_comes_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, after: bool) -> None:
    root = tmp_path / "outbox"
    desk, file = await to_be_sent(tmp_path / "desk.db", root)
    with monkeypatch.context() as patch:
        kill_at(desk, patch, moment, after=after)
        with pytest.raises(Killed):
            await sent(desk, file)
    now = desk.world.clock.micros()
    await desk.world.engine.close()
    taken = carried(root, file["originating_account"])
    again = await opened(f"sqlite:///{tmp_path / 'desk.db'}", outbox=str(root))
    again.world.clock.now = now  # type: ignore[attr-defined]
    if (await again.get(f"bank_files/{file['id']}"))["status"] == "built":  # killed before the attempt was committed
        await again.post(f"bank_files/{file['id']}/send")
    await again.pass_(60)
    taken += carried(root, file["originating_account"])
    assert (await again.get(f"bank_files/{file['id']}"))["status"] == "sent"
    assert taken == [file["filename"]]
    assert list((root / outbox.STAGED).iterdir()) == []
    await again.close()
