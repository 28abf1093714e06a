"""The formats of bank files, one row each; the bytes themselves are made and read in `nostro.networks`."""

from __future__ import annotations

from nostro.connect.originating_account import Record as Account
from nostro.connect.originating_account import file_format
from nostro.connect.originating_scheme import SCHEMES, FileFormat
from nostro.kernel.errors import ApiError, invalid

from .ach_format import ACH
from .bacs_format import BACS
from .file_format import TOO_MUCH, Format, Refusal
from .instruction import Receiver
from .pain_format import DEBITS, TRANSFERS

FORMATS: dict[FileFormat, Format] = {"nacha": ACH, "bacs": BACS, "pain.001": TRANSFERS, "pain.008": DEBITS}


def format_of(account: Account) -> Format:
    """That of its credits, whose answers are those of its debits too."""
    return FORMATS[SCHEMES[account.format].credits]


def refusal(account: Account, receiver: Receiver | None, amount: int, *, debit: bool = False) -> Refusal | None:
    """Why no file of the account's can carry a payment of `amount` (minor units); None if one can."""
    name = file_format(account, debit=debit)
    if name is None:
        return Refusal("could_not_process", f"The originating account {account.id} collects no debits.")
    if receiver is None:
        return Refusal("invalid_account_number", "The bank account's number is not known.")
    return FORMATS[name].refusal(receiver, amount)


def refused_by(why: Refusal, account: str) -> ApiError:
    """What who asks for such a payment is answered; `account` is the parameter that names the other side."""
    if why.code == TOO_MUCH:
        return invalid(why.text, "amount", "amount_too_large")
    return invalid(why.text, account, "account_number_invalid")


def days_more(account: Account, receiver: Receiver) -> int:
    """Business days by which a payment settles after the others of its file."""
    return SCHEMES[account.format].notice if receiver.first else 0
