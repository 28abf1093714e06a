"""What must be true of a shop after every step, seen through the API and held against the books."""

from __future__ import annotations

from collections import Counter
from typing import Any

from asgi import Client
from nostro.kernel.clock import utc_date
from nostro.storage.world import World

from .payments import CURRENCIES
from .shop import MARKED, Shop
from .wallets import BANK, WALLETS

Objects = list[dict[str, Any]]
Booked = Counter[tuple[str, str]]
LISTED = {
    "/v1/payment_intents", "/v1/refunds", "/v1/payouts", "/v1/disputes", "/v1/setup_intents", "/v1/charges",
    "/v1/customers", "/v1/ledger/holds",
}  # fmt: skip


async def check_shop(world: World, client: Client, shop: Shop) -> None:
    booked = await postings(world, client)
    lists = {path: await client.all(path) for path in sorted(LISTED)}
    entries = {code: await client.all("/v1/ledger/entries", account=code) for code in (BANK, *WALLETS)}
    for objects in lists.values():
        for object in reversed(objects):
            shop.see(object)
    for object in (entry for account in entries.values() for entry in reversed(account)):
        shop.see(object)
    charges, refunds = lists["/v1/charges"], lists["/v1/refunds"]
    check_charges(charges, refunds)
    check_authorized(charges, booked)
    await check_balance(client, booked)
    await check_statement(client, booked, charges, refunds)
    await check_wallets(client, entries, lists["/v1/ledger/holds"])
    check_once(lists, entries)
    check_present(shop, lists, entries)


async def postings(world: World, client: Client) -> Booked:
    """Every account of the shop's book by code and currency, added up from its lines, credit positive."""
    merchant = (await client("GET", "/v1/account")).json["id"]
    rows = await world.engine.rows(
        "SELECT a.code, a.currency, -sum(p.amount) FROM ledger_posting p JOIN ledger_account a ON a.account=p.account "
        "WHERE a.book=(SELECT book FROM scope WHERE merchant=?) GROUP BY a.code, a.currency", (merchant,),
    )  # fmt: skip
    totals: Counter[str] = Counter()
    for _, currency, amount in rows:
        totals[currency] += int(amount)
    assert not any(totals.values()), f"the books are out of balance: {totals}"
    return Counter({(code, currency): int(amount) for code, currency, amount in rows})


def check_charges(charges: Objects, refunds: Objects) -> None:
    paid = Counter(charge["payment_intent"] for charge in charges if charge["paid"] and charge["payment_intent"])
    assert not [intent for intent, times in paid.items() if times > 1], "an intent was charged twice"
    for charge in charges:
        own = [r for r in refunds if r["charge"] == charge["id"] and _stands(r)]
        money = sum(r["amount"] for r in own if r["balance_transaction"])
        refunded = sum(r["amount"] for r in own)
        assert charge["amount_refunded"] == refunded <= charge["amount"], f"{charge['id']} forgot a refund"
        released = charge["amount"] - charge["amount_captured"] if charge["amount_captured"] else 0
        assert money - released <= charge["amount_captured"] <= charge["amount"], (
            f"{charge['id']} gave back more than it took"
        )
        assert charge["refunded"] == (charge["amount_refunded"] == charge["amount"])


def check_authorized(charges: Objects, booked: Booked) -> None:
    """What is held off the balance sheet is what is authorized and open."""
    open = [c for c in charges if c["paid"] and not c["captured"] and not c["refunded"]]
    held = Counter({currency: sum(c["amount"] for c in open if c["currency"] == currency) for currency in CURRENCIES})
    for (code, currency), amount in booked.items():
        if code.endswith(":uncaptured"):
            held[currency] -= amount
    assert not nonzero(held), f"authorized and booked differ by {nonzero(held)}"


async def check_balance(client: Client, booked: Booked) -> None:
    shown: Counter[tuple[str, str]] = Counter()
    balance = (await client("GET", "/v1/balance")).json
    for kind in ("available", "pending"):
        for line in balance[kind]:
            shown[kind, line["currency"]] += line["amount"]
    stands: Counter[tuple[str, str]] = Counter()
    for (code, currency), amount in booked.items():
        if (kind := _merchants(code)) is not None:
            stands[kind, currency] += amount
    assert nonzero(shown) == nonzero(stands), "the balance is not what the books say"


async def check_nets(client: Client, booked: Booked) -> Objects:
    """The statement's lines add up to the balance; they are answered."""
    lines = await client.all("/v1/balance_transactions")
    nets: Counter[str] = Counter()
    for line in lines:
        assert line["net"] == line["amount"] - line["fee"]
        nets[line["currency"]] += line["net"]
    stands: Counter[str] = Counter()
    for (code, currency), amount in booked.items():
        if _merchants(code) is not None:
            stands[currency] += amount
    assert nonzero(nets) == nonzero(stands), "the statement does not add up to the balance"
    return lines


async def check_statement(client: Client, booked: Booked, charges: Objects, refunds: Objects) -> None:
    """The lines add up to the balance; those of charges and of refunds to the objects themselves."""
    lines = await check_nets(client, booked)
    taken = sum(line["amount"] for line in lines if line["type"] == "charge")
    given = -sum(line["amount"] for line in lines if line["type"] in ("refund", "refund_failure"))
    # A capture in part shows all that was authorized, and a refund of what was not captured.
    whole = sum(charge["amount"] for charge in charges if charge["amount_captured"])
    assert taken == whole, "a charge is not on the statement"
    assert given == sum(r["amount"] for r in refunds if r["balance_transaction"] and _stands(r)), (
        "a refund is not on the statement"
    )


async def check_wallets(client: Client, entries: dict[str, Objects], holds: Objects) -> None:
    """Each account is the sum of the entries that the API shows, keeps its limit, and holds what its holds say."""
    for code in (BANK, *WALLETS):
        shown = (await client("GET", "/v1/ledger/balances", {"account": code})).json["data"][0]
        lines = [line for entry in entries[code] for line in entry["postings"] if line["account"] == code]
        stands = sum(line["amount"] if line["direction"] == "credit" else -line["amount"] for line in lines)
        assert shown["balance"] == (-stands if code == BANK else stands), f"{code} is not the sum of its entries"
        assert code == BANK or shown["balance"] >= 0, f"{code} was overdrawn"
        held = sum(hold["amount"] for hold in holds if hold["account"] == code and hold["status"] == "held")
        assert shown["held"] == held, f"{code} holds {shown['held']}, and its holds say {held}"


def check_once(lists: dict[str, Objects], entries: dict[str, Objects]) -> None:
    """However often a key was sent, and whatever crashed: one object at most."""
    own = {entry["id"]: entry for account in entries.values() for entry in account}
    lists = {**lists, "/v1/ledger/entries": list(own.values())}
    for path in lists.keys() & MARKED:
        keys = Counter((made.get("metadata") or {}).get("key") for made in lists[path])
        keys.pop(None, None)
        assert not [key for key, times in keys.items() if times > 1], f"{path} made one thing twice"
    references = Counter(entry["reference"] for entry in own.values() if entry["reference"])
    assert not [name for name, times in references.items() if times > 1], "a reference was booked twice"


def check_present(shop: Shop, lists: dict[str, Objects], entries: dict[str, Objects]) -> None:
    """Whatever was acknowledged is there."""
    there = {object["id"] for objects in (*lists.values(), *entries.values()) for object in objects}
    paths = {*lists, "/v1/ledger/entries"}
    for id, path in shop.acknowledged.items():
        assert path not in paths or id in there, f"{id} was acknowledged, and is not there"


async def check_done(world: World, client: Client, now: int) -> None:
    """When all is quiet, what was to happen by `now` (the sandbox's second) has happened."""
    await check_released(world, client, now)
    holds = [h for h in await client.all("/v1/ledger/holds", status="held") if (h["expires_at"] or now) < now]
    assert not holds, f"{holds[0]['id']} should have expired"
    payouts = [p for p in await client.all("/v1/payouts") if p["status"] in ("pending", "in_transit")]
    assert not [p for p in payouts if p["arrival_date"] < now - 86_400], "a payout never arrived"


async def check_released(world: World, client: Client, now: int) -> None:
    today = utc_date(now).isoformat()
    for (code, currency), amount in (await postings(world, client)).items():
        assert _merchants(code) != "pending" or code[-10:] > today or not amount, (
            f"{code} {currency} was never released"
        )


def _merchants(code: str) -> str | None:
    """`available` or `pending`, for an account that is the merchant's."""
    kind = code.split(":")[2] if code.startswith("merchant:") else ""
    return kind if kind in ("available", "pending") else None


def _stands(refund: dict[str, Any]) -> bool:
    return refund["status"] not in ("failed", "canceled")


def nonzero(counter: Counter[Any]) -> dict[Any, int]:
    return {key: amount for key, amount in counter.items() if amount}
