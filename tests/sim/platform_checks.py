"""What must be true of a platform and its sellers after every step: whose money it is, and where it waits."""

from __future__ import annotations

from collections import Counter
from math import isclose
from typing import Any

from asgi import Client
from nostro.kernel.money import exponent
from nostro.storage.world import World

from .bank_checks import check_bank
from .checks import (
    Booked,
    Objects,
    check_authorized,
    check_balance,
    check_charges,
    check_nets,
    check_once,
    check_present,
    check_released,
    nonzero,
    postings,
)
from .platform import Platform

OWN = (
    "/v1/payment_intents", "/v1/refunds", "/v1/payouts", "/v1/disputes", "/v1/charges", "/v1/reserve/holds",
    "/v1/balance/advances", "/v1/balance/adjustments",
)  # fmt: skip
PLATFORMS = (
    "/v1/setup_intents", "/v1/customers", "/v1/transfers", "/v1/application_fees", "/v1/topups", "/v1/reserve/plans",
    "/v1/balance/conversions", "/v1/fx_quotes", "/v1/accounts", "/v1/originating_accounts", "/v1/bank_files",
    "/v1/bank_answers", "/v1/bulk_payouts", "/v1/reconciliation/breaks", "/v1/reconciliation/days",
    "/v1/reconciliation/statements", "/v1/reports/periods",
)  # fmt: skip
DAY = 86_400
OPEN = ("pending", "in_transit")
SCOPE = "SELECT scope FROM scope WHERE merchant=?"
COVERS = "SELECT ref, due FROM job WHERE kind='connect.cover' AND scope=?"
Lists = dict[str, Objects]


async def check_platform(world: World, api: Any, platform: Platform) -> None:
    client = platform.client(api)
    booked = await postings(world, client)
    own = await _lists(client, (*OWN, *PLATFORMS), platform)
    sellers: dict[str, Lists] = {}
    for account in list(platform.sellers):
        sellers[account] = await _lists(platform.client(api, account), OWN, platform, account)
    for merchant, lists in ((platform.id, own), *sellers.items()):
        account = None if merchant == platform.id else merchant
        await check_merchant(platform.client(api, account), _of(booked, merchant), lists)
    check_shares(own)
    check_quotes(own)
    check_advances(booked, (own, *sellers.values()))
    await check_reserved(world, client, booked, platform)
    await check_bank(world, client, platform, own)
    entries = {"/v1/ledger/entries": await client.all("/v1/ledger/entries", account="app:left")}
    for lists in (own, *sellers.values()):
        check_once(lists, entries)
    every = {
        **own,
        **{f"{account}{path}": found for account, lists in sellers.items() for path, found in lists.items()},
    }
    check_present(platform, every, entries)


async def _lists(client: Client, paths: tuple[str, ...], platform: Platform, account: str | None = None) -> Lists:
    lists = {path: await client.all(path) for path in paths}
    for objects in lists.values():
        for object in reversed(objects):
            platform.see(object, account)
    return lists


async def check_merchant(client: Client, booked: Booked, lists: Lists) -> None:
    """Of one merchant: what it is shown is what its accounts hold, and what is on its way is what objects say."""
    charges = lists["/v1/charges"]
    check_charges(charges, lists["/v1/refunds"])
    check_authorized(charges, booked)
    await check_balance(client, booked)
    lines = await check_nets(client, booked)
    by_id = {line["id"]: line for line in lines}
    for charge in charges:
        if charge["balance_transaction"] is None:
            continue
        line = by_id[charge["balance_transaction"]]
        same = line["currency"] == charge["currency"]
        assert not same or line["amount"] == charge["amount"], f"{charge['id']} is wrong on the statement"
    on_way: Counter[str] = Counter()
    for payout in lists["/v1/payouts"]:
        on_way[payout["currency"]] += payout["amount"] * (payout["status"] in OPEN)
    for bulk in lists.get("/v1/bulk_payouts", ()):
        on_way[bulk["currency"]] += bulk["amount"] - bulk["settled_amount"] - bulk["failed_amount"]
    assert nonzero(on_way) == _standing(booked, "in_transit"), "what is in transit is not what payouts say"
    held: Counter[str] = Counter()
    for hold in lists["/v1/reserve/holds"]:
        held[hold["currency"]] += hold["amount"] - sum(one["amount"] for one in hold["release_details"])
    assert nonzero(held) == _standing(booked, "reserved"), "what is reserved is not what holds say"


def check_shares(lists: Lists) -> None:
    """No more is taken back of a transfer or a fee than it was, and as much as its parts say."""
    for path, given, parts in (("/v1/transfers", "amount_reversed", "reversals"),
                               ("/v1/application_fees", "amount_refunded", "refunds")):  # fmt: skip
        for one in lists[path]:
            assert 0 <= one[given] <= one["amount"], f"{one['id']} gave back more than it was"
            if not one[parts]["has_more"]:
                total = sum(part["amount"] for part in one[parts]["data"])
                assert one[given] == total, f"{one['id']} gave back {one[given]}, and its parts say {total}"


def check_quotes(lists: Lists) -> None:
    """A conversion has the rate that was promised, while it was promised."""
    quotes = {quote["id"]: quote for quote in lists["/v1/fx_quotes"]}
    for one in lists["/v1/balance/conversions"]:
        quote = quotes.get(one["fx_quote"])
        if quote is not None:
            assert quote["created"] <= one["created"] < quote["lock_expires_at"], f"{one['id']} is of a dead quote"
            promised = quote["rates"][one["from_currency"]]["exchange_rate"]
            minor = 10.0 ** (exponent(one["currency"]) - exponent(one["from_currency"]))
            assert isclose(one["exchange_rate"], promised * minor), f"{one['id']} is not at the rate of its quote"


def check_advances(booked: Booked, everybody: tuple[Lists, ...]) -> None:
    owed: Counter[str] = Counter()
    for advance in (one for lists in everybody for one in lists["/v1/balance/advances"]):
        if advance["status"] in ("outstanding", "past_due"):
            owed[advance["currency"]] += advance["amount"] - advance["amount_repaid"]
    lent = {currency: -amount for (code, currency), amount in booked.items() if code == "platform:advances"}
    assert nonzero(owed) == nonzero(Counter(lent)), "what was advanced is not what is owed"


async def check_reserved(world: World, client: Client, booked: Booked, platform: Platform) -> None:
    """What an account owes is covered, or a job is there that will cover it; the platform sees what is reserved."""
    total: Counter[str] = Counter()
    for account in platform.sellers:
        looks = await _looks(world, account)
        for currency, (owed, reserved) in debts(booked, platform, account).items():
            total[currency] += reserved
            assert reserved >= owed or currency in looks, (
                f"{account} owes {owed} {currency}, of which {reserved} is covered"
            )
            assert reserved >= 0, f"less than nothing is reserved for {account}"
    balance = (await client("GET", "/v1/balance")).json
    shown = Counter({line["currency"]: line["amount"] for line in balance["connect_reserved"]})
    assert nonzero(shown) == nonzero(total), "what is shown as reserved is not what is booked"


async def check_platform_done(world: World, api: Any, platform: Platform, now: int) -> None:
    """When all is quiet: whatever was to happen by `now` (the sandbox's second) has happened. What is in a file that
    nobody sends waits for ever."""
    client = platform.client(api)
    await check_released(world, client, now)
    for account in (None, *platform.sellers):
        own = platform.client(api, account)
        late = [one for one in await own.all("/v1/payouts", status="in_transit") if one["arrival_date"] < now - DAY]
        assert not late, f"{late[0]['id']} never arrived"
        for hold in await own.all("/v1/reserve/holds"):
            until = hold["release_schedule"]["scheduled_release"]
            assert not hold["is_releasable"] or until is None or until > now - DAY, f"{hold['id']} was never released"
    waiting = [file["id"] for file in await client.all("/v1/bank_files", status="sending")]
    assert not waiting, f"{waiting} were never laid down"
    closing = [one["month"] for one in await client.all("/v1/reports/periods", status="closing")]
    assert not closing, f"{closing} were neither closed nor opened again"
    await check_covered(world, await postings(world, client), platform, now)


async def check_covered(world: World, booked: Booked, platform: Platform, now: int) -> None:
    """All that is owed is reserved; what is not owed any more is free again at the next midnight."""
    for account in platform.sellers:
        looks = await _looks(world, account)
        for currency, (owed, reserved) in debts(booked, platform, account).items():
            text = f"{account} owes {owed} {currency}, and {reserved} is reserved"
            assert owed == reserved or (reserved > owed and looks.get(currency, now * 2) <= now + DAY + 60), text


async def _looks(world: World, account: str) -> dict[str, int]:
    """When it is next looked at what an account owes, by currency (seconds)."""
    [(scope,)] = await world.engine.rows(SCOPE, (account,))
    rows = sorted(await world.engine.rows(COVERS, (scope,)), key=lambda row: -row[1])
    return {ref.partition(":")[0]: due for ref, due in rows}


def debts(booked: Booked, platform: Platform, account: str) -> dict[str, tuple[int, int]]:
    """By currency: what the account owes, and what its platform has set aside for it."""
    code = f"merchant:{platform.id}:connect_reserved:{account}"
    found = {}
    for currency in {currency for _, currency in booked}:
        has = sum(amount for (name, unit), amount in _of(booked, account).items()
                  if unit == currency and name.split(":")[2] in ("available", "pending"))  # fmt: skip
        found[currency] = (max(0, -has), booked[code, currency])
    return found


def _of(booked: Booked, merchant: str) -> Booked:
    return Counter({key: amount for key, amount in booked.items() if key[0].startswith(f"merchant:{merchant}:")})


def _standing(booked: Booked, kind: str) -> dict[str, int]:
    return nonzero(
        Counter({currency: amount for (code, currency), amount in booked.items() if code.endswith(f":{kind}")})
    )
