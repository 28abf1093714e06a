"""Why Bacs sends something back, by the report that says so: one digit or letter each.

`retry` as in `ach_codes`: "same" may be sent again as it was; "corrected" with the account or the instruction put
right; "never" not on this account or instruction.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Retry = Literal["same", "corrected", "never"]
Report = Literal["ARUCS", "ARUDD", "AUDDIS", "ADDACS", "AWACS"]


class Reason(msgspec.Struct, frozen=True):
    meaning: str
    retry: Retry


# Credits that could not be applied.
ARUCS: Final[dict[str, Reason]] = {
    "0": Reason("account details not recognised", "corrected"),
    "2": Reason("beneficiary deceased", "never"),
    "3": Reason("account transferred to another bank", "corrected"),
    "5": Reason("no account", "corrected"),
    "B": Reason("account closed", "corrected"),
    "C": Reason("asked for by the remitter", "never"),
}
# Debits that were not paid.
ARUDD: Final[dict[str, Reason]] = {
    "0": Reason("refer to payer: not paid, such as for lack of funds", "same"),
    "1": Reason("instruction cancelled by the payer", "never"),
    "2": Reason("payer deceased", "never"),
    "3": Reason("account transferred to another bank", "corrected"),
    "4": Reason("advance notice disputed", "corrected"),
    "5": Reason("no account", "corrected"),
    "6": Reason("no instruction", "corrected"),
    "7": Reason("amount is not that of the advance notice", "corrected"),
    "8": Reason("amount not yet due", "corrected"),
    "9": Reason("presented too late", "corrected"),
    "A": Reason("service user differs", "corrected"),
    "B": Reason("account closed", "corrected"),
}
# Instructions that were not taken.
AUDDIS: Final[dict[str, Reason]] = {
    "1": Reason("instruction cancelled by the payer", "never"),
    "2": Reason("payer deceased", "never"),
    "3": Reason("account transferred to another bank", "corrected"),
    "5": Reason("no account", "corrected"),
    "6": Reason("no instruction", "corrected"),
    "B": Reason("account closed", "corrected"),
    "C": Reason("account transferred to another branch", "corrected"),
    "F": Reason("account of a kind that takes no debits", "corrected"),
    "G": Reason("bank takes no debits on this account", "corrected"),
    "H": Reason("instruction has expired", "corrected"),
    "I": Reason("payer's reference is not unique", "corrected"),
    "K": Reason("instruction cancelled by the bank", "corrected"),
    "L": Reason("payer's account details wrong", "corrected"),
    "M": Reason("transaction code does not go with the user's status", "corrected"),
    "N": Reason("not allowed at the payer's branch", "corrected"),
    "O": Reason("reference not valid", "corrected"),
    "P": Reason("payer's name missing", "corrected"),
    "Q": Reason("service user's name missing", "corrected"),
}
# Instructions that were cancelled or changed at the payer's bank.
ADDACS: Final[dict[str, Reason]] = {
    "0": Reason("instruction cancelled: refer to payer", "never"),
    "1": Reason("instruction cancelled by the payer", "never"),
    "2": Reason("payer deceased", "never"),
    "3": Reason("account transferred to another bank: collect from the new one", "corrected"),
    "B": Reason("account closed", "never"),
    "C": Reason("account transferred to another branch: collect from the new one", "corrected"),
    "D": Reason("advance notice disputed: instruction cancelled", "never"),
    "E": Reason("instruction amended", "corrected"),
    "R": Reason("instruction reinstated", "same"),
}
# Credits that were applied to another account than the one that they named.
AWACS: Final[dict[str, Reason]] = {
    "0": Reason("account details not valid: pay to the right ones", "same"),
    "3": Reason("account transferred to another bank: pay to the new one", "same"),
}
REASONS: Final[dict[Report, dict[str, Reason]]] = {
    "ARUCS": ARUCS, "ARUDD": ARUDD, "AUDDIS": AUDDIS, "ADDACS": ADDACS, "AWACS": AWACS,
}  # fmt: skip
