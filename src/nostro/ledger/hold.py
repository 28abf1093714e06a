"""Hold: money taken out of an account until it is known whether it goes where it was meant to.

While it is held it stands in an account of its own, `held:` and the code, so the balance of the account is what may
still be spent. A post takes all or a part to the destination and gives the rest back; a void or the expiry gives all
back. At rest nothing of the hold is left in the held account, which the audit checks.
"""

from __future__ import annotations

from typing import Literal

from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting
from nostro.kernel.resource import (
    Filter,
    Metadata,
    NoParams,
    Params,
    Resource,
    Stored,
    Verb,
    Wire,
    listing,
    merge_metadata,
    retrieve,
)  # fmt: skip
from nostro.storage.tx import Tx

from .app_account import Text, limited, locate, watch
from .chart import held
from .draft import LedgerAmount
from .dry_run import DryRun, rehearsed
from .reference import ReferenceParam, content_of, keep, known

FAMILY = "hold"
EXPIRE = "ledger.hold.expire"
Status = Literal["held", "posted", "voided", "expired"]


class LedgerHold(Stored, frozen=True, kw_only=True):
    """Amounts are minor units. `account` and `destination` are codes; what was not posted was given back."""

    object: Literal["ledger.hold"] = "ledger.hold"
    account: str
    amount: int
    amount_posted: int = 0
    currency: str
    description: str | None = None
    destination: str | None = None
    expires_at: int | None = None
    livemode: bool = False
    metadata: Metadata = {}
    reference: str | None = None
    status: Status


class Record(LedgerHold, frozen=True, kw_only=True, omit_defaults=True):
    """`taking` is the line on the account at creation, `landing` the one on the destination at the post."""

    taking: Posting
    landing: Posting | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    account: str
    amount: LedgerAmount
    currency: str | None = None
    description: Text | None = None
    destination: str | None = None
    dry_run: bool = False
    expires_at: int | None = None
    metadata: dict[str, str | None] | None = None
    reference: ReferenceParam | None = None


class PostParams(Params, frozen=True, kw_only=True):
    amount: LedgerAmount | None = None
    destination: str | None = None


# Money --------------------------------------------------------------------------------


def hold_back(hold: Record) -> tuple[Posting, ...]:
    """The account gives the amount to its held account."""
    return hold.taking, Posting(held(hold.account), -hold.taking.amount, hold.currency)


def hand_over(hold: Record) -> tuple[Posting, ...]:
    """The destination gets what is posted, the account gets the rest back."""
    assert hold.landing is not None, f"{hold.id} is posted to nowhere"
    back = -(hold.taking.amount + hold.landing.amount)
    rest = (Posting(hold.account, back, hold.currency),) if back else ()
    return Posting(held(hold.account), hold.taking.amount, hold.currency), hold.landing, *rest


def give_back(hold: Record) -> tuple[Posting, ...]:
    """The account gets everything back."""
    amount = hold.taking.amount
    return Posting(held(hold.account), amount, hold.currency), Posting(hold.account, -amount, hold.currency)


LIFE: Lifecycle[Record] = Lifecycle(
    Move("create", (), "held", hold_back, ("ledger.hold.created",), "The account can spare the amount."),
    Move("post", ("held",), "posted", hand_over, ("ledger.hold.posted",), "The caller takes it, or a part of it."),
    Move("void", ("held",), "voided", give_back, ("ledger.hold.voided",), "The caller needs it no more."),
    Move("expire", ("held",), "expired", give_back, ("ledger.hold.expired",), "Its `expires_at` has come."),
    rest=("posted", "voided", "expired"),
)


# Verbs --------------------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record | Wire:
    account = await locate(tx, params.account, params.currency)
    destination = None
    if params.destination is not None:
        destination = (await locate(tx, params.destination, account.currency, "destination")).code
    metadata = merge_metadata({}, params.metadata)
    content = content_of(
        (account.code, account.currency, params.amount, destination, params.description, params.expires_at, metadata)
    )
    existing = await known(tx, FAMILY, params.reference, content)
    if existing is None and params.expires_at is not None and params.expires_at <= tx.now:
        raise invalid("A hold expires in the future.", "expires_at")
    taking = limited(account, params.amount if account.normal_balance == "credit" else -params.amount)
    if params.dry_run:
        return await rehearsed(tx, [account], [taking], existing)
    if existing is not None:
        return await tx.get(HOLD, existing)
    hold = Record(
        id=tx.new_id("lhold"), created=tx.now, livemode=tx.scope.livemode, account=account.code,
        amount=params.amount, currency=account.currency, description=params.description, destination=destination,
        expires_at=params.expires_at, metadata=metadata, reference=params.reference, status="held", taking=taking,
    )  # fmt: skip
    keep(tx, FAMILY, params.reference, hold.id, content)
    if hold.expires_at is not None:
        tx.schedule(EXPIRE, hold.id, hold.expires_at)
    watch(tx, account)
    return tx.move(hold, LIFE["create"])


async def post(tx: Tx, hold: Record, params: PostParams) -> Record:
    _check_held(tx, hold)
    amount = hold.amount if params.amount is None else params.amount
    if amount > hold.amount:
        raise invalid(f"The hold is of {hold.amount} {hold.currency}, less than {amount}.", "amount",
                      "amount_too_large")  # fmt: skip
    where = params.destination or hold.destination
    if where is None:
        raise invalid("Where to? The hold names no destination.", "destination", "parameter_missing")
    destination = await locate(tx, where, hold.currency, "destination")
    landing = limited(destination, -amount if hold.taking.amount > 0 else amount)
    source = await locate(tx, hold.account, hold.currency)
    tx.unschedule(EXPIRE, hold.id)
    watch(tx, source, destination)
    return tx.move(hold, LIFE["post"], amount_posted=amount, destination=destination.code, landing=landing)


async def void(tx: Tx, hold: Record, params: NoParams) -> Record:
    _check_held(tx, hold)
    tx.unschedule(EXPIRE, hold.id)
    watch(tx, await locate(tx, hold.account, hold.currency))
    return tx.move(hold, LIFE["void"])


async def expire_job(tx: Tx, ref: str) -> None:
    hold = await tx.get(HOLD, ref)
    if hold.status == "held":
        watch(tx, await locate(tx, hold.account, hold.currency))
        tx.move(hold, LIFE["expire"])


def _check_held(tx: Tx, hold: Record) -> None:
    """A hold whose time has come is over, even if the job that says so has not run yet."""
    over = hold.expires_at is not None and hold.expires_at <= tx.now
    if hold.status != "held" or over:
        status = "expired" if hold.status == "held" else hold.status
        raise invalid(f"This hold is {status}; only one that is held can be posted or voided.",
                      code="ledger_hold_unexpected_state")  # fmt: skip


def _example() -> Record:
    return Record(
        id="lhold_1", created=1, account="app:wallet", amount=100, amount_posted=60, currency="usd",
        destination="app:shop", status="held", taking=Posting("app:wallet", 100, "usd"),
        landing=Posting("app:shop", -60, "usd"),
    )  # fmt: skip


FILTERS = (Filter("account"), Filter("destination"), Filter("status"))
HOLD: Resource[Record] = Resource(
    object="ledger.hold",
    noun="ledger hold",
    prefix="lhold",
    record=Record,
    shape=LedgerHold,
    life=LIFE,
    example=_example,
    doc="Money taken out of an account until it is posted, voided or expires. Beyond Stripe's API.",
    filters=FILTERS,
    verbs=(
        Verb(name="create", method="POST", path="/v1/ledger/holds", run=create, params=CreateParams, kind="create",
             answers=LedgerHold | DryRun,
             summary="Hold an amount back; with `dry_run`, answer what it would do."),
        listing("/v1/ledger/holds", *FILTERS),
        retrieve("/v1/ledger/holds/{id}"),
        Verb(name="post", method="POST", path="/v1/ledger/holds/{id}/post", run=post, params=PostParams,
             summary="Take all of it, or `amount`, to the destination; the rest is given back."),
        Verb(name="void", method="POST", path="/v1/ledger/holds/{id}/void", run=void,
             summary="Give everything back."),
    ),
    errors=("amount_too_large", "ledger_ceiling_exceeded", "ledger_floor_exceeded", "ledger_hold_unexpected_state",
            "ledger_reference_in_use"),
)  # fmt: skip
RESOURCE = HOLD
