"""The formats of bank files, one row each; the bytes themselves are made and read in `nostro.networks`."""

from __future__ import annotations

from nostro.connect.originating_account import Record as Account

from .ach_format import ACH
from .file_format import Format
from .pain_format import TRANSFERS

FORMATS: dict[str, Format] = {"nacha": ACH, "pain.001": TRANSFERS}


def format_of(account: Account) -> Format:
    return FORMATS[account.format]
