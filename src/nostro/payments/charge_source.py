"""What a directly made charge takes its money from: a card token, or one of a customer's sources."""

from __future__ import annotations

from nostro.kernel.address import Address
from nostro.kernel.errors import ApiError, card_error, invalid, missing, no_such
from nostro.storage.tx import Tx

from . import customer_source
from . import token as tokens
from .billing_details import BillingDetails
from .card import Record as Card
from .of_customer import owner


async def chosen(tx: Tx, source: str | None, customer: str | None) -> Card:
    """The card to charge. A token is used up; a customer's own source stays."""
    if customer is not None:
        return _card(await _of_customer(tx, source, customer), customer)
    if source is None:
        raise missing("source")
    if source.startswith("pm_"):
        raise invalid(
            f"{source} is a PaymentMethod: a charge is made from a token or a customer's source. "
            "Create a PaymentIntent to charge a PaymentMethod.", "source",
        )  # fmt: skip
    if source.startswith(("card_", "ba_")):
        raise invalid(f"{source} is a customer's source: pass that customer too.", "customer", "missing")
    if source.startswith("src_"):
        raise no_such("source", source, "source")
    return _card(await tokens.source(tx, source), source)


async def _of_customer(tx: Tx, source: str | None, id: str) -> customer_source.Source:
    try:
        customer = await owner(tx, id)
    except ApiError as error:
        error.status = 400  # a parameter names it here, not the path
        raise
    if source is not None and not source.startswith(("card_", "ba_")):
        raise ApiError(
            f"Customer {id} does not have a linked source with ID {source}. Add it to the customer first, or charge "
            "the token without the customer.", status=404, code="missing", param="source",
        )  # fmt: skip
    wanted = source or customer.default_source
    if wanted is None:
        raise card_error("Cannot charge a customer that has no active card", "missing", param="card")
    return await customer_source.find(tx, id, wanted, "source")


def _card(source: customer_source.Source, whose: str) -> Card:
    if not isinstance(source, Card):
        raise invalid(f"The source of {whose} is a bank account, and no rail here debits those.", "source",
                      "invalid_source_usage")  # fmt: skip
    return source


def billing_details(card: Card) -> BillingDetails:
    parts = {name: getattr(card, f"address_{name}") for name in ("city", "country", "line1", "line2", "state")}
    return BillingDetails(name=card.name, address=Address(postal_code=card.address_zip, **parts))
