"""What a row of a report run says beside the statement line: the payment behind it, its customer, card and account.

The columns are those of Stripe's reports, in their order, and some of our own at the end. Of products that are not here
(invoices, subscriptions, Link) they are empty. Metadata is asked for by key: `payment_metadata[order]`. What a page of
lines needs is read with one statement for each kind of object and five hundred ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from nostro.balances.balance_transaction import Record as Line
from nostro.connect.account import ACCOUNT
from nostro.kernel.resource import Resource
from nostro.payments.application_fee import APPLICATION_FEE, FEE_REFUND
from nostro.payments.charge import CHARGE
from nostro.payments.customer import CUSTOMER
from nostro.payments.dispute import DISPUTE
from nostro.payments.payment_intent import PAYMENT_INTENT
from nostro.payments.refund import REFUND
from nostro.payments.transfer import TRANSFER
from nostro.payments.transfer_reversal import TRANSFER_REVERSAL
from nostro.payouts.payout import PAYOUT
from nostro.storage.body import whole
from nostro.storage.tx import Tx

from .cells import money, time

AT_ONCE: Final = 500
ADDRESS: Final = ("line1", "line2", "city", "state", "postal_code", "country")
METADATA: Final = re.compile(r"(payment|refund|transfer)_metadata\[([^\[\]]{1,40})\]")
CONNECTED = (
    "SELECT a.id, a.created, a.body FROM connected c JOIN account a ON a.scope=c.scope AND a.id=c.account "
    "WHERE c.platform=? AND c.account IN ({marks})"
)
Cells = dict[str, Any]


class About(Struct, kw_only=True):
    """A line with what it is about. None where it is about no such thing."""

    line: Line
    charge: Any = None
    refund: Any = None
    dispute: Any = None
    transfer: Any = None
    fee: Any = None
    intent: Any = None
    customer: Any = None
    payout: Any = None
    account: Any = None

    @property
    def facing(self) -> tuple[int, str] | None:
        """What the customer paid or got, with the sign of the line, in the currency that the customer saw."""
        for one in (self.dispute, self.refund, self.charge):
            if one is not None:
                return (one.amount if self.line.amount >= 0 else -one.amount), one.currency
        return None

    @property
    def seller(self) -> str | None:
        """The connected account that a line of the platform's is about."""
        if self.fee is not None:
            return str(self.fee.account)
        if self.transfer is not None:
            return str(self.transfer.destination)
        if self.charge is not None:
            named = (self.charge.transfer_data or {}).get("destination") or self.charge.on_behalf_of
            return None if named is None else str(named)
        return None

    @property
    def metadata(self) -> dict[str, dict[str, str]]:
        """A refund's own, a transfer's own, and of a payment the intent's, or the charge's if it has none."""
        payment = (self.intent.metadata if self.intent is not None else {}) or getattr(self.charge, "metadata", {})
        return {
            "payment": payment,
            "refund": getattr(self.refund, "metadata", {}),
            "transfer": getattr(self.transfer, "metadata", {}),
        }


Value = Callable[[About, str], Any]


def _of(*path: str) -> Value:
    """What stands at the end of the path, through records and dictionaries; None where it ends before."""

    def value(about: About, zone: str) -> Any:
        found: Any = about
        for name in path:
            found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
        return found

    return value


def _address(prefix: str, *path: str) -> dict[str, Value]:
    return {f"{prefix}_{part}": _of(*path, part) for part in ADDRESS}


def _card(field: str) -> Value:
    return _of("charge", "payment_method_details", "card", field)


def _time_of(thing: str, field: str, utc: bool = False) -> Value:
    at = _of(thing, field)
    return lambda about, zone: time(at(about, zone), "Etc/UTC" if utc else zone)


def _nothing(about: About, zone: str) -> None:
    return None


def _descriptor(about: About, zone: str) -> Any:
    return about.charge and (about.charge.statement_descriptor or about.charge.statement_descriptor_suffix)


def _direct_charge(about: About, zone: str) -> Any:
    return about.fee.charge if about.fee is not None and about.fee.charge.startswith("ch_") else None


COLUMNS: Final[dict[str, Value]] = {
    "customer_facing_amount": lambda about, zone: money(*about.facing) if about.facing else "",
    "customer_facing_currency": lambda about, zone: about.facing[1] if about.facing else "",
    "regulatory_tag": _nothing,
    "automatic_payout_effective_at_utc": _time_of("payout", "arrival_date", utc=True),
    "automatic_payout_effective_at": _time_of("payout", "arrival_date"),
    "customer_id": _of("charge", "customer"),
    "customer_email": _of("customer", "email"),
    "customer_name": _of("customer", "name"),
    "customer_description": _of("customer", "description"),
    **_address("customer_shipping_address", "customer", "shipping", "address"),
    **_address("customer_address", "customer", "address"),
    **_address("shipping_address", "charge", "shipping", "address"),
    **_address("card_address", "charge", "billing_details", "address"),
    "charge_id": _of("charge", "id"),
    "payment_intent_id": _of("charge", "payment_intent"),
    "charge_created_utc": _time_of("charge", "created", utc=True),
    "charge_created": _time_of("charge", "created"),
    "invoice_id": _nothing,
    "invoice_number": _nothing,
    "subscription_id": _nothing,
    "payment_method_type": _of("charge", "payment_method_details", "type"),
    "is_link": _nothing,
    "card_brand": _card("brand"),
    "card_funding": _card("funding"),
    "card_country": _card("country"),
    "statement_descriptor": _descriptor,
    "dispute_reason": _of("dispute", "reason"),
    "connected_account_id": _of("seller"),
    "connected_account_name": _of("account", "business_profile", "name"),
    "connected_account_country": _of("account", "country"),
    "connected_account_direct_charge_id": _direct_charge,
    # Ours
    "card_last4": _card("last4"),
    "payment_method_id": _of("charge", "payment_method"),
    "refund_id": _of("refund", "id"),
    "dispute_id": _of("dispute", "id"),
    "transfer_id": _of("transfer", "id"),
    "destination_payment_id": _of("transfer", "destination_payment"),
    "application_fee_id": _of("fee", "id"),
}


def known(column: str) -> bool:
    return column in COLUMNS or METADATA.fullmatch(column) is not None


def cells(about: About, columns: Iterable[str], zone: str) -> Cells:
    """The columns of these that are known here."""
    found: Cells = {}
    for column in columns:
        if column in COLUMNS:
            found[column] = COLUMNS[column](about, zone) or ""
        elif match := METADATA.fullmatch(column):
            found[column] = about.metadata[match[1]].get(match[2], "")
    return found


# What the lines are about ------------------------------------------------------------


async def read(tx: Tx, lines: Sequence[Line]) -> list[About]:
    """What each line is about, in the order of the lines."""
    made = [About(line=line) for line in lines]
    sources = [line.source for line in lines if line.source]
    refunds = await _records(tx, REFUND, sources)
    disputes = await _records(tx, DISPUTE, sources)
    reversals = await _records(tx, TRANSFER_REVERSAL, sources)
    given = await _records(tx, FEE_REFUND, sources)
    charges = await _records(tx, CHARGE, [*sources, *(one.charge for one in (*refunds.values(), *disputes.values()))])
    transfers = await _records(tx, TRANSFER, [*sources, *(one.transfer for one in reversals.values())])
    fees = await _records(tx, APPLICATION_FEE, [*sources, *(one.fee for one in given.values())])
    for about in made:
        source = about.line.source or ""
        about.refund, about.dispute = refunds.get(source), disputes.get(source)
        about.charge = charges.get(getattr(about.refund or about.dispute, "charge", None) or source)
        about.transfer = transfers.get(getattr(reversals.get(source), "transfer", source))
        about.fee = fees.get(getattr(given.get(source), "fee", source))
    await _people(tx, made)
    return made


async def _people(tx: Tx, made: Sequence[About]) -> None:
    """Whose they are: customers, accounts, payouts; and the intents, for their metadata."""
    paid = [about.charge for about in made if about.charge is not None]
    intents = await _records(tx, PAYMENT_INTENT, [charge.payment_intent for charge in paid])
    customers = await _records(tx, CUSTOMER, [charge.customer for charge in paid])
    payouts = await _records(tx, PAYOUT, [about.line.payout for about in made])
    accounts = await _accounts(tx, [about.seller for about in made])
    for about in made:
        about.payout, about.account = payouts.get(about.line.payout), accounts.get(about.seller)
        if about.charge is not None:
            about.intent = intents.get(about.charge.payment_intent)
            about.customer = customers.get(about.charge.customer)


async def _records(tx: Tx, resource: Resource[Any], ids: Iterable[str | None]) -> dict[str | None, Any]:
    """The scope's records of a kind among these ids, which may be of other kinds."""
    prefixes = (f"{resource.prefix}_", *(f"{other}_" for other in resource.also))
    statement = f'SELECT id, created, body FROM "{resource.table}" WHERE scope=? AND id IN ({{marks}})'
    return await _found(tx, resource, statement, {id for id in ids if id and id.startswith(prefixes)})


async def _accounts(tx: Tx, ids: Iterable[str | None]) -> dict[str | None, Any]:
    return {} if tx.scope.connected else await _found(tx, ACCOUNT, CONNECTED, {id for id in ids if id})


async def _found(tx: Tx, resource: Resource[Any], statement: str, ids: set[str]) -> dict[str | None, Any]:
    decode, wanted, found = msgspec.json.Decoder(resource.record).decode, sorted(ids), {}
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        marks = ",".join("?" * len(part))
        for row in await tx.world.engine.rows(statement.format(marks=marks), (tx.scope.number, *part)):
            found[row[0]] = decode(whole(*row))
    return found
