"""Why the simulated bank refuses, returns or corrects, and how each scheme calls it.

`ach` is the return code of the Nacha rules, `iso` the code of ISO 20022's external code sets
(ExternalStatusReason1Code, ExternalReturnReason1Code), `bacs` the return code of the ARUCS and ARUDD reports. `days` is
how many banking days after settlement the answer comes, if nothing else was said.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Reason(Struct, frozen=True):
    meaning: str
    ach: str
    iso: str
    bacs: str
    days: int = 2


# fmt: off
REASONS: Final[dict[str, Reason]] = {
    #                                   meaning                                    ach    iso     bacs  days
    "account_closed":          Reason("the account is closed",                    "R02", "AC04", "B", 1),
    "account_frozen":          Reason("the account is blocked",                   "R16", "AC06", "B", 1),
    "account_moved":           Reason("the account went to another bank",         "R12", "AC07", "3", 1),
    "deceased":                Reason("the account's holder has died",            "R15", "MD07", "2"),
    "debit_not_authorized":    Reason("no authorization for the debit is known",  "R10", "MD01", "6", 3),
    "disputed":                Reason("the holder says that it was not so agreed", "R11", "MD06", "A", 20),
    "duplicate":               Reason("it was sent before",                       "R24", "AM05", "0"),
    "insufficient_funds":      Reason("there is too little money",                "R01", "AM04", "0", 1),
    "invalid_account_number":  Reason("the account number is not valid",          "R04", "AC01", "5", 1),
    "invalid_bank":            Reason("there is no such bank",                    "R13", "RC01", "5", 1),
    "invalid_currency":        Reason("the account does not take this currency",  "R20", "AM03", "5", 1),
    "no_account":              Reason("there is no such account",                 "R03", "AC01", "5"),
    "refused":                 Reason("the receiver refuses it",                  "R23", "MS02", "0", 3),
    "stopped":                 Reason("the holder stopped it",                    "R08", "MS02", "1", 1),
    # Of a file or an order; such are not returned but refused at once.
    "unreadable":              Reason("the file cannot be read",                  "R17", "FF01", "0", 0),
    "empty":                   Reason("there is no payment in it",                "R17", "FF01", "0", 0),
    "unknown_originator":      Reason("the originator has no account here",       "R21", "AC01", "0", 0),
    "over_limit":              Reason("it is above the agreed limit",             "R17", "AM14", "0", 0),
    "too_early":               Reason("its day is too far ahead",                 "R17", "DT01", "0", 0),
}
# fmt: on

# Which reason a code in a name or a reference stands for; where several share a code, the first of the table.
BY_CODE: Final[dict[str, str]] = {
    **{code: name for name, row in reversed(REASONS.items()) for code in (row.ach, row.iso)},
    "AC01": "no_account", "AC03": "invalid_account_number", "R09": "insufficient_funds", "R14": "deceased",
    "R05": "debit_not_authorized", "R07": "debit_not_authorized", "R29": "debit_not_authorized",
}  # fmt: skip
