"""How charges and intents are shown: what their records leave out is put back.

A charge keeps no detail that is at the value it mostly has, nor its receipt's address; an intent keeps the options of
its ways to pay as they were given. That is some 500 bytes a payment. Records of earlier releases keep them all, and
are shown the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.resource import View, Wire, public


def charge(view: View, charge: Any) -> Wire:
    wire = public(view.registry.of(charge).shape, charge)
    if charge.outcome is not None:
        wire["outcome"] = msgspec.structs.asdict(charge.outcome)
    if charge.payment_method_details and charge.rail in charge.payment_method_details:
        details = view.rails[charge.rail].shown(charge.payment_method_details[charge.rail])
        wire["payment_method_details"] = {**charge.payment_method_details, charge.rail: details}
    wire["receipt_url"] = charge.receipt_url or f"{view.url}/receipts/{charge.id}"
    return wire


def payment_intent(view: View, intent: Any) -> Wire:
    wire = public(view.registry.of(intent).shape, intent)
    wire["payment_method_options"] = {type: _options(view, intent, type) for type in intent.payment_method_types}
    return wire


def setup_intent(view: View, intent: Any) -> Wire:
    """A setup shows only the options that a setup takes."""
    wire = public(view.registry.of(intent).shape, intent)
    wire["payment_method_options"] = {
        type: {n: value for n, value in _options(view, intent, type).items() if n in view.rails[type].setup_options}
        for type in intent.payment_method_types
    }
    return wire


def _options(view: View, intent: Any, type: str) -> Wire:
    rail = view.rails[type]
    given = intent.options.get(type)
    shown: Wire = rail.show_options(msgspec.convert(given, rail.options) if given else None)
    return shown
