"""The chart of accounts: every account that money can stand in, with its normal balance and what it means.

A code is a path. The names in braces are filled in: `merchant:acct_1:available`. Codes are made only here.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

Side = Literal["debit", "credit"]
Kind = Literal["asset", "liability", "equity", "revenue", "expense", "memorandum"]


class Account(Struct, frozen=True):
    """One row of the chart. `clearing` accounts are empty when every object that uses them is at rest."""

    pattern: str
    kind: Kind
    meaning: str
    clearing: bool = False

    @property
    def normal(self) -> Side:
        return "debit" if self.kind in ("asset", "expense") else "credit"


CHART = (
    Account(
        "merchant:{merchant}:pending:{day}", "liability", "Owed to the merchant, available from that day (UTC) on."
    ),
    Account("merchant:{merchant}:available", "liability", "Owed to the merchant and free to pay out."),
    Account("merchant:{merchant}:in_transit", "liability", "On its way to the merchant's bank.", clearing=True),
    Account(
        "merchant:{merchant}:disputed",
        "liability",
        "Withheld while a dispute is open.",
        clearing=True,
    ),
    Account("merchant:{merchant}:reserved", "liability", "Owed to the merchant, held back for claims.", clearing=True),
    Account(
        "merchant:{merchant}:connect_reserved:{account}",
        "liability",
        "Held back from a platform for what its connected account owes.",
    ),
    Account("merchant:{merchant}:uncaptured", "memorandum", "Authorized for the merchant, not yet captured."),
    Account("merchant:{merchant}:credit_granted", "memorandum", "Credit the merchant has given to customers."),
    Account("customer:{customer}:credit", "memorandum", "Credit a customer may use on invoices; negative is owed."),
    Account("customer:{customer}:cash", "liability", "Cash a customer has sent ahead by bank transfer."),
    Account("network:{rail}:authorized", "memorandum", "What the network has promised for authorized payments."),
    Account("network:{rail}:receivable", "asset", "Captured, not yet settled by the network."),
    Account("network:{rail}:refunds_payable", "liability", "Refunds the network has not confirmed.", clearing=True),
    Account("network:{rail}:disputed", "asset", "Withdrawn by the network while a dispute is open.", clearing=True),
    Account("bank:cash", "asset", "Money at the platform's bank."),
    Account("platform:fees", "revenue", "Fees earned on payments and instant payouts."),
    Account("platform:dispute_fees", "revenue", "Fees earned on disputes."),
    Account("platform:adjustments", "expense", "Given to merchants by adjustments, less what was taken."),
    Account("platform:fx_revenue", "revenue", "The spread on currency conversions."),
    Account("platform:fx_rounding", "revenue", "What rounding left over in currency conversions."),
    Account("platform:fx_unrealised", "revenue", "What positions in currencies gained by the closing rates, or lost."),
    Account(
        "platform:fx_revaluation", "asset", "What positions are worth beyond what they are booked at, at closing rates."
    ),
    Account("clearing:fx:{currency}", "liability", "The platform's position in a currency, from conversions."),
    Account("platform:advances", "asset", "Paid to merchants early, to be repaid.", clearing=True),
    Account("platform:bank_fees", "expense", "What banks charge the platform."),
    Account("platform:interest", "revenue", "What banks pay the platform for its money, less what they take for it."),
    Account("platform:losses", "expense", "What the platform could not recover."),
    Account("platform:suspense", "liability", "Money whose owner is not known yet."),
    Account("app:{code}", "liability", "Opened through the API, which also says its kind and normal balance."),
    Account("held:app:{code}", "liability", "Held back from the account of that code.", clearing=True),
)


def pending(merchant: str, day: str) -> str:
    return f"merchant:{merchant}:pending:{day}"


def available(merchant: str) -> str:
    return f"merchant:{merchant}:available"


def in_transit(merchant: str) -> str:
    return f"merchant:{merchant}:in_transit"


def withheld(merchant: str) -> str:
    return f"merchant:{merchant}:disputed"


def reserved(merchant: str) -> str:
    return f"merchant:{merchant}:reserved"


def connect_reserved(platform: str, account: str) -> str:
    """Without an account, what the codes of all of a platform begin with."""
    return f"merchant:{platform}:connect_reserved:{account}"


def uncaptured(merchant: str) -> str:
    return f"merchant:{merchant}:uncaptured"


def credit_granted(merchant: str) -> str:
    return f"merchant:{merchant}:credit_granted"


def customer_credit(customer: str) -> str:
    return f"customer:{customer}:credit"


def customer_cash(customer: str) -> str:
    return f"customer:{customer}:cash"


def authorized(rail: str) -> str:
    return f"network:{rail}:authorized"


def receivable(rail: str) -> str:
    return f"network:{rail}:receivable"


def refunds_payable(rail: str) -> str:
    return f"network:{rail}:refunds_payable"


def disputed(rail: str) -> str:
    return f"network:{rail}:disputed"


def position(currency: str) -> str:
    """What the platform has bought of a currency (credit) and paid out in it (debit) by converting."""
    return f"clearing:fx:{currency}"


def held(code: str) -> str:
    """Where money waits that a hold has taken out of the account of this code."""
    return f"held:{code}"


CASH = "bank:cash"
FEES = "platform:fees"
DISPUTE_FEES = "platform:dispute_fees"
ADJUSTMENTS = "platform:adjustments"
FX_REVENUE = "platform:fx_revenue"
FX_ROUNDING = "platform:fx_rounding"
FX_REVALUATION = "platform:fx_revaluation"
FX_UNREALISED = "platform:fx_unrealised"
ADVANCES = "platform:advances"
BANK_FEES = "platform:bank_fees"
INTEREST = "platform:interest"
LOSSES = "platform:losses"
SUSPENSE = "platform:suspense"

APP = "app:"


def _pattern(pattern: str) -> re.Pattern[str]:
    """A name in braces stands for one step of the path; `{code}` for as many as the caller has chosen."""
    steps = re.escape(pattern).replace(r"\{code\}", ".+")
    return re.compile("^" + re.sub(r"\\\{\w+\\\}", "[^:]+", steps) + "$")


_PATTERNS = [(_pattern(account.pattern), account) for account in CHART]


def account_of(code: str) -> Account:
    """The row of the chart that a code belongs to. Raises `KeyError` for a code that is on no row."""
    for pattern, account in _PATTERNS:
        if pattern.match(code):
            return account
    raise KeyError(code)
