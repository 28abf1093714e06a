"""Payouts and debits in pounds as Bacs submissions, and the reports that come back about them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from nostro.balances.calendar import add_business_days
from nostro.kernel.clock import utc_date
from nostro.networks.bacs import reports, standard18
from seller import ADA, WHOLE
from treasury_desk import DAY, Desk, on_behalf

IDS = {"account_number": "55779911", "name": "MARKET LTD", "service_user_number": "123456", "sort_code": "200000"}
SORT_CODE, NUMBER = "601613", "31926819"


async def opened(desk: Desk, **more: Any) -> Any:
    await desk.earn(500_000, "gbp")
    return await desk.post("originating_accounts", currency="gbp", bacs=IDS, approval="none", **more)


async def theirs(desk: Desk, number: str = NUMBER, **more: Any) -> Any:
    form = {"country": "GB", "currency": "gbp", "routing_number": SORT_CODE, "account_holder_name": "Zoë Ltd", **more}
    return await desk.bank(number, **form)


async def pounds(desk: Desk, amount: int = 4000, **more: Any) -> Any:
    return await desk.post("payouts", amount=amount, currency="gbp", **more)


async def see(desk: Desk, made: Any) -> Any:
    return await desk.get(f"{made['object']}s/{made['id']}")


def came_back(report: Any, file: standard18.File, reason: str) -> bytes:
    items = tuple(
        reports.Returned(reference=one.reference, code=one.code, reason=reason, amount=one.amount, day=one.day)
        for one in file.items if one.amount
    )  # fmt: skip
    return reports.build(reports.Returns(report=report, user=file.user, day=file.items[0].day, items=items))


def advised(report: Any, reference: str, reason: str, **more: Any) -> bytes:
    advice = reports.Advice(reference=reference, reason=reason, day=date(2026, 12, 4), **more)
    return reports.build(reports.Advices(report=report, user="123456", day=advice.day, items=(advice,)))


async def test_a_payout_is_a_credit_that_settles_on_the_third_day_and_may_come_back(desk: Desk) -> None:
    account = await opened(desk)
    assert (account["format"], account["country"], account["settlement_days"]) == ("bacs", "GB", 2)
    bank = await theirs(desk)
    first, second = await pounds(desk, statement_descriptor="WEEK 47"), await pounds(desk, 7000)
    file = await desk.sent()
    assert file["filename"].endswith("-000001.txt")
    made = standard18.read(await desk.contents(file))
    assert (made.user, made.name, made.account.number) == ("123456", "MARKET LTD", "55779911")
    one, two = made.items
    assert (one.code, one.amount, one.reference) == ("99", 4000, "WEEK 47-0000001")
    assert (one.account.sort_code, one.account.number, one.account.name) == (SORT_CODE, NUMBER, "ZOE LTD")
    assert len(two.reference) == 18 and two.reference.endswith("-0000002")
    settles = utc_date(file["effective_date"])
    assert add_business_days("gbp", one.day, 1) == settles == add_business_days("gbp", utc_date(file["created"]), 2)
    assert [(await see(desk, each))["trace_id"]["value"] for each in (first, second)] == [one.reference, two.reference]
    await desk.pass_(7 * DAY)
    assert [(await see(desk, each))["status"] for each in (first, second)] == ["paid", "paid"]
    answer = await desk.answer(came_back("ARUCS", made, "B"))
    assert (answer["format"], answer["returns"], answer["unmatched"]) == ("bacs", 2, [])
    failed = await see(desk, first)
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    assert "account closed (ARUCS B)" in failed["failure_message"]
    me = await desk.get(f"accounts/{bank['account']}/external_accounts/{bank['id']}")
    assert me["status"] == "errored"


async def test_an_advice_of_a_wrong_account_corrects_it(desk: Desk) -> None:
    await opened(desk)
    bank = await theirs(desk)
    payout = await pounds(desk)
    [item] = standard18.read(await desk.contents(await desk.sent())).items
    answer = await desk.answer(advised("AWACS", item.reference, "3", new_sort_code="309634", new_number="00012346"))
    assert (answer["changes"], answer["unmatched"]) == (1, [])
    corrected = await desk.get(f"accounts/{bank['account']}/external_accounts/{bank['id']}")
    assert (corrected["routing_number"], corrected["last4"], corrected["status"]) == ("309634", "2346", "new")
    await desk.pass_(7 * DAY)
    assert (await see(desk, payout))["status"] == "paid"


async def top_up(desk: Desk, bank: Any, amount: int = 2500) -> Any:
    return await desk.post("topups", amount=amount, currency="gbp", source=bank["id"])


async def test_the_first_debit_waits_for_its_mandate_and_the_next_does_not(desk: Desk) -> None:
    await opened(desk)
    bank = await theirs(desk)
    first = await top_up(desk, bank)
    file = await desk.sent()
    lodged, debit = standard18.read(await desk.contents(file)).items
    assert (lodged.code, lodged.amount, debit.code, debit.amount) == ("0N", 0, "01", 2500)
    assert debit.reference.startswith(f"{lodged.reference}-"), "the debit names its mandate"
    assert debit.day == add_business_days("gbp", lodged.day, 3)
    await desk.pass_((await see(desk, first))["expected_availability_date"] - await desk.moment() + 60)
    assert (await see(desk, first))["status"] == "succeeded"
    second = await top_up(desk, bank, 900)
    sent = await desk.sent()
    made = standard18.read(await desk.contents(sent))
    assert [(one.code, one.amount) for one in made.items] == [("17", 900)]
    await desk.answer(came_back("ARUDD", made, "0"))
    returned = await see(desk, second)
    assert (returned["status"], returned["failure_code"]) == ("failed", "insufficient_funds")


@pytest.mark.parametrize(("report", "reason"), [("ADDACS", "1"), ("AUDDIS", "5")])
async def test_a_mandate_that_ends_takes_no_more_debits(desk: Desk, report: str, reason: str) -> None:
    await opened(desk)
    bank = await theirs(desk)
    await top_up(desk, bank)
    lodged, _ = standard18.read(await desk.contents(await desk.sent())).items
    answer = await desk.answer(advised(report, lodged.reference, reason))
    assert (answer["changes"], answer["unmatched"]) == (1, [])
    error = await desk.refused("topups", amount=100, currency="gbp", source=bank["id"])
    assert error["param"] == "source" and "mandate has ended" in error["message"]


async def test_what_a_seller_owes_is_collected_when_its_first_debit_has_settled(desk: Desk) -> None:
    """The money is pending until then, also where Bacs has to be told of the mandate first."""
    await opened(desk)
    bank = {"object": "bank_account", "country": "GB", "currency": "gbp", "account_number": NUMBER,
            "routing_number": SORT_CODE, "account_holder_name": "Seller Ltd"}  # fmt: skip
    payouts = {"debit_negative_balances": True, "schedule": {"interval": "daily"}}
    address = {"city": "London", "line1": "address_full_match", "postal_code": "SW1A 1AA"}
    ada = {name: value for name, value in ADA.items() if name != "ssn_last_4"} | {"address": address}
    seller = await desk.post("accounts", **{**WHOLE, "individual": ada, "external_account": bank}, type="custom",
                             country="GB", settings={"payouts": payouts},
                             capabilities={"transfers": {"requested": True}})  # fmt: skip
    assert seller["payouts_enabled"], seller["requirements"]["currently_due"]
    theirs = on_behalf(desk.client, seller["id"])
    charge = await desk.post("charges", amount=5000, currency="gbp", source="tok_bypassPending",
                             transfer_data={"destination": seller["id"]})  # fmt: skip
    await desk.pass_(2 * DAY)
    for file in await desk.files(status="built"):
        await desk.post(f"bank_files/{file['id']}/send")
    await desk.pass_(7 * DAY)
    await desk.post("refunds", charge=charge["id"], amount=3000, reverse_transfer=True)
    await desk.pass_(DAY)
    sent = await desk.sent()
    items = standard18.read(await desk.contents(sent)).items
    assert [(one.code, one.amount) for one in items] == [("0N", 0), ("01", 3000)]
    [back, *_] = (await theirs("GET", "/v1/payouts")).json["data"]
    assert (back["amount"], back["status"]) == (-3000, "in_transit")
    assert utc_date(back["arrival_date"]) == add_business_days("gbp", items[1].day, 1)
    await desk.pass_(back["arrival_date"] - await desk.moment() - 60)
    assert await held(theirs) == (-3000, 3000)
    await desk.pass_(120)
    assert await held(theirs) == (0, 0)
    assert (await theirs("GET", f"/v1/payouts/{back['id']}")).json["status"] == "paid"


async def held(theirs: Any) -> tuple[int, int]:
    """(available, pending) in gbp."""
    balance = (await theirs("GET", "/v1/balance")).json
    available, pending = (
        sum(one["amount"] for one in balance[name] if one["currency"] == "gbp") for name in ("available", "pending")
    )
    return available, pending


async def test_a_mandate_that_moves_is_collected_from_the_new_account(desk: Desk) -> None:
    await opened(desk)
    bank = await theirs(desk)
    await top_up(desk, bank)
    lodged, _ = standard18.read(await desk.contents(await desk.sent())).items
    await desk.answer(advised("ADDACS", lodged.reference, "3", new_sort_code="309634", new_number="00012346"))
    await top_up(desk, bank)
    [debit] = standard18.read(await desk.contents(await desk.sent())).items
    assert (debit.account.sort_code, debit.account.number) == ("309634", "00012346")
    assert debit.reference.startswith(lodged.reference)


async def test_a_first_debit_that_was_never_sent_is_no_first_debit(desk: Desk) -> None:
    await opened(desk)
    bank = await theirs(desk)
    topup = await top_up(desk, bank)
    file = await desk.file()
    await desk.post(f"bank_files/{file['id']}/withdraw", reason="too early")
    await desk.settle()
    assert (await see(desk, topup))["status"] == "failed"
    await top_up(desk, bank)
    assert [one.code for one in standard18.read(await desk.contents(await desk.sent())).items] == ["0N", "01"]


async def test_who_submits_says_how_bacs_knows_it(desk: Desk) -> None:
    for wrong, param in (
        ({"bacs": {**IDS, "sort_code": "20-00-00"}}, "bacs[sort_code]"),
        ({"bacs": {**IDS, "name": "Märkte"}}, "bacs[name]"),
        ({"bacs": IDS, "settlement_days": 1}, "settlement_days"),
        ({"bacs": IDS, "country": "DE"}, "country"),
        ({"bacs": IDS, "currency": "eur"}, "currency"),
        ({"bacs": IDS, "iso20022": {"iban": "DE75512108001245126199", "initiating_party": "M"}}, "iso20022"),
    ):
        assert (await desk.refused("originating_accounts", format="bacs", **wrong))["param"] == param
    assert (await desk.refused("originating_accounts", bacs=IDS))["param"] == "currency"
    ids = {"iban": "DE75512108001245126199", "initiating_party": "Market GmbH"}
    for currency, country, format in (("usd", None, "nacha"), ("gbp", None, "bacs"), ("eur", None, "pain.001"),
                                      ("gbp", "DE", "pain.001"), ("chf", "CH", "pain.001")):  # fmt: skip
        own = {"nacha": {"company_id": "1", "company_name": "M", "routing_number": "110000000"}, "bacs": IDS}
        names = {"iso20022": ids} if format == "pain.001" else {format: own[format]}
        more = {"country": country} if country else {}
        assert (await desk.post("originating_accounts", currency=currency, **names, **more))["format"] == format


async def test_what_bacs_cannot_carry_is_refused_when_it_is_asked_for(desk: Desk) -> None:
    await opened(desk)
    await theirs(desk)
    error = await desk.refused("payouts", amount=2_000_000_001, currency="gbp")
    assert (error["param"], error["code"], "20,000,000.00" in error["message"]) == ("amount", "amount_too_large", True)
    await pounds(desk, 100, destination=(await theirs(desk, "GB33BUKB20201555555555"))["id"])
    [item] = standard18.read(await desk.contents(await desk.file())).items
    assert (item.account.sort_code, item.account.number) == ("202015", "55555555"), "an IBAN has both"
