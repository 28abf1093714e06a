"""Postal addresses, shipping and billing details: shapes and parameters that several resources share."""

from __future__ import annotations

import msgspec

from nostro.kernel.resource import Params, Shape


class Address(Shape, frozen=True, kw_only=True):
    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None


class AddressParams(Params, frozen=True, kw_only=True):
    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None

    def shape(self) -> Address:
        return msgspec.convert(self, Address, from_attributes=True)


class Shipping(Shape, frozen=True, kw_only=True):
    address: Address | None = None
    carrier: str | None = None
    name: str | None = None
    phone: str | None = None
    tracking_number: str | None = None


class ShippingParams(Params, frozen=True, kw_only=True):
    address: AddressParams
    name: str
    carrier: str | None = None
    phone: str | None = None
    tracking_number: str | None = None

    def shape(self) -> Shipping:
        return msgspec.convert(self, Shipping, from_attributes=True)
