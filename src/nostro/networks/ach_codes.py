"""Why ACH entries come back, and what a notification of change corrects.

`days` is how long the receiving bank has: 2 are banking days after settlement, 60 are calendar days, None is by
agreement of the banks. `retry`: "same" may be sent again as it was, at most twice; "corrected" only as a new entry
with what was wrong put right (data, or the holder's authorization); "never" not to this account.
"""

from typing import Final, Literal

import msgspec

Retry = Literal["same", "corrected", "never"]


class ReturnReason(msgspec.Struct, frozen=True):
    meaning: str
    days: int | None
    retry: Retry


RETURNS: Final[dict[str, ReturnReason]] = {
    "R01": ReturnReason("insufficient funds", 2, "same"),
    "R02": ReturnReason("account closed", 2, "never"),
    "R03": ReturnReason("no account, or the account cannot be found", 2, "corrected"),
    "R04": ReturnReason("invalid account number", 2, "corrected"),
    "R05": ReturnReason("corporate debit to a consumer account, not authorized", 60, "never"),
    "R06": ReturnReason("returned at the request of the originating bank", None, "corrected"),
    "R07": ReturnReason("authorization revoked", 60, "never"),
    "R08": ReturnReason("payment stopped", 2, "corrected"),
    "R09": ReturnReason("uncollected funds", 2, "same"),
    "R10": ReturnReason("originator not known or not authorized", 60, "never"),
    "R11": ReturnReason("not in accordance with the authorization", 60, "corrected"),
    "R12": ReturnReason("account sold to another bank", 2, "corrected"),
    "R13": ReturnReason("routing number not valid for ACH", 2, "corrected"),
    "R14": ReturnReason("representative payee deceased or unable", 2, "never"),
    "R15": ReturnReason("beneficiary or account holder deceased", 2, "never"),
    "R16": ReturnReason("account frozen", 2, "never"),
    "R17": ReturnReason("file record edit criteria", 2, "corrected"),
    "R20": ReturnReason("account does not take ACH entries", 2, "never"),
    "R21": ReturnReason("invalid company identification", 2, "corrected"),
    "R22": ReturnReason("invalid individual identification", 2, "corrected"),
    "R23": ReturnReason("credit refused by the receiver", None, "never"),
    "R24": ReturnReason("duplicate entry", 2, "never"),
    "R29": ReturnReason("corporate customer: not authorized", 2, "never"),
    "R31": ReturnReason("permissible return, agreed by the originating bank", None, "corrected"),
}

CHANGES: Final[dict[str, str]] = {
    "C01": "account number",
    "C02": "routing number",
    "C03": "routing number and account number",
    "C05": "transaction code",
    "C06": "account number and transaction code",
    "C07": "routing number, account number and transaction code",
    "C09": "individual identification",
}
