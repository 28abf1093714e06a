"""Transfers and their reversals: shapes, money and lives.

A transfer is money that a platform gives to a connected account, which receives it as a payment (`py_...`). One entry
moves it, with the application fee if there is one: there is no moment in which it is nobody's. A transfer out of a
charge (`source_transaction`, or a destination charge) waits where the charge's money waits: it moves from the
platform's pending account of the day to the account's, so the account has it when the charge becomes available, and
the platform's other money is not touched. Any other leaves the available balance, if there is so much.

A reversal takes it back, whole or in part, from where it stands: from the day's pending account while it waits,
afterwards from the available balance. By hand only as much can be taken back as the account has available; a refund
that reverses its transfer takes its share whatever there is. To the account it is a refund (`pyr_...`).
"""

from __future__ import annotations

from typing import Literal

from nostro.balances.availability import waiting_account
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting, credit, debit, transfer
from nostro.kernel.resource import Metadata, Stored


class TransferReversal(Stored, frozen=True, kw_only=True):
    object: Literal["transfer_reversal"] = "transfer_reversal"
    amount: int
    balance_transaction: str | None = None
    currency: str
    destination_payment_refund: str | None = None
    metadata: Metadata = {}
    source_refund: str | None = None
    transfer: str


class Reversal(TransferReversal, frozen=True, kw_only=True, omit_defaults=True):
    """`merchant` is the platform, `account` the one that gives; `available_on` is the transfer's.

    `covered`: what the account has must suffice; of what was converted for it, its statement line sees to that.
    `description` is the statement's.
    """

    merchant: str
    account: str
    available_on: int
    covered: bool = False
    description: str | None = None
    state: Literal["", "done"] = ""


class Transfer(Stored, frozen=True, kw_only=True):
    object: Literal["transfer"] = "transfer"
    amount: int
    amount_reversed: int = 0
    balance_transaction: str | None = None
    currency: str
    description: str | None = None
    destination: str
    destination_payment: str | None = None
    livemode: bool = False
    metadata: Metadata = {}
    reversed: bool = False
    source_transaction: str | None = None
    source_type: Literal["card"] = "card"
    transfer_group: str | None = None


class Record(Transfer, frozen=True, kw_only=True, omit_defaults=True):
    """`fee` of the amount goes back to the platform `merchant`, as the application fee `application_fee`.

    `covered`: the platform's available balance has to suffice. `given` are the newest reversals, one more than is
    shown.
    """

    merchant: str
    available_on: int
    fee: int = 0
    application_fee: str | None = None
    covered: bool = False
    state: Literal["", "paid", "reversed"] = ""
    given: list[Reversal] = []


# Money -----------------------------------------------------------------------


def give_to_account(t: Record) -> tuple[Posting, ...]:
    """The platform's money is the account's, but for the application fee, wherever it waits."""
    source, target = (waiting_account(who, t.available_on, t.created) for who in (t.merchant, t.destination))
    kept = (credit(source, t.fee, t.currency),) if t.fee else ()
    return (
        debit(source, t.amount, t.currency, "balance_insufficient" if t.covered else None),
        credit(target, t.amount - t.fee, t.currency),
        *kept,
    )


def take_back(r: Reversal) -> tuple[Posting, ...]:
    """What the account received is the platform's again, wherever it waits."""
    source, target = (waiting_account(who, r.available_on, r.created) for who in (r.account, r.merchant))
    return transfer(source, target, r.amount, r.currency, "balance_insufficient" if r.covered else None)


# Life ------------------------------------------------------------------------

M = Move[Record]
REVERSED = ("transfer.reversed",)
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move            from       to          posts            emits
    M("create",       (),         "paid",     give_to_account, ("transfer.created",), "The account has it."),
    M("reverse_part", ("paid",),  "paid",     emits=REVERSED, meaning="A part was taken back."),
    M("reverse",      ("paid",),  "reversed", emits=REVERSED, meaning="All of it was taken back."),
    rest=("paid", "reversed"), field="state",
)
# fmt: on
REVERSAL_LIFE: Lifecycle[Reversal] = Lifecycle(
    Move[Reversal]("create", (), "done", take_back, meaning="The platform has it again."),
    rest=("done",),
    field="state",
)  # fmt: skip
