"""One payment that no file can carry: it fails with the reason, and the others go out."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from nostro.networks import nacha
from nostro.networks.file_error import FileError
from nostro.payouts.ach_format import ACH
from nostro.payouts.building import written
from nostro.payouts.file_format import Built, Format, Job
from nostro.payouts.instruction import Instruction, Receiver
from nostro.storage.unit import NOBODY, Unit
from treasury_desk import DAY, ROUTING, Desk

WRONG = "UPDATE payment_instruction SET receiver=? WHERE source=?"
MUCH = "UPDATE payment_instruction SET amount=? WHERE source=?"


async def put(desk: Desk, statement: str, *values: Any) -> None:
    """As another version of the program may have left it, or somebody who has changed the database by hand."""
    unit = Unit(scope=NOBODY, micros=desk.world.clock.micros(), rows=[(statement, values)])
    await desk.world.engine.commit(unit)


async def named(desk: Desk, source: str, **receiver: Any) -> None:
    good = {"number": "5551234567", "routing": ROUTING, "name": "Ann"}
    await put(desk, WRONG, msgspec.json.encode({**good, **receiver}).decode(), source)


async def instructed(desk: Desk, count: int) -> list[Any]:
    """Payouts whose cut-off has passed, and whose file is not built yet."""
    made = [await desk.pay_out(1000 + n) for n in range(count)]
    await desk.until_cut_off()
    return made


async def statuses(desk: Desk, payouts: list[Any]) -> list[tuple[str, str | None]]:
    found = [await desk.get(f"payouts/{one['id']}") for one in payouts]
    return [(one["status"], one["failure_code"]) for one in found]


async def test_the_others_go_out_and_it_fails_with_the_reason(desk: Desk) -> None:
    account = await desk.open()
    before = await desk.available()
    payouts = await instructed(desk, 4)
    await named(desk, payouts[0]["id"], routing="021000022")
    await named(desk, payouts[1]["id"], name="Иван Петров")
    await put(desk, MUCH, 10_000_000_000, payouts[2]["id"])
    await desk.pass_(60)
    [file] = await desk.files()
    assert (file["payments"], file["amount"], file["number"]) == (1, 1003, 1)
    [entry] = nacha.read(await desk.contents(file)).batches[0].entries
    assert entry.amount == 1003
    assert await statuses(desk, payouts) == [
        ("failed", "invalid_account_number"), ("failed", "could_not_process"), ("failed", "could_not_process"),
        ("pending", None),
    ]  # fmt: skip
    told = [(await desk.get(f"payouts/{one['id']}"))["failure_message"] for one in payouts[:3]]
    assert "routing number" in told[0] and "name" in told[1] and "99,999,999.99" in told[2]
    assert await desk.available() == before - 1003
    aside = (await desk.get("payment_instructions", set_aside=True))["data"]
    assert {one["source"] for one in aside} == {one["id"] for one in payouts[:3]}
    assert {(one["bank_file"], bool(one["reason"])) for one in aside} == {(None, True)}
    [event] = (await desk.get("events", type="originating_account.payments_set_aside"))["data"]
    assert (event["data"]["object"]["id"], event["data"]["object"]["set_aside"]) == (account["id"], 3)
    await desk.post(f"bank_files/{file['id']}/send")
    await desk.pass_(7 * DAY)
    assert (await statuses(desk, payouts))[3] == ("paid", None)


async def test_where_all_are_bad_there_is_no_file(desk: Desk) -> None:
    account = await desk.open()
    before = await desk.available()
    payouts = await instructed(desk, 2)
    for one in payouts:
        await named(desk, one["id"], number="")
    error = await desk.refused("bank_files", originating_account=account["id"])
    assert (error["code"], "2 payments have failed" in error["message"]) == ("bank_file_nothing_due", True)
    await desk.pass_(120)
    assert (await desk.files(), await desk.available()) == ([], before)
    assert {status for status, _ in await statuses(desk, payouts)} == {"failed"}


async def test_lines_of_a_bulk_payout_are_set_aside_one_by_one(desk: Desk) -> None:
    await desk.open()
    before = await desk.available()
    await desk.lines("reference,amount,currency,routing_number,account_number\n"
                     "a,100,usd,021000021,1\nb,20,usd,021000021,2\nc,3,usd,021000021,3\n")  # fmt: skip
    await desk.until_cut_off()
    for name in ("a", "c"):
        await put(desk, 'UPDATE payment_instruction SET receiver=\'{"number":""}\' WHERE reference=?', name)
    await desk.pass_(60)
    [file] = await desk.files()
    [bulk] = (await desk.get("bulk_payouts"))["data"]
    assert (file["amount"], bulk["failed_lines"], bulk["failed_amount"]) == (20, 2, 103)
    assert await desk.available() == before - 20
    await desk.post(f"bank_files/{file['id']}/withdraw", reason="enough")
    await desk.settle()
    [bulk] = (await desk.get("bulk_payouts"))["data"]
    assert (bulk["status"], bulk["failed_lines"], bulk["failed_amount"]) == ("completed", 3, 123)


# The parts ---------------------------------------------------------------------------------------------------------


def payment(amount: int, n: int = 0) -> Instruction:
    receiver = Receiver(number="1", routing=ROUTING, name="Ann")
    return Instruction(f"po_{n}", "", 1, "oa_1", 0, False, amount, receiver, None, None, None, None, None, None)


def limited(most: int) -> Format:
    """A format whose files carry so much together."""

    def build(job: Job) -> Built:
        if sum(one.amount for one in job.payments) > most:
            raise FileError(0, f"a sum of at most {most}")
        return Built(b"x", [(str(n), one) for n, one in enumerate(job.payments)])

    return msgspec.structs.replace(ACH, build=build)


def job(*payments: Instruction, account: Any) -> Job:
    return Job(account=account, number=1, of_day=0, first_trace=1, now=0, settles=date(2026, 11, 24), payments=payments)


async def test_what_is_too_much_together_is_left_for_the_next_file(desk: Desk) -> None:
    account = await account_of(desk)
    made = written(limited(100), job(*(payment(30, n) for n in range(9)), payment(500), account=account))
    assert made.built is not None
    assert ([one.amount for _, one in made.built.traced], made.left) == ([30, 30], 7)
    assert [one.amount for one, _ in made.aside] == [500]


async def test_an_account_that_cannot_write_at_all_fails_no_payment(desk: Desk) -> None:
    account = await account_of(desk)
    odd = msgspec.structs.replace(account, nacha=msgspec.structs.replace(account.nacha, company_name="MÄRKTE"))
    with pytest.raises(ValueError, match="_name of at most"):
        written(ACH, job(payment(30), account=odd))


async def account_of(desk: Desk) -> Any:
    from nostro.connect.originating_account import originating
    from nostro.storage.tx import Tx

    await desk.open()
    return await originating(Tx(desk.world, await desk.scope()), "usd")
