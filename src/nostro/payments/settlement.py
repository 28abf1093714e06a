"""In which currency a merchant gets a payment's money.

A connected account gets what none of its bank accounts takes in its default currency; a platform gets it so if its
policy says so. The rate is kept with the payment, for what is taken of it later.
"""

from __future__ import annotations

from nostro.balances.balance_transaction import Record as Line
from nostro.balances.exchange_rate import rate_now
from nostro.balances.fx import Settle
from nostro.balances.settings import Record as Settings
from nostro.balances.settings import terms_of
from nostro.connect import standing
from nostro.connect.external_account import of_currency
from nostro.connect.scope import part_of
from nostro.kernel.errors import invalid
from nostro.storage.tx import Tx


async def settled_in(tx: Tx, currency: str, settings: Settings | None = None) -> Settle | None:
    """How money in `currency` is converted for the merchant whose scope this is, by its settings. None if it stays as
    it is."""
    terms = (settings or await terms_of(tx)).policy.settlement
    if not terms.converts(tx.scope.connected):
        return None
    bought = terms.currency or await _default_currency(tx)
    if currency == bought or await of_currency(tx, currency):
        return None
    base, _ = await rate_now(tx, currency, bought)
    return Settle(base_rate=base, currency=bought, fee=tx.world.settings.fees.fx)


async def settled_for(tx: Tx, currency: str, on_behalf_of: str | None, settings: Settings) -> Settle | None:
    """The same for a payment of this merchant: one that is made on behalf of an account settles as the account's do."""
    seller = None if on_behalf_of is None else await part_of(tx, on_behalf_of)
    return await settled_in(tx, currency, settings) if seller is None else await settled_in(seller, currency)


async def _default_currency(tx: Tx) -> str:
    account = await standing.own(tx)
    return "usd" if account is None else account.default_currency


def check_worth(line: Line) -> None:
    """Raises for a payment that is converted to nothing."""
    if line.amount == 0:
        raise invalid(f"This is worth less than the smallest amount of {line.currency}, in which it is settled.",
                      "amount", "amount_too_small")  # fmt: skip
