"""More bugs put in on purpose: in marketplaces, balances, bank files, reconciliation and closing (see mutations.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from nostro import app
from nostro.balances import conversion, fx_quote
from nostro.connect import owed
from nostro.ledger import app_entry
from nostro.payments import application_fee, transfer_reversal
from nostro.payments.transfer import TRANSFER
from nostro.payouts import bank_file, outbox
from nostro.reconciliation.account import ACCOUNT, Record, Turn
from nostro.storage import books
from nostro.storage.tx import Tx

Mutation = Callable[[], AbstractContextManager[Any]]


def _all_of(*broken: tuple[Any, str, Any]) -> Mutation:
    """Broken in several places, as a bug is that two checks would have caught."""

    @contextmanager
    def applied() -> Iterator[None]:
        with ExitStack() as stack:
            for owner, name, value in broken:
                stack.enter_context(mock.patch.object(owner, name, value))
            yield

    return applied


def _job(kind: str, broken: Any) -> Mutation:
    return lambda: mock.patch.dict(app.JOBS, {kind: broken})


async def _nothing(*_: Any, **__: Any) -> None:
    return None


# Marketplaces and balances ------------------------------------------------------------


async def _forget_reversal(tx: Tx, made: Any, amount: int, **more: Any) -> Any:
    """The transfer does not remember what was taken back of it."""
    reversal = await _reverse(tx, made, amount, **more)
    now: Any = await tx.get(TRANSFER, made.id)
    tx.save(msgspec.structs.replace(now, amount_reversed=0, reversed=False, state="paid"))
    return reversal


async def _give_more(platform: Tx, fee: Any, amount: int, metadata: Any = None) -> Any:
    """One more than was asked for, whatever is left of the fee."""
    return await _give_back(platform, fee, amount + 1, metadata)


async def _deal_at_any_time(tx: Tx, amount: int, sold: str, bought: str, quote_id: str | None = None) -> Any:
    """A quote is good for ever."""
    if quote_id is None:
        return await _deal(tx, amount, sold, bought)
    quote = await tx.get(fx_quote.FX_QUOTE, quote_id, "fx_quote")
    tx._written[fx_quote.FX_QUOTE.table, quote_id] = msgspec.structs.replace(quote, lock_expires_at=tx.now + 60)
    try:
        return await _deal(tx, amount, sold, bought, quote_id)
    finally:
        del tx._written[fx_quote.FX_QUOTE.table, quote_id]


_reverse = transfer_reversal.make
_give_back = application_fee.give_back
_deal = fx_quote.deal


# Bank files ---------------------------------------------------------------------------


async def _lay_down(tx: Tx, id: str) -> None:
    """Straight into the outbox, and then the commit: if that fails, once more."""
    file = await tx.get(bank_file.BANK_FILE, id)
    name = file.transmissions[-1].filename
    outbox._write(Path(tx.world.settings.outbox) / file.originating_account / name, await bank_file.content(tx, id))
    await bank_file.released(tx, file)


# Reconciliation and closing -----------------------------------------------------------


async def _anybody(self: Turn, tx: Tx) -> Record:
    """Two runs at once write what both have found. (A real one: this simulation found it.)"""
    return await tx.get(ACCOUNT, self._id)


MONEY: dict[str, Mutation] = {
    "forgets what was taken back of a transfer": _all_of((transfer_reversal, "make", _forget_reversal)),
    "gives back more than an application fee was": _all_of((application_fee, "give_back", _give_more)),
    "converts at a quote that has expired": _all_of((conversion, "deal", _deal_at_any_time)),
    "reserves nothing for what accounts owe": _all_of((owed, "_reserve", lambda *_: None)),
    "puts a payment into two files": _all_of(
        (bank_file, "WAITING", bank_file.WAITING.replace(" AND file IS NULL", "")),
        (bank_file, "INTO_FILE", bank_file.INTO_FILE.replace(" AND file IS NULL", "")),
    ),
    "lays a file down before it is written that it will": _job(bank_file.STAGE, _lay_down),
    "tells nobody that a file was withdrawn": _all_of((bank_file, "fail", lambda *_: None)),
    "lets two runs match at once": _all_of((Turn, "account", _anybody)),
    "books into a closed month": _all_of(
        (books, "_too_early", lambda *_: None), (app_entry, "check_open", _nothing)
    ),
}  # fmt: skip
