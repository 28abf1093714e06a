"""Scenes for rivals (tests/rivals.py): what moves money, prepared so that two of the requests cannot both have it."""

from __future__ import annotations

from typing import Any

from rivals import DUE, Ask, Sandbox, Scene
from seller import ADA, BANK, WHOLE
from treasury_desk import IDS, returned

DAY = 86_400
BOTH = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
CONTROLLER = {
    "fees": {"payer": "account"}, "losses": {"payments": "application"}, "requirement_collection": "application",
    "stripe_dashboard": {"type": "none"},
}  # fmt: skip


async def bank(desk: Sandbox) -> str:
    me = await desk.get("account")
    return str((await desk.post(f"accounts/{me['id']}/external_accounts", external_account=BANK))["id"])


async def seller(desk: Sandbox) -> str:
    known = {**WHOLE, "individual": {**ADA, "id_number": "000000000"}}
    made = await desk.post("accounts", controller=CONTROLLER, country="US", capabilities=BOTH, **known)
    return str(made["id"])


async def held_payment(desk: Sandbox) -> list[Ask]:
    intent = (await desk.pay(capture_method="manual", card="pm_card_visa"))["id"]
    one = f"payment_intents/{intent}"
    return [
        Ask(f"{one}/capture"), Ask(f"{one}/capture", {"amount_to_capture": 4000}), Ask(f"{one}/cancel"),
        Ask(one, {"metadata": {"a": "b"}}),
    ]  # fmt: skip


async def new_payment(desk: Sandbox) -> list[Ask]:
    form: dict[str, Any] = {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa",
                            "payment_method_types": ["card"]}  # fmt: skip
    one = f"payment_intents/{(await desk.post('payment_intents', **form))['id']}"
    return [Ask(f"{one}/confirm"), Ask(f"{one}/cancel"), Ask(one, {"amount": 700}),
            Ask(f"{one}/confirm", {"payment_method": "pm_card_visa_chargeDeclined"})]  # fmt: skip


async def charge(desk: Sandbox) -> list[Ask]:
    made = (await desk.pay())["latest_charge"]
    await desk.settle()
    return [
        Ask("refunds", {"charge": made}), Ask("refunds", {"charge": made, "amount": 6000}),
        Ask("refunds", {"charge": made, "amount": 3000}),
        Ask("reserve/holds", {"source_charge": made, "amount": 6000}), Ask("reserve/holds", {"source_charge": made}),
    ]  # fmt: skip


async def failing_refund(desk: Sandbox) -> list[Ask]:
    made = (await desk.pay(card="pm_card_refundFail"))["latest_charge"]
    await desk.later(8 * DAY)
    await desk.settle()
    await desk.post("refunds", charge=made, amount=6000)
    await desk.later(DAY)
    return [DUE, Ask("refunds", {"charge": made, "amount": 4000}), Ask("refunds", {"charge": made, "amount": 6000})]


async def available(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    await desk.settle()
    to, account = await bank(desk), await seller(desk)
    usd = {"currency": "usd"}
    return [
        Ask("payouts", {"amount": 6000, **usd}), Ask("payouts", {"amount": 6000, "method": "instant", **usd}),
        Ask("payouts", {"amount": 9000, "destination": to, **usd}),
        Ask("balance/adjustments", {"amount": -6000, "reason": "x", **usd}),
        Ask("balance/conversions", {"amount": 6000, "from_currency": "usd", "to_currency": "eur"}),
        Ask("reserve/holds", {"amount": 6000, **usd}),
        Ask("transfers", {"amount": 6000, "destination": account, **usd}),
    ]  # fmt: skip


async def limited_instants(desk: Sandbox) -> list[Ask]:
    await desk.pay(50_000)
    await desk.settle()
    await bank(desk)
    me = await desk.get("account")
    card = await desk.post(f"accounts/{me['id']}/external_accounts", external_account="tok_visa_debit")
    await desk.post("balance/policy", instant_payouts={"daily_amount_by_currency": {"usd": 10_000}})
    form = {"currency": "usd", "method": "instant", "destination": card["id"]}
    return [Ask("payouts", {"amount": 6000, **form}), Ask("payouts", {"amount": 5000, **form}),
            Ask("balance/policy", {"instant_payouts": {"daily_amount_by_currency": {"usd": 5500}}})]  # fmt: skip


async def payout(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    await desk.settle()
    await bank(desk)
    made = (await desk.post("payouts", amount=6000, currency="usd"))["id"]
    return [Ask(f"payouts/{made}/cancel"), Ask(f"payouts/{made}/reverse"),
            Ask(f"payouts/{made}", {"metadata": {"a": 1}}),
            Ask("payouts", {"amount": 6000, "currency": "usd"})]  # fmt: skip


async def arriving_payout(desk: Sandbox) -> list[Ask]:
    asks = await payout(desk)
    await desk.later(8 * DAY)
    return [*asks, DUE]


async def paid_payout(desk: Sandbox) -> list[Ask]:
    asks = await arriving_payout(desk)
    await desk.settle()
    return asks


async def early(desk: Sandbox) -> list[Ask]:
    await desk.pay(card="pm_card_visa")
    await desk.settle()
    usd = {"currency": "usd"}
    return [
        Ask("balance/advances", {"amount": 5000, **usd}), Ask("balance/advances", {"amount": 4000, **usd}),
        Ask("balance/policy", {"advances": {"percent": 50}}),
        Ask("reserve/holds", {"amount": 4000, **usd}),
        Ask("balance/adjustments", {"amount": -3000, "reason": "x", "allow_negative_balance": True, **usd}),
    ]  # fmt: skip


async def early_due(desk: Sandbox) -> list[Ask]:
    await desk.pay(card="pm_card_visa")
    await desk.settle()
    await bank(desk)
    await desk.post("balance/advances", amount=5000, currency="usd")
    await desk.later(8 * DAY)
    return [DUE, Ask("balance/advances", {"amount": 2000, "currency": "usd"}),
            Ask("payouts", {"amount": 4000, "currency": "usd"}),
            Ask("balance/adjustments", {"amount": -4000, "currency": "usd", "reason": "x"})]  # fmt: skip


async def reserve(desk: Sandbox) -> list[Ask]:
    made = (await desk.pay())["latest_charge"]
    await desk.settle()
    hold = (await desk.post("reserve/holds", source_charge=made, amount=6000))["id"]
    return [
        Ask(f"reserve/holds/{hold}/release"), Ask(f"reserve/holds/{hold}/release", {"amount": 4000}),
        Ask("refunds", {"charge": made}), Ask("refunds", {"charge": made, "amount": 5000}),
    ]  # fmt: skip


async def reserve_due(desk: Sandbox) -> list[Ask]:
    plan = await desk.post(
        "reserve/plans", type="rolling_release", percent=30, rolling_release={"days_after_charge": 5}
    )
    made = (await desk.pay())["latest_charge"]
    await desk.settle()
    [hold] = (await desk.get("reserve/holds"))["data"]
    await desk.later(7 * DAY)
    return [DUE, Ask(f"reserve/holds/{hold['id']}/release", {"amount": 1000}), Ask("refunds", {"charge": made}),
            Ask(f"reserve/plans/{plan['id']}/disable", {"release_holds": True})]  # fmt: skip


async def transferred(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    await desk.settle()
    account = await seller(desk)
    made = (await desk.post("transfers", amount=5000, currency="usd", destination=account))["id"]
    return [
        Ask(f"transfers/{made}/reversals"), Ask(f"transfers/{made}/reversals", {"amount": 3000}),
        Ask("payouts", {"amount": 4000, "currency": "usd"}, account),
        Ask("balance/adjustments", {"amount": -4000, "currency": "usd", "reason": "x"}, account),
        Ask("transfers", {"amount": 3000, "currency": "usd", "destination": account}),
    ]  # fmt: skip


async def of_charge(desk: Sandbox) -> list[Ask]:
    account = await seller(desk)
    made = (await desk.pay(card="pm_card_visa"))["latest_charge"]
    form = {"currency": "usd", "destination": account, "source_transaction": made}
    return [Ask("transfers", {"amount": 6000, **form}), Ask("transfers", {"amount": 9000, **form}),
            Ask("refunds", {"charge": made}), Ask("refunds", {"charge": made, "amount": 5000})]  # fmt: skip


async def destination(desk: Sandbox) -> list[Ask]:
    account = await seller(desk)
    paid = await desk.pay(application_fee_amount=1001, transfer_data={"destination": account})
    await desk.settle()
    made = await desk.get(f"charges/{paid['latest_charge']}")
    both = {"reverse_transfer": True, "refund_application_fee": True}
    fee = (await desk.get("application_fees"))["data"][0]["id"]
    return [
        Ask("refunds", {"charge": made["id"], **both}), Ask("refunds", {"charge": made["id"], "amount": 3333, **both}),
        Ask("refunds", {"charge": made["id"], "amount": 7000}),
        Ask(f"transfers/{made['transfer']}/reversals", {"amount": 6000}),
        Ask(f"application_fees/{fee}/refunds", {"amount": 600}), Ask(f"application_fees/{fee}/refunds"),
    ]  # fmt: skip


async def direct(desk: Sandbox) -> list[Ask]:
    account = await seller(desk)
    paid = await desk.pay(on=account, application_fee_amount=999)
    await desk.settle()
    fee = (await desk.get("application_fees"))["data"][0]["id"]
    made = paid["latest_charge"]
    return [
        Ask("refunds", {"charge": made, "refund_application_fee": True}, account),
        Ask("refunds", {"charge": made, "amount": 5001, "refund_application_fee": True}, account),
        Ask(f"application_fees/{fee}/refunds", {"amount": 600}), Ask(f"application_fees/{fee}/refunds"),
        Ask("payouts", {"amount": 8000, "currency": "usd"}, account),
        Ask(f"accounts/{account}", {"metadata": {"a": 1}}),
    ]  # fmt: skip


async def disputed(desk: Sandbox) -> list[Ask]:
    made = (await desk.pay(card="pm_card_createDispute"))["latest_charge"]
    await desk.settle()
    [dispute] = (await desk.get("disputes"))["data"]
    one = f"disputes/{dispute['id']}"
    evidence = {"evidence": {"uncategorized_text": "winning_evidence"}}
    return [Ask(one, {**evidence, "submit": True}), Ask(f"{one}/close"), Ask(one, {**evidence, "submit": False}),
            Ask("refunds", {"charge": made})]  # fmt: skip


async def inquiry(desk: Sandbox) -> list[Ask]:
    made = (await desk.pay(card="pm_card_createDisputeInquiry"))["latest_charge"]
    await desk.settle()
    [dispute] = (await desk.get("disputes"))["data"]
    one = f"disputes/{dispute['id']}"
    return [Ask(one, {"evidence": {"uncategorized_text": "losing_evidence"}, "submit": True}), Ask(f"{one}/close"),
            Ask("refunds", {"charge": made}), Ask("refunds", {"charge": made, "amount": 6000})]  # fmt: skip


async def customer_balance(desk: Sandbox) -> list[Ask]:
    customer = (await desk.post("customers", balance=-1000))["id"]
    one = f"customers/{customer}"
    form = {"currency": "usd"}
    return [Ask(f"{one}/balance_transactions", {"amount": 700, **form}), Ask(one, {"balance": 500}),
            Ask(f"{one}/balance_transactions", {"amount": -300, "currency": "eur"}),
            Ask(one, method="DELETE")]  # fmt: skip


async def cash(desk: Sandbox) -> list[Ask]:
    customer = (await desk.post("customers"))["id"]
    await desk.post(f"test_helpers/customers/{customer}/fund_cash_balance", amount=10_000, currency="eur")
    await desk.settle()
    refund = {"origin": "customer_balance", "customer": customer, "currency": "eur"}
    return [
        Ask("refunds", {"amount": 6000, **refund}), Ask("refunds", {"amount": 5000, **refund}),
        Ask(f"test_helpers/customers/{customer}/fund_cash_balance", {"amount": 700, "currency": "eur"}),
    ]  # fmt: skip


async def topup(desk: Sandbox) -> list[Ask]:
    made = (await desk.post("topups", amount=5000, currency="usd"))["id"]
    await desk.later(8 * DAY)
    return [Ask(f"topups/{made}/cancel"), DUE, Ask(f"topups/{made}", {"description": "x"})]


async def quoted(desk: Sandbox) -> list[Ask]:
    await desk.pay(20_000)
    await desk.settle()
    quote = await desk.post("fx_quotes", from_currencies=["usd"], to_currency="eur", lock_duration="hour")
    form = {"from_currency": "usd", "to_currency": "eur", "fx_quote": quote["id"]}
    return [
        Ask("balance/conversions", {"amount": 6000, **form}),
        Ask("balance/conversions", {"amount": 15_000, **form}),
    ]


async def adjusted(desk: Sandbox) -> list[Ask]:
    made = await desk.post("balance/adjustments", amount=5000, currency="usd", reason="x")
    one = f"balance/adjustments/{made['id']}"
    return [Ask(f"{one}/reverse"), Ask(one, {"metadata": {"a": "b"}}),
            Ask("balance/adjustments", {"amount": -3000, "currency": "usd", "reason": "y"})]  # fmt: skip


def _entry(debit: str, credit: str, amount: int) -> dict[str, Any]:
    return {"currency": "usd", "postings": [{"account": debit, "amount": amount, "direction": "debit"},
                                            {"account": credit, "amount": amount, "direction": "credit"}]}  # fmt: skip


async def ledger(desk: Sandbox) -> list[Ask]:
    await desk.post("ledger/accounts", code="app:bank", currency="usd", normal_balance="debit")
    floor = {"floor": 0}
    await desk.post("ledger/accounts", code="app:user", currency="usd", normal_balance="credit", **floor)
    first = await desk.post("ledger/entries", **_entry("app:bank", "app:user", 10_000))
    held = {"account": "app:user", "destination": "app:bank", "currency": "usd"}
    hold = (await desk.post("ledger/holds", amount=6000, **held))["id"]
    return [
        Ask("ledger/entries", _entry("app:user", "app:bank", 3000)), Ask("ledger/holds", {"amount": 3000, **held}),
        Ask(f"ledger/holds/{hold}/post"), Ask(f"ledger/holds/{hold}/post", {"amount": 2000}),
        Ask(f"ledger/holds/{hold}/void"), Ask(f"ledger/entries/{first['id']}/reverse"),
        Ask("ledger/entries", {**_entry("app:user", "app:bank", 1000), "reference": "once"}),
        Ask("ledger/accounts/app:user", {"floor": 3500}),
        Ask("ledger/accounts", {"code": "app:new", "currency": "usd", "normal_balance": "credit"}),
        Ask("ledger/entries/bulk", {"reference": "b1"}, lines='{"debit":"app:user","credit":"app:bank","amount":3000,'
            '"currency":"usd"}\n'),
    ]  # fmt: skip


async def held_until(desk: Sandbox) -> list[Ask]:
    await desk.post("ledger/accounts", code="app:bank", currency="usd", normal_balance="debit")
    await desk.post("ledger/accounts", code="app:user", currency="usd", normal_balance="credit", floor=0)
    await desk.post("ledger/entries", **_entry("app:bank", "app:user", 10_000))
    now = (await desk.get("test_helpers/sandbox"))["now"]
    form = {"account": "app:user", "destination": "app:bank", "currency": "usd", "expires_at": now + 60}
    hold = (await desk.post("ledger/holds", amount=6000, **form))["id"]
    await desk.later(DAY)
    return [DUE, Ask(f"ledger/holds/{hold}/post"), Ask(f"ledger/holds/{hold}/void")]


async def closing(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    await desk.settle()
    await desk.later(62 * DAY)
    await desk.settle()
    form = {"amount": -100, "currency": "usd", "reason": "x"}
    return [Ask("reports/periods", {"month": "2026-09"}), Ask("balance/adjustments", form)]


async def sellers_end(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    await desk.settle()
    account = await seller(desk)
    return [Ask(f"accounts/{account}", method="DELETE"),
            Ask("transfers", {"amount": 3000, "currency": "usd", "destination": account}),
            Ask("payment_intents", {"amount": 5000, "currency": "usd", "payment_method": "pm_card_visa",
                                    "confirm": True, "payment_method_types": ["card"]}, account),
            Ask(f"accounts/{account}/reject", {"reason": "fraud"}),
            Ask(f"accounts/{account}/capabilities/transfers", {"requested": False})]  # fmt: skip


async def due_files(desk: Sandbox) -> list[Ask]:
    """Payouts that wait for their cut-off, which has come."""
    await desk.pay(100_000)
    await desk.settle()
    await bank(desk)
    account = await desk.post("originating_accounts", format="nacha", nacha=IDS, approval="none", daily_limit=5000)
    made = [(await desk.post("payouts", amount=amount, currency="usd"))["id"] for amount in (3000, 4000)]
    await desk.later(2 * DAY)
    return [DUE, Ask(f"payouts/{made[0]}/cancel"), Ask("bank_files", {"originating_account": account["id"]}),
            Ask(f"originating_accounts/{account['id']}", {"daily_limit": 3500})]  # fmt: skip


async def due_build(desk: Sandbox) -> list[Ask]:
    asks = await due_files(desk)
    await desk.settle()
    await desk.later(DAY)
    return asks


async def built_file(desk: Sandbox) -> list[Ask]:
    await due_build(desk)
    await desk.settle()
    file = (await desk.get("bank_files"))["data"][0]
    one = f"bank_files/{file['id']}"
    return [Ask(f"{one}/send"), Ask(f"{one}/withdraw", {"reason": "x"}), Ask(f"{one}/reject", {"reason": "x"}), DUE]


async def sent_file(desk: Sandbox) -> list[Ask]:
    await due_build(desk)
    await desk.settle()
    file = (await desk.get("bank_files"))["data"][0]
    one = f"bank_files/{file['id']}"
    await desk.post(f"{one}/send")
    content = (await desk.ask(Ask(f"{one}/contents", method="GET"))).body
    await desk.later(DAY)
    return [
        Ask(f"{one}/accept"), Ask(f"{one}/reject", {"reason": "x"}), Ask(f"{one}/resend", {"reason": "x"}), DUE,
        Ask("bank_answers", {"content": returned(content).decode()}),
        Ask("bank_answers", {"content": returned(content, number=2).decode()}),
    ]  # fmt: skip


async def bulk_payouts(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    await desk.settle()
    await desk.post("originating_accounts", format="nacha", nacha=IDS, approval="none")
    line = "{},{},usd,021000021,5550001\n"
    head = "reference,amount,currency,routing_number,account_number\n"
    bodies = (head + line.format("a", 4000) + line.format("b", 3000), head + line.format("b", 3000), head +
              line.format("c", 8000))  # fmt: skip
    lines = [Ask("bulk_payouts", {"reference": "nov"}, lines=body, kind="text/csv") for body in bodies]
    return [*lines, Ask("bulk_payouts", {"reference": "dec"}, lines=bodies[0], kind="text/csv"),
            Ask("balance/adjustments", {"amount": -5000, "currency": "usd", "reason": "x"})]  # fmt: skip


def _statement(rows: str, opening: str = "") -> Ask:
    """A bank's CSV, as a form with a file."""
    given = {"format": "csv", "mapping[currency]": "usd", "mapping[account]": "US-1", "mapping[columns][date]": "date",
             "mapping[columns][amount]": "amount", "mapping[columns][end_to_end]": "reference",
             "mapping[columns][description][0]": "text"}  # fmt: skip
    if opening:
        given["mapping[opening_balance]"] = opening
    head = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = "".join(head.format(name, "", value) for name, value in given.items())
    file = head.format("file", '; filename="s.csv"', "date,amount,reference,text\n" + rows)
    kind = "multipart/form-data; boundary=b"
    return Ask("reconciliation/statements", lines=f"{body}{file}--b--\r\n", kind=kind)


async def statements(desk: Sandbox) -> list[Ask]:
    await desk.pay()
    first, second = "2026-09-21,50.00,one,x\n2026-09-21,7.00,two,x\n", "2026-09-22,-5.00,fee,x\n"
    return [_statement(first, "0.00"), _statement(first + second, "0.00"), _statement(second, "57.00"),
            _statement("2026-09-21,51.00,one,x\n", "0.00")]  # fmt: skip


async def reconciled(desk: Sandbox) -> list[Ask]:
    """Two lines of the bank and two entries that could be theirs."""
    for amount in (5000, 700):
        await desk.post("topups", amount=amount, currency="usd")
    await desk.later(8 * DAY)
    await desk.settle()
    rows = "2026-09-29,50.00,{},x\n2026-09-29,7.00,,x\n2026-09-29,-3.00,fee,fee\n"
    answer = await desk.ask(_statement(rows.format("unknown"), "0.00"))
    assert answer.status == 200, answer.body
    account = (await desk.get("reconciliation/accounts"))["data"][0]["id"]
    path = "reconciliation/lines"
    lines = [one["id"] for one in (await desk.get(path, account=account))["data"] if one["amount"]]
    entries = [one["id"] for one in (await desk.get("ledger/entries", account="bank:cash"))["data"]]
    by = {"account": account, "by": "ada", "reason": "x"}
    return [
        Ask(f"reconciliation/accounts/{account}/match"),
        Ask("reconciliation/matches", {**by, "lines": lines[:1], "entries": entries[:1], "book_as": "bank_fee"}),
        Ask("reconciliation/matches", {**by, "lines": lines[:2], "entries": entries[1:], "book_as": "bank_fee"}),
        Ask("reconciliation/matches", {**by, "lines": lines, "entries": entries, "book_as": "bank_fee"}),
        _statement("2026-09-30,1.00,more,x\n", "54.00"),
    ]  # fmt: skip


async def matched(desk: Sandbox) -> list[Ask]:
    asks = await reconciled(desk)
    answer = await desk.ask(asks[0])
    assert answer.status == 200, answer.body
    account = (await desk.get("reconciliation/accounts"))["data"][0]["id"]
    by = {"by": "ada", "reason": "x"}
    found = (await desk.get("reconciliation/matches", account=account))["data"]
    breaks = (await desk.get("reconciliation/breaks"))["data"]
    await desk.later(2 * DAY)
    day = await desk.post("reconciliation/days", account=account, date="2026-09-29")
    return [
        asks[0], *(Ask(f"reconciliation/matches/{one['id']}/undo", by) for one in found[:1]),
        *(Ask(f"reconciliation/breaks/{one['id']}/resolve", {**by, "book_as": "bank_fee"}) for one in breaks[:2]),
        Ask(f"reconciliation/days/{day['id']}/close", {"by": "ada"}),
        Ask("reconciliation/days", {"account": account, "date": "2026-09-29"}),
    ]  # fmt: skip


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        held_payment, new_payment, charge, failing_refund, available, limited_instants, payout, arriving_payout,
        paid_payout, early, early_due, reserve, reserve_due, transferred, of_charge, destination, direct, disputed,
        inquiry, customer_balance, cash, topup, quoted, adjusted, ledger, held_until, closing, sellers_end,
        due_files, due_build, built_file, sent_file, bulk_payouts, statements, reconciled, matched,
    )
}  # fmt: skip
