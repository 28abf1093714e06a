"""Originating account: the platform's own account at its bank, from which files of payments are sent.

It belongs to the platform, and pays for the platform and its connected accounts. Where an active one carries a
currency, payouts in it wait for a file; where there is none, the built-in simulator pays them. What is there at a
cut-off, on the bank's clock, is put into a file, whose format is that of the bank's country (originating_scheme.py).
The limits are the operator's own, beside those of the bank.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import UNSET, Meta

from nostro.balances.calendar import add_business_days, banks, this_or_next
from nostro.kernel.errors import invalid, missing
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import (
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    changes,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.networks.nacha import check_digit
from nostro.storage.body import whole
from nostro.storage.engine import Row
from nostro.storage.tx import Tx

from .originating_scheme import SCHEMES, FileFormat, Format, format_for

Approval = Literal["none", "required", "second_key"]
Delivery = Literal["download", "outbox"]
MOST = 100
ALL = 'SELECT id, created, body FROM "originating_account" WHERE scope=? ORDER BY id DESC LIMIT ?'
ONE = 'SELECT id, created, body FROM "originating_account" WHERE scope=? AND id=?'
MOST_PAYMENTS = 50_000
LATE = 1800
_CREDITOR = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}", re.ASCII)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
Limit = Annotated[int, Meta(ge=1)]
S = TypeVar("S", bound=Shape)
Text = Annotated[str, Meta(min_length=1, max_length=35)]


class Nacha(Shape, frozen=True, kw_only=True):
    """`routing_number` is the originating bank's (ODFI); files are addressed to `destination`, else to it."""

    company_id: str
    company_name: str
    destination: str | None = None
    destination_name: str | None = None
    routing_number: str


class Bacs(Shape, frozen=True, kw_only=True):
    """The account that pays, the number of who submits (the service user's), and the name that its items are from."""

    account_number: str
    name: str
    service_user_number: str
    sort_code: str


class Iso20022(Shape, frozen=True, kw_only=True):
    """The account that pays, and who orders it to. Debits are collected under the `creditor_id`."""

    bic: str | None = None
    creditor_id: str | None = None
    iban: str
    initiating_party: str


class OriginatingAccount(Stored, frozen=True, kw_only=True):
    """Amounts in minor units. `cut_offs` are times of `time_zone` on the business days of the currency's banks.
    `set_aside` counts the payments that no file could carry; they have failed."""

    object: Literal["originating_account"] = "originating_account"
    active: bool = False
    approval: Approval
    bacs: Bacs | None = None
    bank_name: str | None = None
    country: str | None = None
    currency: str
    cut_offs: list[str]
    daily_limit: int | None = None
    delivery: Delivery
    format: Format
    iso20022: Iso20022 | None = None
    largest_file: int | None = None
    largest_payment: int | None = None
    ledger_account: str
    livemode: bool = False
    metadata: Metadata = {}
    most_payments: int
    nacha: Nacha | None = None
    set_aside: int = 0
    settlement_days: int
    time_zone: str


class Record(OriginatingAccount, frozen=True, kw_only=True, omit_defaults=True):
    """`files` and `traces` are the last numbers that were given; `day` is the last day with a file (`2026-11-23`),
    `day_files` and `day_amount` what was built on it."""

    files: int = 0
    traces: int = 0
    day: str = ""
    day_files: int = 0
    day_amount: int = 0


# When ------------------------------------------------------------------------


def next_cut_off(account: Record, now: int) -> tuple[int, date]:
    """The moment (seconds) at which what is there `now` is put into a file, and the bank's day that it is on."""
    zone = ZoneInfo(account.time_zone)
    day = this_or_next(account.currency, datetime.fromtimestamp(now, zone).date())
    for _ in range(2):
        for clock in account.cut_offs:
            moment = int(datetime.combine(day, time.fromisoformat(clock), zone).timestamp())
            if now < moment:
                return moment, day
        day = add_business_days(account.currency, day, 1)
    raise AssertionError(f"{account.id} has no cut-off within two days")


def file_day(account: Record, now: int) -> date:
    """The bank's day that a file belongs to which is built or sent `now`: the day itself until `LATE` after its last
    cut-off, then the next one."""
    return next_cut_off(account, now - LATE)[1]


def largest_payment(account: Record) -> int | None:
    """The most that one payment can be, in minor units: a larger one would fit into no file."""
    limits = (account.largest_payment, account.largest_file, account.daily_limit)
    return min((limit for limit in limits if limit is not None), default=None)


def file_format(account: Record, *, debit: bool) -> FileFormat | None:
    """The format of its files of credits; or that of its debits, None if it collects none."""
    scheme = SCHEMES[account.format]
    if not debit:
        return scheme.credits
    named = account.iso20022 is None or account.iso20022.creditor_id is not None
    return scheme.debits if named and account.currency == scheme.debited else None


# Finding ---------------------------------------------------------------------


async def originating(tx: Tx, currency: str) -> Record | None:
    """The platform's account that carries payouts of a currency, the newest; None if the simulator does."""
    for account in map(_read, await tx.world.engine.rows(ALL, (tx.scope.book, MOST))):
        if account.active and account.currency == currency:
            return account
    return None


async def of_platform(tx: Tx, id: str) -> Record:
    """The account by its id, from the scope of any account of the platform's; only to be read."""
    return _read((await tx.world.engine.rows(ONE, (tx.scope.book, id)))[0])


def _read(row: Row) -> Record:
    id, created, body = row
    return msgspec.json.decode(whole(id, created, body), type=Record)


# Verbs -----------------------------------------------------------------------


class NachaParams(Params, frozen=True, kw_only=True):
    company_id: Annotated[str, Meta(min_length=1, max_length=10)]
    company_name: Annotated[str, Meta(min_length=1, max_length=16)]
    routing_number: str
    destination: str | None = None
    destination_name: Annotated[str, Meta(max_length=23)] | None = None


class BacsParams(Params, frozen=True, kw_only=True):
    """`name` in Bacs's characters: capital letters, digits and .&/-"""

    account_number: Annotated[str, Meta(pattern=r"^[0-9]{8}\Z")]
    name: Annotated[str, Meta(pattern=r"^[A-Z0-9][A-Z0-9.&/ -]{0,17}\Z")]
    service_user_number: Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]
    sort_code: Annotated[str, Meta(pattern=r"^[0-9]{6}\Z")]


class Iso20022Params(Params, frozen=True, kw_only=True):
    iban: str
    initiating_party: Annotated[str, Meta(min_length=1, max_length=70)]
    bic: str | None = None
    creditor_id: str | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    """Without a `format` the account's country (that of its IBAN) and its currency decide."""

    approval: Approval = "required"
    bacs: BacsParams | None = None
    bank_name: Text | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Za-z]{2}\Z")] | None = None
    currency: str | None = None
    cut_offs: list[str] | None = None
    daily_limit: Limit | None = None
    delivery: Delivery = "download"
    format: Format | None = None
    iso20022: Iso20022Params | None = None
    largest_file: Limit | None = None
    largest_payment: Limit | None = None
    metadata: dict[str, str | None] | None = None
    most_payments: Annotated[int, Meta(ge=1, le=MOST_PAYMENTS)] = MOST_PAYMENTS
    nacha: NachaParams | None = None
    settlement_days: Annotated[int, Meta(ge=0, le=10)] | None = None
    time_zone: str | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    """What the bank knows the account by does not change; open another one instead."""

    active: bool | Unset = UNSET
    approval: Approval | Unset = UNSET
    bank_name: Text | None | Unset = UNSET
    cut_offs: list[str] | Unset = UNSET
    daily_limit: Limit | None | Unset = UNSET
    delivery: Delivery | Unset = UNSET
    largest_file: Limit | None | Unset = UNSET
    largest_payment: Limit | None | Unset = UNSET
    metadata: MetadataParam = UNSET
    most_payments: Annotated[int, Meta(ge=1, le=MOST_PAYMENTS)] | Unset = UNSET
    settlement_days: Annotated[int, Meta(ge=0, le=10)] | Unset = UNSET
    time_zone: str | Unset = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    if tx.scope.connected:
        raise invalid("Files are sent by the platform: leave the Stripe-Account header out.")
    format, country, currency = _format(params)
    scheme = SCHEMES[format]
    zone = params.time_zone or banks(currency).zone
    days = scheme.days if params.settlement_days is None else params.settlement_days
    account = Record(
        id=tx.new_id("oa"), created=tx.now, livemode=tx.scope.livemode, active=True, approval=params.approval,
        bacs=_given(params.bacs, Bacs), bank_name=params.bank_name, country=country, currency=currency,
        cut_offs=_clocks(params.cut_offs or [banks(currency).cut_off.strftime("%H:%M")]),
        daily_limit=params.daily_limit, delivery=params.delivery, format=format,
        largest_file=params.largest_file, largest_payment=params.largest_payment, ledger_account=chart.CASH,
        metadata=merge_metadata({}, params.metadata), most_payments=params.most_payments,
        settlement_days=_days(format, days), time_zone=_zone(zone), iso20022=_given(params.iso20022, Iso20022),
        nacha=_given(params.nacha, Nacha),
    )  # fmt: skip
    _check_ids(params, format)
    _check_delivery(tx, account.delivery)
    return tx.save(account, "originating_account.created")


def _format(params: CreateParams) -> tuple[Format, str | None, str]:
    """The format of its files, its country, and its currency: what is not said follows from what is."""
    currency, format = (params.currency or "").lower(), params.format
    country = (params.country or (params.iso20022.iban[:2] if params.iso20022 and not params.bacs else "")).upper()
    if format is None:
        if not currency:
            raise missing("currency")
        country = country or next((one.country for one in SCHEMES.values() if one.currency == currency), "")
        format = format_for(country, currency)
    scheme = SCHEMES[format]
    currency, country = currency or scheme.currency or "eur", country or scheme.country
    if currency not in CURRENCIES or currency != (scheme.currency or currency):
        raise invalid(f"{format} does not carry {currency[:20]}.", "currency")
    if country != (scheme.country or country):
        raise invalid(f"Banks in {country} do not take {format}.", "country")
    return format, country or None, currency


def _days(format: Format, days: int) -> int:
    least = SCHEMES[format].least
    if days < least:
        raise invalid(f"Payments in files of {format} settle after {least} business days at the earliest.",
                      "settlement_days")  # fmt: skip
    return days


async def update(tx: Tx, account: Record, params: UpdateParams) -> Record:
    if params.time_zone is not UNSET:
        _zone(params.time_zone)
    if params.settlement_days is not UNSET:
        _days(account.format, params.settlement_days)
    changed = changes(params, "metadata", "cut_offs")
    if params.cut_offs is not UNSET:
        changed["cut_offs"] = _clocks(params.cut_offs)
    changed_account = msgspec.structs.replace(
        account, metadata=merge_metadata(account.metadata, params.metadata), **changed
    )
    _check_delivery(tx, changed_account.delivery)
    return tx.save(changed_account, "originating_account.updated")


def _given(params: Params | None, shape: type[S]) -> S | None:
    return None if params is None else shape(**msgspec.structs.asdict(params))


def _check_ids(params: CreateParams, format: Format) -> None:
    """The names that the format needs are there, and no others."""
    for name in ("bacs", "iso20022", "nacha"):
        given, needed = getattr(params, name) is not None, name == SCHEMES[format].ids
        if given and not needed:
            raise invalid(f"The format {format} takes no {name}.", name)
        if needed and not given:
            raise missing(name)
    if params.nacha is not None:
        for field in ("company_id", "company_name", "destination_name"):
            _check_plain(getattr(params.nacha, field) or "", f"nacha[{field}]")
        _check_routing(params.nacha.routing_number, "nacha[routing_number]")
        _check_routing(params.nacha.destination, "nacha[destination]")
    if params.iso20022 is not None:
        _check_iban(params.iso20022)


def _check_plain(text: str, param: str) -> None:
    """What goes into a file as it is given."""
    if not text.isascii() or not text.isprintable() or text != text.strip():
        raise invalid("Files take printable ASCII here, without spaces at the ends.", param, "invalid_characters")


def _check_routing(number: str | None, param: str) -> None:
    if number is not None and not (
        len(number) == 9 and number.isascii() and number.isdigit() and int(number[8]) == check_digit(number)
    ):
        raise invalid("Invalid routing number: it has nine digits, of which the last checks the others.", param,
                      "routing_number_invalid")  # fmt: skip


def _check_iban(ids: Iso20022Params) -> None:
    """Both as they are written in a file: in capitals and without spaces."""
    from schwifty import BIC, IBAN  # loads the banks of the world: only when one is named
    from schwifty.exceptions import SchwiftyException

    param = "iban"
    try:
        same = str(IBAN(ids.iban)) == ids.iban
        param = "bic" if same else param
        same = same and (ids.bic is None or str(BIC(ids.bic)) == ids.bic)
        why = "write it in capitals, without spaces"
    except SchwiftyException as error:
        same, why = False, str(error)
    if not same:
        raise invalid(f"The {param.upper()} is not valid: {why}.", f"iso20022[{param}]", "account_number_invalid")
    if ids.creditor_id is not None and not _is_creditor_id(ids.creditor_id):
        raise invalid("The creditor id is not valid: it is two letters, two check digits, three letters or digits, and "
                      "the creditor's own number.", "iso20022[creditor_id]", "account_number_invalid")  # fmt: skip


def _is_creditor_id(text: str) -> bool:
    """SEPA's (AT-02, EPC262-08): its check digits leave out the three characters of the business behind them."""
    turned = "".join(str(int(each, 36)) for each in text[7:] + text[:4]) if _CREDITOR.fullmatch(text) else ""
    return bool(turned) and int(turned) % 97 == 1


def _clocks(given: list[str]) -> list[str]:
    if not given or not all(_CLOCK.fullmatch(clock) for clock in given):
        raise invalid("Cut-offs are times of day, such as 17:00.", "cut_offs")
    return sorted(set(given))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(f"No such time zone: {name[:40]}. Name one as Europe/Berlin.", "time_zone") from None
    return name


def _check_delivery(tx: Tx, delivery: Delivery) -> None:
    if delivery == "outbox" and not tx.world.settings.outbox:
        raise invalid("This server has no outbox: its operator names a directory in NOSTRO_OUTBOX.", "delivery")


def example() -> Record:
    return Record(
        id="oa_1", created=0, active=True, approval="required", currency="usd", cut_offs=["17:00"],
        country="US", delivery="download", format="nacha", ledger_account=chart.CASH, most_payments=MOST_PAYMENTS,
        settlement_days=1, time_zone="America/New_York",
        nacha=Nacha(company_id="1234567890", company_name="NOSTRO", routing_number="110000000"),
    )  # fmt: skip


_ID = "/v1/originating_accounts/{id}"
ORIGINATING_ACCOUNT: Resource[Record] = Resource(
    object="originating_account",
    noun="originating account",
    prefix="oa",
    record=Record,
    shape=OriginatingAccount,
    example=example,
    doc="Your own account at your bank, from which files of payments are sent. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/originating_accounts", run=create, params=CreateParams,
             kind="create"),
        listing("/v1/originating_accounts"),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
    ),
    errors=("account_number_invalid", "invalid_characters", "routing_number_invalid"),
)  # fmt: skip
RESOURCE = ORIGINATING_ACCOUNT
