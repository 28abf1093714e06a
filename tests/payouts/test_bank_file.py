"""Bank files: built once from what is due, within limits, approved by whom they must be, sent once, answered."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from nostro.networks import nacha
from seller import WHOLE
from treasury_desk import DAY, IDS, Desk, on_behalf, opened, returned


def traces(content: bytes) -> list[str]:
    return [entry.trace_number for batch in nacha.read(content).batches for entry in batch.entries]


async def status(desk: Desk, *payouts: Any) -> list[str]:
    return [(await desk.get(f"payouts/{one['id']}"))["status"] for one in payouts]


async def test_nothing_changes_where_no_account_is_open_or_active(desk: Desk) -> None:
    payout = await desk.pay_out()
    await desk.pass_(7 * DAY)
    assert await status(desk, payout) == ["paid"]
    account = await desk.open()
    await desk.post(f"originating_accounts/{account['id']}", active=False)
    another = await desk.pay_out()
    await desk.pass_(7 * DAY)
    assert (await status(desk, another), await desk.files()) == (["paid"], [])


async def test_who_opens_an_account_says_how_the_bank_knows_it(desk: Desk) -> None:
    assert (await desk.refused("originating_accounts", format="nacha"))["param"] == "nacha"
    wrong = await desk.refused("originating_accounts", format="nacha", nacha={**IDS, "routing_number": "110000001"})
    assert (wrong["param"], wrong["code"]) == ("nacha[routing_number]", "routing_number_invalid")
    assert (await desk.refused("originating_accounts", format="nacha", nacha=IDS, currency="eur"))[
        "param"
    ] == "currency"
    assert (await desk.refused("originating_accounts", format="nacha", nacha=IDS, cut_offs=["5pm"]))[
        "param"
    ] == "cut_offs"
    odd = await desk.refused("originating_accounts", format="nacha", nacha={**IDS, "company_name": "MÄRKTE"})
    assert (odd["param"], odd["code"]) == ("nacha[company_name]", "invalid_characters")
    where = await desk.refused("originating_accounts", format="nacha", nacha=IDS, time_zone="Mars")
    assert where["param"] == "time_zone"
    iban = {"iban": "DE00370400440532013000", "initiating_party": "MARKET"}
    other = await desk.refused("originating_accounts", format="pain.001", iso20022=iban)
    assert (other["param"], other["code"]) == ("iso20022[iban]", "account_number_invalid")
    good = {"iban": "DE75512108001245126199", "initiating_party": "MARKET"}
    for ids, param in (
        ({**good, "bic": "SOGEDEFX1"}, "bic"),
        ({**good, "iban": "de75 5121 0800 1245 1261 99"}, "iban"),
    ):
        error = await desk.refused("originating_accounts", format="pain.001", iso20022=ids)
        assert error["param"] == f"iso20022[{param}]"
    account = await desk.open(cut_offs=["17:00", "09:30"])
    assert (account["cut_offs"], account["time_zone"], account["currency"]) == (
        ["09:30", "17:00"], "America/New_York", "usd",
    )  # fmt: skip


async def test_a_payout_waits_for_its_cut_off_and_cannot_be_taken_back_after_it(desk: Desk) -> None:
    await desk.open()
    early, late = await desk.pay_out(1000), await desk.pay_out(2000)
    account = (await desk.get("originating_accounts"))["data"][0]
    nothing = await desk.refused("bank_files", originating_account=account["id"])
    assert nothing["code"] == "bank_file_nothing_due"
    assert (await desk.post(f"payouts/{early['id']}/cancel"))["status"] == "canceled"
    file = await desk.file()
    assert (file["payments"], file["amount"]) == (1, 2000)
    error = await desk.refused(f"payouts/{late['id']}/cancel")
    assert "cut-off" in error["message"]
    assert await status(desk, late) == ["pending"]


async def test_an_instant_payout_does_not_go_through_a_file(desk: Desk) -> None:
    await desk.open()
    error = await desk.refused("payouts", amount=1000, currency="usd", method="instant")
    assert error["code"] == "instant_payouts_unsupported"


async def test_files_are_numbered_without_a_gap_and_cut_by_the_limits(desk: Desk) -> None:
    await desk.open(largest_file=5000, most_payments=2, daily_limit=11_000, largest_payment=4000)
    assert (await desk.refused("payouts", amount=4001, currency="usd"))["code"] == "amount_too_large"
    for amount in (3000, 3000, 1000, 1000, 4000, 500):
        await desk.pay_out(amount)
    await desk.cut_off()
    files = (await desk.files())[::-1]
    assert all(file["amount"] <= 5000 and file["payments"] <= 2 for file in files)
    assert sum(file["amount"] for file in files) <= 11_000
    await desk.cut_off()
    files = (await desk.files())[::-1]
    assert [file["number"] for file in files] == list(range(1, len(files) + 1))
    assert (sum(file["payments"] for file in files), sum(file["amount"] for file in files)) == (6, 12_500)
    everything = [trace for file in files for trace in traces(await desk.contents(file))]
    assert len(everything) == len(set(everything)) == 6


async def test_who_approves_names_the_hash_and_holds_another_key(desk: Desk) -> None:
    account = await desk.open(approval="second_key")
    await desk.pay_out()
    await desk.pass_(4 * DAY)
    [file] = await desk.files()
    assert file["built_by"] is None  # the cut-off built it, so any key may approve it
    await desk.pay_out(500)
    await desk.post(f"originating_accounts/{account['id']}", cut_offs=["23:59"])
    path = f"bank_files/{file['id']}"
    assert (await desk.refused(f"{path}/send"))["code"] == "bank_file_unexpected_state"
    assert (await desk.refused(f"{path}/approve", sha256="0" * 64))["code"] == "bank_file_hash_mismatch"
    seen = hashlib.sha256(await desk.contents(file)).hexdigest()
    approved = await desk.post(f"{path}/approve", sha256=seen)
    assert (approved["status"], approved["approved_by"][-4:]) == ("approved", "desk")
    assert (await desk.post(f"{path}/send"))["status"] == "sent"
    assert (await desk.refused(f"{path}/send"))["code"] == "bank_file_unexpected_state"


async def test_who_built_a_file_by_hand_does_not_approve_it(desk: Desk) -> None:
    account = await desk.open(approval="second_key", most_payments=1)
    await desk.post(f"originating_accounts/{account['id']}", daily_limit=4000)
    for _ in range(2):
        await desk.pay_out(4000)
    await desk.cut_off()  # the day's limit leaves one of them
    await desk.post(f"originating_accounts/{account['id']}", daily_limit="")
    file = await desk.post("bank_files", originating_account=account["id"])
    path = f"bank_files/{file['id']}"
    assert (await desk.refused(f"{path}/approve", sha256=file["sha256"]))["code"] == "bank_file_second_key_required"
    other = await desk.second_key()
    assert (await other.post(f"{path}/approve", sha256=file["sha256"]))["status"] == "approved"


async def test_a_resend_is_deliberate_and_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    await desk.open(delivery="outbox")
    await desk.pay_out()
    file = await desk.sent()
    content = await desk.contents(file)
    outbox = tmp_path / "outbox" / file["originating_account"]
    assert [(one.name, one.read_bytes()) for one in outbox.iterdir()] == [(file["filename"], content)]
    assert (await desk.refused(f"bank_files/{file['id']}/resend"))["param"] == "reason"
    again = await desk.post(f"bank_files/{file['id']}/resend", reason="lost at the bank")
    at_once = await desk.refused(f"bank_files/{file['id']}/resend", reason="pressed twice")
    assert at_once["code"] == "bank_file_unexpected_state", "the first one is still to be laid down"
    await desk.settle()
    assert [one["reason"] for one in again["transmissions"]] == [None, "lost at the bank"]
    assert again["number"] == file["number"]
    assert sorted(one.name for one in outbox.iterdir()) == sorted(
        one["filename"] for one in again["transmissions"]
    )  # fmt: skip
    assert all(one.read_bytes() == content for one in outbox.iterdir())


@pytest.mark.parametrize("how", ["withdraw", "reject"])
async def test_what_is_not_sent_in_the_end_fails_and_the_money_goes_back(desk: Desk, how: str) -> None:
    await desk.open()
    before = await desk.available()
    payouts = [await desk.pay_out(amount) for amount in (1000, 2000)]
    await desk.lines("reference,amount,currency,routing_number,account_number\na,300,usd,021000021,5550001\n")
    file = await (desk.file() if how == "withdraw" else desk.sent())
    done = await desk.post(f"bank_files/{file['id']}/{how}", reason="the wrong batch")
    await desk.settle()
    assert (done["status"], done["rejection_reason"]) == (f"{how}ed".replace("wed", "wn"), "the wrong batch")
    assert await status(desk, *payouts) == ["failed", "failed"]
    one = await desk.get(f"payouts/{payouts[0]['id']}")
    assert (one["failure_code"], await desk.available()) == ("could_not_process", before)
    [bulk] = (await desk.get("bulk_payouts"))["data"]
    assert (bulk["status"], bulk["failed_amount"], bulk["failed_lines"]) == ("completed", 300, 1)
    bank = (await desk.get(f"accounts/{(await desk.get('account'))['id']}/external_accounts"))["data"][0]
    assert bank["status"] == "new"  # it is not the account's fault
    await desk.pass_(7 * DAY)
    assert (await status(desk, *payouts), await desk.available()) == (["failed", "failed"], before)


async def test_a_notification_of_change_corrects_the_account(desk: Desk) -> None:
    await desk.open()
    bank = await desk.bank()
    payout = await desk.pay_out(destination=bank["id"])
    file = await desk.sent()
    content = await desk.contents(file)
    answer = await desk.answer(returned(content, "C03", data="011000015   00099887766"))
    assert (answer["changes"], answer["returns"], answer["unmatched"]) == (1, 0, [])
    path = f"accounts/{bank['account']}/external_accounts/{bank['id']}"
    corrected = await desk.get(path)
    assert (corrected["routing_number"], corrected["last4"], corrected["status"]) == ("011000015", "7766", "new")
    assert corrected["fingerprint"] != bank["fingerprint"]
    assert "account.external_account.updated" in [
        event["type"] for event in (await desk.get("events", limit=10))["data"]
    ]  # fmt: skip
    await desk.pay_out(2000, destination=bank["id"])
    [entry] = nacha.read(await desk.contents(await desk.sent())).batches[0].entries
    assert (entry.routing_number, entry.account_number) == ("011000015", "00099887766")
    await desk.pass_(7 * DAY)
    assert await status(desk, payout) == ["paid"]
    useless = await desk.answer(returned(content, "C02", data="011000016", number=5))
    assert (useless["changes"], [one["reason"] for one in useless["unmatched"]]) == (
        0, ["what it corrects cannot be used"],
    )  # fmt: skip


async def test_an_answer_is_taken_whole_or_not_at_all(desk: Desk) -> None:
    await desk.open()
    payouts = [await desk.pay_out(amount) for amount in (1000, 2000)]
    file = await desk.sent()
    content = await desk.contents(file)
    whole = returned(content)
    cut = whole.decode().splitlines()
    cut[3] = cut[3][:-1] + "9"
    error = await desk.refused("bank_answers", content="\n".join(cut) + "\n")
    assert (error["code"], "line 4" in error["message"]) == ("bank_answer_invalid", True)
    assert await status(desk, *payouts) == ["in_transit", "in_transit"]
    original = await desk.refused("bank_answers", content=content.decode())
    assert original["code"] == "bank_answer_invalid"  # our own file says nothing about a payment
    wrong = await desk.answer(returned(content, amount=77))
    assert (wrong["returns"], wrong["unmatched_count"]) == (0, 2)
    assert "the answer says 77" in wrong["unmatched"][0]["reason"]
    first = traces(content)[0]
    taken = await desk.answer(returned(content, only={first}))
    assert (taken["returns"], taken["unmatched_count"]) == (1, 0)
    assert sorted(await status(desk, *payouts)) == ["failed", "in_transit"]
    rest = await desk.answer(whole)
    assert (rest["returns"], rest["duplicates"]) == (1, 1)
    assert await status(desk, *payouts) == ["failed", "failed"]


async def test_an_answer_about_a_file_that_was_never_sent_is_kept_aside(desk: Desk) -> None:
    await desk.open()
    payout = await desk.pay_out()
    file = await desk.file()
    answer = await desk.answer(returned(await desk.contents(file)))
    assert (answer["returns"], "was not sent" in answer["unmatched"][0]["reason"]) == (0, True)
    await desk.post(f"bank_files/{file['id']}/send")
    await desk.pass_(7 * DAY)
    assert await status(desk, payout) == ["paid"]


async def test_payouts_of_connected_accounts_go_into_the_platforms_file(desk: Desk) -> None:
    await desk.open()
    seller = await desk.post("accounts", type="custom", country="US", **WHOLE,
                             capabilities={"transfers": {"requested": True}})  # fmt: skip
    await desk.post("transfers", amount=5000, currency="usd", destination=seller["id"])
    client = on_behalf(desk.client, seller["id"])
    refused = await client("POST", "/v1/originating_accounts", {"format": "nacha", "nacha": IDS})
    assert refused.status == 400  # files are the platform's
    answer = await client("POST", "/v1/payouts", {"amount": 3000, "currency": "usd"})
    assert answer.status == 200, answer.body
    own = await desk.pay_out(2000)
    file = await desk.sent()
    assert (file["payments"], file["amount"]) == (2, 5000)
    path = f"/v1/payouts/{answer.json['id']}"
    theirs = (await client("GET", path)).json
    assert (theirs["status"], theirs["trace_id"]["status"]) == ("in_transit", "supported")
    await desk.answer(returned(await desk.contents(file), only={theirs["trace_id"]["value"]}))
    await desk.pass_(7 * DAY)
    assert ((await client("GET", path)).json["status"], await status(desk, own)) == ("failed", ["paid"])
    balance = (await client("GET", "/v1/balance")).json["available"]
    assert [one["amount"] for one in balance if one["currency"] == "usd"] == [5000]


async def test_an_account_that_may_not_be_paid_out_is_not(desk: Desk) -> None:
    await desk.open()
    seller = await desk.post("accounts", type="custom", country="US", capabilities={"transfers": {"requested": True}})
    head = "reference,amount,currency,routing_number,account_number,merchant"
    lines = await desk.lines(f"{head}\na,100,usd,021000021,5550001,{seller['id']}\n")
    assert (lines[0]["status"], lines[0]["error"]["code"]) == ("refused", "payouts_not_allowed")


async def test_automatic_payouts_pause_until_the_account_is_replaced(desk: Desk) -> None:
    await desk.open()
    bank = await desk.bank()
    await desk.post("balance_settings", payments={"payouts": {"schedule": {"interval": "daily"}}})
    await desk.pass_(2 * DAY)
    while not await desk.files():
        await desk.pass_(DAY)
    [file] = await desk.files()
    await desk.post(f"bank_files/{file['id']}/send")
    await desk.settle()
    payout = (await desk.get("payouts"))["data"][0]
    assert (payout["automatic"], payout["destination"], payout["status"]) == (True, bank["id"], "in_transit")
    await desk.answer(returned(await desk.contents(file)))
    back = await desk.available()
    await desk.pass_(7 * DAY)
    assert (len((await desk.get("payouts"))["data"]), await desk.available()) == (1, back)
    other = await desk.bank("777000111")
    me = await desk.get("account")
    await desk.post(f"accounts/{me['id']}/external_accounts/{other['id']}", default_for_currency=True)
    await desk.pass_(7 * DAY)
    retried = (await desk.get("payouts"))["data"][0]
    assert (retried["amount"], retried["destination"]) == (payout["amount"], other["id"])


async def test_ten_builds_at_once_put_no_payout_into_two_files(desk: Desk, database_url: str) -> None:
    account = await desk.open(most_payments=3)
    payouts = [await desk.pay_out(100 + n) for n in range(12)]
    await desk.post(f"originating_accounts/{account['id']}", daily_limit=1)
    await desk.cut_off()
    assert await desk.files() == []  # the limit has kept them all back
    await desk.post(f"originating_accounts/{account['id']}", daily_limit="")
    other = desk if database_url.startswith("sqlite") else await opened(database_url)
    if other is not desk:
        other.world.clock.now = desk.world.clock.now  # type: ignore[attr-defined]
    form = {"originating_account": account["id"]}
    built = await asyncio.gather(*(one.client("POST", "/v1/bank_files", form) for one in (desk, other) * 5))
    if other is not desk:
        await other.world.engine.close()
    made = [answer.json for answer in built if answer.status == 200]
    assert [answer.json["error"]["code"] for answer in built if answer.status != 200] == ["bank_file_nothing_due"] * 6
    assert sorted(file["number"] for file in made) == [1, 2, 3, 4]
    told = [(await desk.get("payment_instructions", source=one["id"]))["data"][0] for one in payouts]
    in_files = [trace for file in made for trace in traces(await desk.contents(file))]
    assert sorted(one["trace"] for one in told) == sorted(in_files)
    assert len(set(in_files)) == 12
