"""Whatever order files, answers and duplicates come in: money is conserved, and each payment ends in one state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from origination_desk import DAY, Desk, opened, returned

from nostro.networks import nacha

EARNED = 100_000
ENDED = {"paid", "failed", "canceled"}
HEAD = "reference,amount,currency,routing_number,account_number\n"
BEGIN = (("payout", 1), ("lines", 0), ("lines", 5), ("payout", 2), ("cut_off", 0), ("send", 0), ("return", 0))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["payout", "lines", "cancel", "cut_off", "send", "return", "return", "again", "reject",
                         "withdraw", "change", "days"]),
        st.integers(0, 11),
    ),
    min_size=6, max_size=16,
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=15)
@given(steps=STEPS)
def test_money_is_conserved_and_each_payment_ends_once(steps: list[tuple[str, int]], tmp_path_factory: Any) -> None:
    asyncio.run(_walk(steps, tmp_path_factory.mktemp("walk") / "desk.db"))


async def _walk(steps: list[tuple[str, int]], file: Path) -> None:
    desk = await opened(f"sqlite:///{file}")
    await desk.earn(EARNED)
    earned = await desk.available()
    await desk.open(most_payments=3, largest_file=9000)
    payouts: list[str] = []
    answers: list[bytes] = []
    for what, n in (*BEGIN, *steps):
        await _step(desk, what, n, payouts, answers)
        await _conserved(desk, earned)
    for file_ in await desk.files(status="built"):
        await desk.post(f"bank_files/{file_['id']}/send")
    await desk.pass_(4 * DAY)
    for file_ in await desk.files(status="built"):
        await desk.post(f"bank_files/{file_['id']}/send")
    await desk.pass_(8 * DAY)
    await _conserved(desk, earned, ended=True)
    await _one_file_each(desk)
    await desk.close()


async def _step(desk: Desk, what: str, n: int, payouts: list[str], answers: list[bytes]) -> None:
    files = (await desk.files())[::-1]
    file = files[n % len(files)] if files else None
    if what == "payout":
        payouts.append((await desk.pay_out(100 + n))["id"])
    elif what == "lines":
        await desk.lines(HEAD + "".join(f"r{m},{10 + m},usd,021000021,55500\n" for m in range(n, n + 3)))
    elif what == "cancel" and payouts:
        await desk.client("POST", f"/v1/payouts/{payouts[n % len(payouts)]}/cancel")
    elif what == "cut_off":
        await desk.cut_off()
    elif what == "days":
        await desk.pass_(n * DAY // 4)
    elif what in ("send", "reject", "withdraw") and file:
        await desk.client("POST", f"/v1/bank_files/{file['id']}/{what}", {} if what == "send" else {"reason": "x"})
        await desk.settle()
    elif what in ("return", "change") and file:
        content = await desk.contents(file)
        traces = [entry.trace_number for batch in nacha.read(content).batches for entry in batch.entries]
        data = "011000015" if what == "change" else None
        code = "C02" if what == "change" else ("R01", "R02", "R99")[n % 3]
        made = returned(content, code, data=data, only=set(traces[: 1 + n % 3]), number=1 + n)
        answers.append(made)
        await desk.answer(made)
    elif what == "again" and answers:
        await desk.answer(answers[n % len(answers)])


async def _conserved(desk: Desk, earned: int, ended: bool = False) -> None:
    """What was earned is available, on its way, or paid."""
    payouts = (await desk.get("payouts", limit=100))["data"]
    bulk = (await desk.get("bulk_payouts", limit=100))["data"]
    gone = sum(one["amount"] for one in payouts if one["status"] in ("pending", "in_transit", "paid"))
    gone += sum(one["amount"] - one["failed_amount"] for one in bulk)
    assert await desk.available() == earned - gone
    if ended:
        assert {one["status"] for one in payouts} <= ENDED
        assert all(one["settled_amount"] + one["failed_amount"] == one["amount"] for one in bulk)
        assert {one["status"] for one in bulk} <= {"completed"}


async def _one_file_each(desk: Desk) -> None:
    files = {file["id"]: file for file in await desk.files()}
    seen: dict[tuple[str, str | None], str] = {}
    for id, file in files.items():
        told = (await desk.get("payment_instructions", bank_file=id, limit=100))["data"]
        entries = [e for batch in nacha.read(await desk.contents(file)).batches for e in batch.entries]
        assert sorted(one["trace"] for one in told) == sorted(entry.trace_number for entry in entries)
        assert sum(one["amount"] for one in told) == file["amount"]
        for one in told:
            assert seen.setdefault((one["source"], one["reference"]), id) == id
    assert sorted(file["number"] for file in files.values()) == list(range(1, len(files) + 1))
