"""Payouts as credit transfers of ISO 20022, and the reports that a bank makes about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from nostro.networks.iso20022 import pain001, pain002
from treasury_desk import DAY, Desk

OWN, THEIRS, OTHER = "DE75512108001245126199", "DE89370400440532013000", "FR1420041010050500013M02606"


async def opened(desk: Desk, **more: Any) -> Any:
    await desk.earn(500_000, "eur")
    ids = {"iban": OWN, "initiating_party": "Market GmbH"}
    return await desk.post("originating_accounts", format="pain.001", iso20022=ids, approval="none", **more)


async def two_payouts(desk: Desk) -> list[Any]:
    made = []
    for number, name in ((THEIRS, "Jürgen Groß"), (OTHER, "Zoé")):
        bank = await desk.bank(number, country=number[:2], currency="eur", account_holder_name=name, routing_number="")
        made.append(await desk.post("payouts", amount=1000 + len(made), currency="eur", destination=bank["id"]))
    return made


async def status(desk: Desk, *payouts: Any) -> list[str]:
    return [(await desk.get(f"payouts/{one['id']}"))["status"] for one in payouts]


def report(file: pain001.Message, **more: Any) -> str:
    made = pain002.Report(
        id="R1", created=datetime(2026, 12, 1, tzinfo=UTC), message=file.id, kind="pain.001.001.09", **more
    )
    return pain002.build(made).decode()


async def test_a_payout_is_a_transfer_and_one_that_is_refused_fails(desk: Desk) -> None:
    await opened(desk)
    payouts = await two_payouts(desk)
    file = await desk.sent()
    message = pain001.read(await desk.contents(file))
    [payment] = message.payments
    assert (payment.account.iban, payment.debtor.name, payment.service) == (OWN, "Market GmbH", "SEPA")
    assert [(one.account.iban, one.amount, one.currency) for one in payment.transfers] == [
        (THEIRS, 1000, "eur"), (OTHER, 1001, "eur"),
    ]  # fmt: skip
    assert file["filename"].endswith("-000001.xml")
    refused = pain002.Single(
        end_to_end=payment.transfers[0].end_to_end, status="RJCT", reasons=(pain002.Reason(code="AC04"),),
        amount=1000, currency="eur",
    )  # fmt: skip
    part = pain002.Payment(id=payment.id, singles=(refused,))
    answer = await desk.answer(report(message, status="PART", payments=(part,)).encode())
    assert (answer["returns"], answer["accepted_files"], answer["unmatched"]) == (1, 1, [])
    assert await status(desk, *payouts) == ["failed", "in_transit"]
    failed = await desk.get(f"payouts/{payouts[0]['id']}")
    assert (failed["failure_code"], "AC04" in failed["failure_message"]) == ("account_closed", True)
    await desk.pass_(5 * DAY)
    assert await status(desk, *payouts) == ["failed", "paid"]
    assert (await desk.get(f"bank_files/{file['id']}"))["status"] == "settled"


@pytest.mark.parametrize("level", ["group", "payment"])
async def test_a_file_that_is_refused_fails_whole(desk: Desk, level: str) -> None:
    await opened(desk)
    payouts = await two_payouts(desk)
    file = await desk.sent()
    message = pain001.read(await desk.contents(file))
    why = (pain002.Reason(code="AM10", text="the sum is wrong"),)
    part = pain002.Payment(id=message.payments[0].id, status="RJCT", reasons=why)
    said = {"status": "RJCT", "reasons": why} if level == "group" else {"payments": (part,)}
    answer = await desk.answer(report(message, **said).encode())
    assert (answer["rejected_files"], answer["unmatched"]) == (1, [])
    assert await status(desk, *payouts) == ["failed", "failed"]
    refused = await desk.get(f"bank_files/{file['id']}")
    assert (refused["status"], refused["rejection_reason"]) == ("rejected", "AM10 the sum is wrong")
    late = await desk.answer(report(message, status="ACTC").encode())
    assert (late["accepted_files"], late["duplicates"]) == (0, 1)


async def test_a_report_about_no_file_of_ours_is_kept_aside(desk: Desk) -> None:
    await opened(desk)
    await two_payouts(desk)
    message = pain001.read(await desk.contents(await desk.sent()))
    strange = pain001.Message(
        id="OTHER-000009", created=message.created, initiator=message.initiator, payments=message.payments
    )
    answer = await desk.answer(report(strange, status="ACCP").encode())
    assert [one["reason"] for one in answer["unmatched"]] == ["no file has this name"]
    broken = await desk.refused("bank_answers", content="<?xml version='1.0'?><Document>")
    assert broken["code"] == "bank_answer_invalid"


async def test_what_no_transfer_can_carry_is_refused_when_it_is_asked_for(desk: Desk) -> None:
    await opened(desk)
    american = await desk.bank("000123456789", currency="eur", routing_number="110000000")
    error = await desk.refused("payouts", amount=1000, currency="eur", destination=american["id"])
    assert (error["param"], error["code"]) == ("destination", "account_number_invalid")
    head = "reference,amount,currency,account_holder_name,iban\n"
    lines = await desk.lines(f"{head}a,100,eur,Ann,{THEIRS}\nb,100,eur,Bob,DE00370400440532013000\nc,1,eur,,{THEIRS}\n")
    assert [line["status"] for line in lines] == ["created", "refused", "refused"]
    assert [line["error"]["param"] for line in lines[1:]] == ["iban", "iban"]
    odd = "Zoë & Söhne <GmbH> " + "x" * 300  # a name that no format has room for must not hold up the others
    assert [line["status"] for line in await desk.lines(f"{head}d,100,eur,{odd},{THEIRS}\n")] == ["created"]
    [payment] = pain001.read(await desk.contents(await desk.file())).payments
    names = [one.creditor.name for one in payment.transfers]
    assert (names[0], names[1][:14], len(names[1])) == ("Ann", "Zoe + Sohne Gm", 70)
