"""Billing details: who pays, as the payment method knows them."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from nostro.kernel.address import Address, AddressParams
from nostro.kernel.resource import Params, Shape, Unset


class BillingDetails(Shape, frozen=True, kw_only=True):
    address: Address = Address()
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    tax_id: str | None = None


EMPTY = BillingDetails()  # one value, so that it is left out of what is stored


class BillingDetailsParams(Params, frozen=True, kw_only=True):
    address: AddressParams | None | Unset = UNSET
    email: str | None | Unset = UNSET
    name: str | None | Unset = UNSET
    phone: str | None | Unset = UNSET
    tax_id: str | None | Unset = UNSET


def merged(old: BillingDetails, change: BillingDetailsParams | None | Unset) -> BillingDetails:
    """What was given replaces what was there, field by field; within the address too."""
    if change is None or change is UNSET:
        return old
    fields = {name: value for name in ("email", "name", "phone", "tax_id")
              if (value := getattr(change, name)) is not UNSET}  # fmt: skip
    address = old.address
    if change.address is None:
        address = Address()
    elif change.address is not UNSET:
        given = {n: v for n in Address.__struct_fields__ if (v := getattr(change.address, n)) is not None}
        address = msgspec.structs.replace(address, **given)
    return msgspec.structs.replace(old, address=address, **fields)
