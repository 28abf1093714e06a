"""Debits of SEPA (pain.008): what is collected goes out in files of its own, and what comes back is taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

import pytest
from lxml import etree

from nostro.kernel.clock import utc_date
from nostro.networks.iso20022 import camt_writing, pain001, pain002, pain008
from nostro.networks.statement import Closing, Line, Opening, Statement
from treasury_desk import DAY, Desk

OWN, THEIRS, CREDITOR = "DE75512108001245126199", "DE89370400440532013000", "DE98ZZZ09999999999"
XSD = (files("sepaxml") / "schemas" / "pain.008.001.08.xsd").read_bytes()


async def opened(desk: Desk, creditor_id: str | None = CREDITOR) -> Any:
    await desk.earn(500_000, "eur")
    ids = {"iban": OWN, "initiating_party": "Market GmbH", **({"creditor_id": creditor_id} if creditor_id else {})}
    return await desk.post("originating_accounts", currency="eur", iso20022=ids, approval="none")


async def theirs(desk: Desk) -> Any:
    return await desk.bank(THEIRS, country="DE", currency="eur", account_holder_name="Jürgen Groß", routing_number="")


async def see(desk: Desk, made: Any) -> Any:
    return await desk.get(f"{made['object']}s/{made['id']}")


async def collected(desk: Desk) -> tuple[Any, pain008.Message, Any]:
    """A top-up of 25.00 whose file was sent."""
    bank = await theirs(desk)
    topup = await desk.post("topups", amount=2500, currency="eur", source=bank["id"], statement_descriptor="FLOAT")
    file = await desk.sent()
    return topup, pain008.read(await desk.contents(file)), file


async def test_a_top_up_is_a_debit_under_the_mandate_of_its_account(desk: Desk) -> None:
    await opened(desk)
    topup, message, file = await collected(desk)
    assert (file["format"], file["collected"], file["amount"]) == ("pain.008", 2500, 0)
    content = await desk.contents(file)
    etree.XMLSchema(etree.fromstring(XSD)).assertValid(etree.fromstring(content))  # sepaxml's copy of the schema
    [part] = message.collections
    assert (part.creditor_id, part.account.iban, part.sequence, part.local) == (CREDITOR, OWN, "RCUR", "CORE")
    assert part.due == utc_date(file["effective_date"])
    [debit] = part.debits
    assert (debit.amount, debit.account.iban, debit.debtor.name) == (2500, THEIRS, "Jurgen Gro")
    assert debit.mandate.signed <= date(2026, 12, 31) and debit.remittance.startswith("FLOAT")
    expected = (await see(desk, topup))["expected_availability_date"]
    assert (utc_date(expected) - part.due).days >= 5, "banks send debits back for five days"
    await desk.pass_(expected - await desk.moment() + 60)
    assert (await see(desk, topup))["status"] == "succeeded"


@pytest.mark.parametrize("late", [False, True], ids=["in time", "late"])
async def test_the_debit_comes_back_in_a_notification(desk: Desk, late: bool) -> None:
    await opened(desk)
    topup, message, _ = await collected(desk)
    if late:
        await desk.pass_(30 * DAY)
    trace, day = message.collections[0].debits[0].end_to_end, utc_date(await desk.moment())
    line = Line(amount=-2500, booked=day, valued=day, end_to_end=trace, return_reason="MD06" if late else "AM04",
                code="PMNT/IDDT/UPDD")  # fmt: skip
    statement = Statement(opening=Opening(account=OWN, currency="eur", number="N1", balance=None, date=day),
                          lines=(line,), closing=Closing(balance=None, date=day, lines=1))  # fmt: skip
    content = camt_writing.build([statement], message="N1", created=datetime.now(UTC), kind="camt.054")
    answer = await desk.answer(content)
    assert (answer["returns"], answer["unmatched"]) == (1, [])
    done = await see(desk, topup)
    assert (done["status"], done["failure_code"]) == (
        ("reversed", "could_not_process") if late else ("failed", "insufficient_funds")
    )  # fmt: skip


async def test_a_file_of_debits_that_is_refused_fails_whole(desk: Desk) -> None:
    await opened(desk)
    topup, message, file = await collected(desk)
    report = pain002.Report(id="R1", created=datetime(2026, 12, 1, tzinfo=UTC), message=message.id, status="RJCT",
                            kind="pain.008.001.08", reasons=(pain002.Reason(code="AM10"),))  # fmt: skip
    answer = await desk.answer(pain002.build(report))
    assert (answer["rejected_files"], (await see(desk, topup))["status"]) == (1, "failed")
    assert (await desk.get(f"bank_files/{file['id']}"))["status"] == "rejected"


async def test_credits_and_debits_of_one_cut_off_go_out_in_two_files(desk: Desk) -> None:
    await opened(desk)
    bank = await theirs(desk)
    await desk.post("payouts", amount=1000, currency="eur", destination=bank["id"])
    await desk.post("topups", amount=2500, currency="eur", source=bank["id"])
    await desk.post("payouts", amount=1001, currency="eur", destination=bank["id"])
    await desk.cut_off()
    made = sorted(await desk.files(), key=lambda one: one["number"])
    assert sorted((one["format"], one["payments"]) for one in made) == [("pain.001", 2), ("pain.008", 1)]
    assert [one["number"] for one in made] == [1, 2]
    for one in made:
        content = await desk.contents(one)
        (pain008 if one["format"] == "pain.008" else pain001).read(content)


async def test_who_has_no_creditor_id_collects_nothing(desk: Desk) -> None:
    wrong = {"iban": OWN, "initiating_party": "M", "creditor_id": "DE99ZZZ09999999999"}
    error = await desk.refused("originating_accounts", currency="eur", iso20022=wrong)
    assert error["param"] == "iso20022[creditor_id]"
    await opened(desk, None)
    bank = await theirs(desk)
    assert (await desk.refused("topups", amount=500, currency="eur", source=bank["id"]))["param"] == "source"
    payout = await desk.post("payouts", amount=1000, currency="eur", destination=bank["id"])
    await desk.sent()
    await desk.pass_(7 * DAY)
    refused = await desk.refused(f"payouts/{payout['id']}/reverse")
    assert "collects no debits" in refused["message"], "it would have been paid a second time"


async def test_a_payout_is_taken_back_by_a_debit(desk: Desk) -> None:
    await opened(desk)
    bank = await theirs(desk)
    payout = await desk.post("payouts", amount=1000, currency="eur", destination=bank["id"])
    await desk.sent()
    await desk.pass_(7 * DAY)
    back = await desk.post(f"payouts/{payout['id']}/reverse")
    file = await desk.sent()
    assert (file["format"], file["collected"]) == ("pain.008", 1000)
    await desk.pass_(7 * DAY)
    assert (await see(desk, back))["status"] == "paid"
