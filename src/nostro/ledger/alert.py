"""Alert: an event when an account's balance has gone beyond a threshold that the account names.

A job looks once the entry is committed, so of entries that run side by side none can slip through between two
readings. It tells once, and again only after the balance was back in between. What goes below and comes back before
the job has run is not told.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.storage.tx import Tx

from .app_account import ACCOUNT, complete


async def alert_job(tx: Tx, ref: str) -> None:
    account = (await complete(tx, [await tx.get(ACCOUNT, ref)]))[0]
    beyond: Literal["below", "above"] | None = None
    if account.alert_below is not None and account.balance < account.alert_below:
        beyond = "below"
    elif account.alert_above is not None and account.balance > account.alert_above:
        beyond = "above"
    if beyond == account.alerted:
        return
    seen = msgspec.structs.replace(account, alerted=beyond)
    if beyond is None:
        tx.save(seen)
    else:
        tx.save(seen, f"ledger.account.balance_{beyond}")
