"""A charge's receipt, at its `receipt_url`: what was paid, to whom, how, and what was given back since."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nostro.kernel.clock import utc_text
from nostro.kernel.http import Incoming, Reply
from nostro.payments.charge import CHARGE, Record
from nostro.payments.rules import descriptor
from nostro.storage.tx import Tx
from nostro.storage.world import World

from . import render
from .lookup import scope_of

PATH = "/receipts/"
STATES = {
    "authorized": "Held, not yet taken", "captured": "Paid", "failed": "Not paid", "released": "Not taken",
    "expired": "Not taken",
}  # fmt: skip


def receipt_page(world: World) -> Callable[[Incoming], Awaitable[Reply]]:
    async def page(incoming: Incoming) -> Reply:
        id = incoming.path.removeprefix(PATH)
        scope = await scope_of(world, CHARGE, id)
        charge = await Tx(world, scope).find(CHARGE, id) if scope else None
        if charge is None:
            return render.message("Receipt not found", "This link is incomplete, or belongs to another server.", 404)
        return render.show("receipt.html", **_values(charge))

    return page


def _values(charge: Record) -> dict[str, Any]:
    kept = charge.amount_captured or charge.amount
    refunded = charge.amount_refunded - (charge.amount - kept) if charge.captured else 0
    details = charge.payment_method_details or {}
    rows = [
        ("Date", f"{utc_text(charge.effective_at or charge.created)[:16]} UTC"),
        ("Paid with", render.instrument(details, charge.rail)),
        ("For", charge.description),
    ]
    return {
        "state": "Refunded" if refunded and refunded >= kept else STATES[charge.state],
        "taken": charge.state == "captured",
        "amount": render.money(kept, charge.currency),
        "merchant": charge.calculated_statement_descriptor or descriptor(None, None),
        "rows": [(name, value) for name, value in rows if value],
        "number": charge.receipt_number or charge.id,
        "refunded": render.money(refunded, charge.currency) if refunded else None,
        "left": render.money(kept - refunded, charge.currency),
        "livemode": charge.livemode,
    }
