"""In which currency the merchant gets a payment's money."""

from __future__ import annotations

from nostro.balances.exchange_rate import rate, table_of
from nostro.balances.fx import Settle
from nostro.balances.settings import Record as Settings
from nostro.connect.external_account import of_currency
from nostro.storage.tx import Tx


async def settled_in(tx: Tx, settings: Settings, currency: str) -> Settle | None:
    """How a payment in `currency` is converted: if the policy says so, and no bank account of the merchant takes the
    currency. None if it stays as it is. The rate is kept with the payment, for what is taken of it later."""
    terms = settings.policy.settlement
    if not terms.convert or currency == terms.currency or await of_currency(tx, currency):
        return None
    base = rate(await table_of(tx), currency, terms.currency)
    return Settle(base_rate=base, currency=terms.currency, fee=tx.world.settings.fees.fx)
