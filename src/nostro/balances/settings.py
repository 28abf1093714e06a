"""Balance settings: when a merchant's money is paid out by itself, and how much of it stays.

One record a merchant, kept from the first change on. A sandbox begins with `manual`: its money stays where a test
left it. What the balance owes is carried to the next payout; of a connected account the bank is debited for it, if
its platform asks for that. The settings of a connected account have another door: `settings.payouts` of the account.

`settlement_timing` says when payments become available: so many business days after the merchant's day in which they
were taken, where that day begins. The default is what the networks need; a longer delay can be asked for, and for
earlier there are advances.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, missing
from nostro.kernel.ids import TIME_LENGTH
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import NoParams, Params, Resource, Shape, Stored, Unset, Verb, View, Wire, changes, public
from nostro.storage.tx import Tx

from .availability import BUSINESS_DAYS, available_on
from .calendar import ONE
from .day import StartOfDay, begins, day_of
from .schedule import Interval, Schedule, Weekday
from .terms import Policy

PREFIX = "bset"
ID = f"{PREFIX}_{'0' * TIME_LENGTH}own"
DAY_JOB = "payout.day"
MOST_DESCRIPTOR = 22
LONGEST_DELAY = 31


class Payouts(Shape, frozen=True, kw_only=True):
    """There are no transfer rules. They are empty, not null, which the SDK for Python cannot read."""

    automatic_transfer_rules_by_currency: dict[str, Any] = {}
    minimum_balance_by_currency: dict[str, int] | None = None
    schedule: Schedule = Schedule()
    statement_descriptor: str | None = None
    status: Literal["enabled"] = "enabled"


class SettlementTiming(Shape, frozen=True, kw_only=True):
    """How many business days a payment waits, and the merchant's own wish, if there is one; and where days begin."""

    delay_days: int = BUSINESS_DAYS
    delay_days_override: int | Unset = UNSET
    start_of_day: StartOfDay | Unset = UNSET


class Payments(Shape, frozen=True, kw_only=True):
    debit_negative_balances: bool = False
    payouts: Payouts = Payouts()
    settlement_timing: SettlementTiming = SettlementTiming()


class BalanceSettings(Stored, frozen=True, kw_only=True):
    """Its id and moment are not shown."""

    object: Literal["balance_settings"] = "balance_settings"
    payments: Payments = Payments()


class Record(BalanceSettings, frozen=True, kw_only=True, omit_defaults=True):
    """With the platform's own terms, and the reserve plans that take a part of each payment. `shortest` is the least
    that a payment waits, in days."""

    policy: Policy = Policy()
    reserve_plans: list[str] = []
    shortest: int = BUSINESS_DAYS

    @property
    def start_of_day(self) -> StartOfDay | None:
        return self.payments.settlement_timing.start_of_day or None

    def available_on(self, now: int, currency: str) -> int:
        """Seconds since 1970 at which a payment taken `now` becomes available."""
        return available_on(now, currency, self.payments.settlement_timing.delay_days, self.start_of_day)


class ScheduleParams(Params, frozen=True, kw_only=True):
    interval: Interval | Unset = UNSET
    monthly_payout_days: Annotated[list[Annotated[int, Meta(ge=1, le=31)]], Meta(min_length=1)] | Unset = UNSET
    weekly_payout_days: Annotated[list[Weekday], Meta(min_length=1)] | Unset = UNSET


class PayoutsParams(Params, frozen=True, kw_only=True):
    minimum_balance_by_currency: dict[str, Annotated[int, Meta(ge=0)] | None] | None | Unset = UNSET
    schedule: ScheduleParams | Unset = UNSET
    statement_descriptor: str | None | Unset = UNSET


class StartOfDayParams(Params, frozen=True, kw_only=True):
    hour: Annotated[int, Meta(ge=0, le=23)] | Unset = UNSET
    minutes: Literal[0, 30] | Unset = UNSET
    timezone: str | Unset = UNSET


class SettlementTimingParams(Params, frozen=True, kw_only=True):
    delay_days_override: Annotated[int, Meta(ge=1, le=LONGEST_DELAY)] | None | Unset = UNSET
    start_of_day: StartOfDayParams | None | Unset = UNSET


class PaymentsParams(Params, frozen=True, kw_only=True):
    debit_negative_balances: bool | Unset = UNSET
    payouts: PayoutsParams | Unset = UNSET
    settlement_timing: SettlementTimingParams | Unset = UNSET


class UpdateParams(Params, frozen=True, kw_only=True):
    payments: PaymentsParams | Unset = UNSET


async def settings_of(tx: Tx) -> Record:
    """The merchant's settings, or the defaults."""
    return await tx.find(BALANCE_SETTINGS, ID) or Record(id=ID, created=tx.now)


async def terms_of(tx: Tx) -> Record:
    """The same from memory: each payment asks."""
    return await tx.recall(BALANCE_SETTINGS, ID) or Record(id=ID, created=tx.now)


def check_descriptor(descriptor: str, param: str) -> None:
    """What banks print on a statement. Raises an API error about `param`."""
    if len(descriptor) > MOST_DESCRIPTOR:
        raise invalid(f"The statement descriptor can have up to {MOST_DESCRIPTOR} characters.", param)
    if not descriptor.isascii() or not descriptor.isprintable() or set(descriptor) & set("<>\\'\"*"):
        raise invalid("The statement descriptor contains a character that is not allowed: < > \\ ' \" *", param,
                      "invalid_characters")  # fmt: skip


# Verbs -----------------------------------------------------------------------


async def retrieve(tx: Tx, params: NoParams) -> Record:
    return await settings_of(tx)


async def update(tx: Tx, params: UpdateParams) -> Record:
    settings = await settings_of(tx)
    given = params.payments
    if given is UNSET:
        return settings
    payments, start = settings.payments, settings.start_of_day
    if given.debit_negative_balances is not UNSET:
        if given.debit_negative_balances and not tx.scope.connected:
            raise invalid("Your own bank is not debited for a negative balance: the next payouts are less by it.",
                          "payments[debit_negative_balances]")  # fmt: skip
        payments = msgspec.structs.replace(payments, debit_negative_balances=given.debit_negative_balances)
    if given.payouts is not UNSET:
        payments = msgspec.structs.replace(payments, payouts=_changed(payments.payouts, given.payouts))
    if given.settlement_timing is not UNSET:
        payments = msgspec.structs.replace(payments, settlement_timing=_timing(settings, given.settlement_timing))
    if payments == settings.payments:
        return settings
    settings = msgspec.structs.replace(settings, payments=payments)
    if payments.payouts.schedule.interval != "manual" and (given.payouts or start != settings.start_of_day):
        tomorrow = day_of(tx.now, settings.start_of_day) + ONE
        tx.schedule(DAY_JOB, tomorrow.isoformat(), begins(tomorrow, settings.start_of_day))
    return tx.save(settings, "balance_settings.updated")


def _timing(settings: Record, given: SettlementTimingParams) -> SettlementTiming:
    """The delay that is wished, never less than the shortest; nothing sets it back to that, and a day to midnight."""
    timing, override = settings.payments.settlement_timing, given.delay_days_override
    if override is not UNSET:
        if override is not None and override < settings.shortest:
            raise invalid(f"The delay must be {settings.shortest} days at least.",
                          "payments[settlement_timing][delay_days_override]")  # fmt: skip
        days = settings.shortest if override is None else override
        kept = UNSET if override is None else override
        timing = msgspec.structs.replace(timing, delay_days=days, delay_days_override=kept)
    if given.start_of_day is not UNSET:
        timing = msgspec.structs.replace(timing, start_of_day=_start(timing.start_of_day, given.start_of_day))
    return timing


def _start(old: StartOfDay | Unset, given: StartOfDayParams | None) -> StartOfDay | Unset:
    if given is None:
        return UNSET
    changed = msgspec.structs.replace(old or StartOfDay(hour=0, minutes=0, timezone=""), **changes(given))
    param = "payments[settlement_timing][start_of_day][timezone]"
    if not changed.timezone:
        raise missing(param)
    if changed.timezone not in available_timezones():
        raise invalid(f"Unknown time zone: {changed.timezone[:60]}. Use a name such as America/New_York.", param)
    return changed


def _changed(payouts: Payouts, given: PayoutsParams) -> Payouts:
    changes: dict[str, Any] = {}
    if given.schedule is not UNSET:
        changes["schedule"] = _schedule(payouts.schedule, given.schedule)
    if given.statement_descriptor is not UNSET:
        if given.statement_descriptor is not None:
            check_descriptor(given.statement_descriptor, "payments[payouts][statement_descriptor]")
        changes["statement_descriptor"] = given.statement_descriptor
    if given.minimum_balance_by_currency is not UNSET:
        merged = {**(payouts.minimum_balance_by_currency or {}), **(given.minimum_balance_by_currency or {})}
        for currency in merged:
            if currency not in CURRENCIES:
                raise invalid(f"Invalid currency: {currency[:20]}", "payments[payouts][minimum_balance_by_currency]")
        kept = {currency: amount for currency, amount in merged.items() if amount is not None}
        changes["minimum_balance_by_currency"] = (kept or None) if given.minimum_balance_by_currency else None
    return msgspec.structs.replace(payouts, **changes)


def _schedule(old: Schedule, given: ScheduleParams) -> Schedule:
    """The days that an interval needs must be given with it, or be there from before; others are refused."""
    at = "payments[payouts][schedule]"
    interval = given.interval or old.interval
    for name, of in (("weekly_payout_days", "weekly"), ("monthly_payout_days", "monthly")):
        if getattr(given, name) is not UNSET and interval != of:
            raise invalid(f"{name} can be given only if the interval is {of}, and it is {interval}.", f"{at}[{name}]")
        if interval == of and not (getattr(given, name) or getattr(old, name)):
            raise missing(f"{at}[{name}]")
    if interval == "weekly":
        return Schedule(interval="weekly", weekly_payout_days=given.weekly_payout_days or old.weekly_payout_days)
    if interval == "monthly":
        days = given.monthly_payout_days or old.monthly_payout_days or []
        return Schedule(interval="monthly", monthly_payout_days=sorted(set(days)))
    return Schedule(interval=interval)


def render(_: View, settings: Record) -> Wire:
    wire = public(BalanceSettings, settings)
    del wire["id"], wire["created"]
    return wire


_PATH = "/v1/balance_settings"
BALANCE_SETTINGS: Resource[Record] = Resource(
    object="balance_settings",
    prefix=PREFIX,
    record=Record,
    shape=BalanceSettings,
    present=render,
    remembered="all",
    shown={"id": UNSET, "created": UNSET},
    doc="When your money is paid out by itself, and how much of it stays.",
    verbs=(
        Verb(name="retrieve", method="GET", path=_PATH, run=retrieve, kind="retrieve"),
        Verb(name="update", method="POST", path=_PATH, run=update, params=UpdateParams),
    ),
    errors=("invalid_characters",),
)
RESOURCE = BALANCE_SETTINGS
