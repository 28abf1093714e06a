"""Ephemeral key: what a mobile app is given for an hour, for one customer. The secret is shown once."""

from __future__ import annotations

from typing import Literal

import msgspec

from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import NoParams, Params, Resource, Stored, Unset, Verb, View, Wire, public
from nostro.storage.tx import Tx

from .customer import CUSTOMER

LIFETIME = 3600


class EphemeralKey(Stored, frozen=True, kw_only=True):
    """`secret` is added to the answer that made it."""

    object: Literal["ephemeral_key"] = "ephemeral_key"
    expires: int
    livemode: bool = False


class Record(EphemeralKey, frozen=True, kw_only=True, omit_defaults=True):
    """`secret` is only in the record that the create verb answers, never in the stored one."""

    customer: str
    secret: str | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    customer: str | None = None
    issuing_card: str | None = None
    nonce: str | None = None
    verification_session: str | None = None


def render(_: View, key: Record) -> Wire:
    wire = public(EphemeralKey, key)
    return {**wire, "secret": key.secret} if key.secret else wire


async def create(tx: Tx, params: CreateParams) -> Record:
    if tx.request.api_version is None:
        raise invalid(
            "An API version is required: the app that uses the key says which one it speaks. "
            "Send it in the Stripe-Version header.", "Stripe-Version",
        )  # fmt: skip
    _check_subject(params)
    customer = await tx.get(CUSTOMER, params.customer or "", "customer")
    key = Record(
        id=tx.new_id("ephkey"),
        created=tx.now,
        livemode=tx.scope.livemode,
        expires=tx.now + LIFETIME,
        customer=customer.id,
    )
    mode = "live" if tx.scope.livemode else "test"
    tx.save(key)
    return msgspec.structs.replace(key, secret=f"ek_{mode}_{tx.world.ids.word(48)}")


def _check_subject(params: CreateParams) -> None:
    """Exactly one thing that the key is for."""
    subjects = ("customer", "issuing_card", "verification_session")
    given = [name for name in subjects if getattr(params, name) is not None]
    if len(given) != 1:
        raise invalid(f"Specify exactly one of these parameters: {', '.join(subjects)}.", given[1] if given else None)
    if params.issuing_card is not None:
        raise no_such("issuing card", params.issuing_card, "issuing_card")
    if params.verification_session is not None:
        raise no_such("verification session", params.verification_session, "verification_session")
    if params.nonce is not None:
        raise invalid("`nonce` goes with `issuing_card`.", "nonce")


async def delete(tx: Tx, key: Record, params: NoParams) -> Record:
    """Answers the key as it ends."""
    tx.delete(key)
    return msgspec.structs.replace(key, expires=min(key.expires, tx.now))


EPHEMERAL_KEY: Resource[Record] = Resource(
    object="ephemeral_key",
    prefix="ephkey",
    noun="ephemeral key",
    record=Record,
    shape=EphemeralKey,
    present=render,
    shown={"secret": str | Unset},
    doc="A key for a mobile app, good for one hour and one customer.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/ephemeral_keys", run=create, params=CreateParams, kind="create"),
        Verb(
            name="delete",
            method="DELETE",
            path="/v1/ephemeral_keys/{id}",
            run=delete,
            kind="delete",
            answers=EphemeralKey,
        ),
    ),
)
RESOURCE = EPHEMERAL_KEY
