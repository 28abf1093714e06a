"""Country spec: where an account can be opened, with its currency and what is asked there. Data, not a table."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET

from nostro.kernel.errors import no_such
from nostro.kernel.money import CURRENCIES
from nostro.kernel.resource import Params, Resource, Stored, Verb, View, Wire, public
from nostro.storage.tx import Tx

from .countries import COUNTRIES, currencies
from .requirements import fields


class CountrySpec(Stored, frozen=True, kw_only=True):
    object: Literal["country_spec"] = "country_spec"
    default_currency: str
    supported_bank_account_currencies: dict[str, list[str]]
    supported_payment_currencies: list[str]
    supported_payment_methods: list[str]
    supported_transfer_countries: list[str]
    verification_fields: dict[str, dict[str, list[str]]]


def of(country: str) -> CountrySpec | None:
    """None for a country in which no account can be opened."""
    known = COUNTRIES.get(country)
    if known is None:
        return None
    return CountrySpec(
        id=country,
        created=0,
        default_currency=known.currency,
        supported_bank_account_currencies={
            currency: sorted(other for other in COUNTRIES if currency in currencies(other))
            for currency in currencies(country)
        },
        supported_payment_currencies=sorted(CURRENCIES),
        supported_payment_methods=["card"],
        supported_transfer_countries=sorted(COUNTRIES),
        verification_fields={
            kind: {"minimum": fields(kind, country, "first"), "additional": fields(kind, country, "later")}
            for kind in ("company", "individual")
        },
    )


class RetrieveParams(Params, frozen=True, kw_only=True):
    country: str


class ListParams(Params, frozen=True, kw_only=True):
    ending_before: str | None = None
    limit: int = 10
    starting_after: str | None = None


async def retrieve(tx: Tx, params: RetrieveParams) -> CountrySpec:
    found = of(params.country)
    if found is None:
        error = no_such("country spec", params.country, "country")
        error.status = 404
        raise error
    return found


async def list_(tx: Tx, params: ListParams) -> Wire:
    """By the country's code."""
    codes = sorted(COUNTRIES)
    if params.starting_after:
        codes = [code for code in codes if code > params.starting_after]
    if params.ending_before:
        codes = [code for code in codes if code < params.ending_before]
    limit = min(max(params.limit, 1), 100)
    page = codes[-limit:] if params.ending_before else codes[:limit]
    data = [of(code) for code in page]
    return {"object": "list", "data": data, "has_more": len(codes) > limit, "url": "/v1/country_specs"}


def render(_: View, spec: CountrySpec) -> Wire:
    """Country specs have no `created` in the API."""
    wire: dict[str, Any] = public(CountrySpec, spec)
    del wire["created"]
    return wire


COUNTRY_SPEC: Resource[CountrySpec] = Resource(
    object="country_spec",
    prefix="country_spec",
    record=CountrySpec,
    shape=CountrySpec,
    present=render,
    shown={"created": UNSET},
    stored=False,
    doc="Where a connected account can be opened, in which currency, and what is asked of it there.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/country_specs", run=list_, params=ListParams,
             answers=list[CountrySpec]),
        Verb(name="retrieve", method="GET", path="/v1/country_specs/{country}", run=retrieve, params=RetrieveParams),
    ),
)  # fmt: skip
RESOURCE = COUNTRY_SPEC
