"""A template made into a reply, and money as people write it.

The libraries for both are loaded when the first page is shown: most servers never show one.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from nostro.kernel.http import Reply
from nostro.kernel.money import exponent

if TYPE_CHECKING:
    from jinja2 import Environment

    from nostro.connect.profile import Record as Account

# No script and nothing from elsewhere. `form-action` is left open: an answered form redirects to the merchant.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", POLICY.encode()),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),  # a page's own URL can hold a client secret
    (b"x-content-type-options", b"nosniff"),
)
BRANDS = {
    "amex": "American Express", "diners": "Diners Club", "discover": "Discover", "jcb": "JCB",
    "mastercard": "Mastercard", "unionpay": "UnionPay", "visa": "Visa",
}  # fmt: skip


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("nostro.hosted"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def show(template: str, status: int = 200, **values: Any) -> Reply:
    body = _templates().get_template(template).render(values)
    return Reply(status, body.encode(), list(HEADERS))


def message(title: str, text: str, status: int = 200) -> Reply:
    """A page that says one thing."""
    return show("message.html", status, title=title, text=text, mark="")


def nothing() -> Reply:
    return message("Page not found", "This link is incomplete, or belongs to another server.", 404)


def name_of(account: Account) -> str:
    """What a connected account is called on its pages."""
    company = account.company.name if account.company else None
    return account.business_profile.name or company or account.email or "your account"


def redirect(url: str) -> Reply:
    """To a URL of the merchant's, which was checked when it was given, or to a page of ours."""
    return Reply(303, b"", [(b"location", url.encode()), *HEADERS[1:]])


def money(amount: int, currency: str) -> str:
    """As on a bill: `$20.00`, `¥500`, `KWD 12.340`."""
    from babel.numbers import get_currency_symbol

    places = exponent(currency)
    symbol = get_currency_symbol(currency.upper(), locale="en_US")
    space = "\N{NO-BREAK SPACE}" if symbol[-1].isalpha() else ""
    return f"{symbol}{space}{Decimal(amount).scaleb(-places):,.{places}f}"


def instrument(details: dict[str, Any], type: str) -> str:
    """How it was paid, for people: `Visa •••• 4242`."""
    own = details.get(type) or details
    brand = BRANDS.get(own.get("brand", ""), "Card") if type == "card" else type.replace("_", " ").title()
    return f"{brand} •••• {own['last4']}" if own.get("last4") else brand
