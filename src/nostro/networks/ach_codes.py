"""Why ACH entries come back, and what a notification of change corrects.

`days` is how long the bank has that sends it back: 0 is the next file, 2 and 5 are banking days after settlement, 60
are calendar days, None is by agreement of the banks. `retry`: "same" may be sent again as it was, at most twice;
"corrected" only as a new entry with what was wrong put right (data, or the holder's authorization); "never" not to
this account.
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
    "R12": ReturnReason("branch sold to another bank", 2, "corrected"),
    "R13": ReturnReason("receiving bank does not take part in ACH", 0, "corrected"),
    "R14": ReturnReason("representative payee deceased or unable", 2, "never"),
    "R15": ReturnReason("beneficiary or account holder deceased", 2, "never"),
    "R16": ReturnReason("account frozen", 2, "never"),
    "R17": ReturnReason("fields not valid, questionable circumstances, or an improper reversal", 2, "corrected"),
    "R18": ReturnReason("improper effective entry date", 0, "corrected"),
    "R19": ReturnReason("amount field error", 0, "corrected"),
    "R20": ReturnReason("account does not take ACH entries", 2, "never"),
    "R21": ReturnReason("invalid company identification", 2, "corrected"),
    "R22": ReturnReason("invalid individual identification", 2, "corrected"),
    "R23": ReturnReason("credit refused by the receiver", None, "never"),
    "R24": ReturnReason("duplicate entry", 2, "never"),
    "R25": ReturnReason("addenda error", 0, "corrected"),
    "R26": ReturnReason("mandatory field error", 0, "corrected"),
    "R27": ReturnReason("trace number error", 0, "corrected"),
    "R28": ReturnReason("check digit of the routing number wrong", 0, "corrected"),
    "R29": ReturnReason("corporate customer: not authorized", 2, "never"),
    "R30": ReturnReason("receiving bank does not take truncated checks", 0, "never"),
    "R31": ReturnReason("permissible return, agreed by the originating bank", None, "corrected"),
    "R32": ReturnReason("receiving bank cannot settle", 0, "never"),
    "R33": ReturnReason("return of a destroyed check entry (XCK)", 60, "never"),
    "R34": ReturnReason("receiving bank's participation is limited", 0, "never"),
    "R35": ReturnReason("debits are not permitted to this account or class", 0, "never"),
    "R36": ReturnReason("credits are not permitted in this class", 0, "never"),
    "R37": ReturnReason("source document presented for payment", 60, "never"),
    "R38": ReturnReason("payment stopped on the source document", 60, "never"),
    "R39": ReturnReason("improper source document, or it was presented for payment", 2, "never"),
    "R50": ReturnReason("state law affects the acceptance of returned checks (RCK)", 2, "never"),
    "R51": ReturnReason("item of a returned check entry ineligible, or the entry improper", 60, "never"),
    "R52": ReturnReason("payment stopped on the item of a returned check entry", 60, "never"),
    "R53": ReturnReason("item and its returned check entry both presented", 60, "never"),
}

# Returns that the originating bank does not take back, and why the receiving bank stands by them nevertheless.
DISHONORED: Final[dict[str, ReturnReason]] = {
    "R61": ReturnReason("misrouted return", 5, "never"),
    "R62": ReturnReason("return of an erroneous or reversing debit", 5, "never"),
    "R67": ReturnReason("duplicate return", 5, "never"),
    "R68": ReturnReason("untimely return", 5, "never"),
    "R69": ReturnReason("field errors in the return", 5, "corrected"),
    "R70": ReturnReason("permissible return not accepted, or not asked for", 5, "never"),
}
CONTESTED: Final[dict[str, ReturnReason]] = {
    "R71": ReturnReason("misrouted dishonored return", 2, "never"),
    "R72": ReturnReason("untimely dishonored return", 2, "never"),
    "R73": ReturnReason("the return was timely", 2, "never"),
    "R74": ReturnReason("corrected return", 2, "never"),
    "R75": ReturnReason("the return was no duplicate", 2, "never"),
    "R76": ReturnReason("no errors found in the return", 2, "never"),
    "R77": ReturnReason("funds of the erroneous or reversing debit not recovered", 2, "never"),
}

CHANGES: Final[dict[str, str]] = {
    "C01": "account number",
    "C02": "routing number",
    "C03": "routing number and account number",
    "C05": "transaction code",
    "C06": "account number and transaction code",
    "C07": "routing number, account number and transaction code",
    "C08": "receiving bank's identification (international entries)",
    "C09": "individual identification",
    "C13": "addenda format",
    "C14": "entry class of an outbound international payment",
}
