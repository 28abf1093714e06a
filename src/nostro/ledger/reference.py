"""Reference: the caller's own name for an entry or a hold, good for one.

Saying the same thing again under the same reference answers what is there; saying something else is refused. A
reference is a record whose id follows from it, so of two units that bring the same one the engine lets one commit;
the other runs again and finds it. Unlike an Idempotency-Key it is never forgotten.

References of entries that were booked in batches have no record but are found by hash (named.py). An entry that is
booked by itself is stale if names were booked in batches since it looked.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Resource, Stored
from nostro.storage.names import digest_of
from nostro.storage.tx import Tx

from . import named

ENTRY = named.FAMILY
ReferenceParam = Annotated[str, Meta(min_length=1, max_length=255)]


class Reference(Stored, frozen=True, kw_only=True, omit_defaults=True):
    """`target` is the id of what it names, `content` a hash of what was asked for."""

    object: Literal["ledger.reference"] = "ledger.reference"
    target: str
    content: str


def content_of(asked: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()[:32]


async def known(tx: Tx, family: str, reference: str | None, content: str | None = None) -> str | None:
    """The id of what the reference names. With `content`, raises if it was said with another one."""
    if reference is None:
        return None
    digest = digest_of(family, reference)
    found: Reference | named.Named | None = await tx.find(REFERENCE, named.record_id(digest))
    if found is None and family == ENTRY:
        found = await named.find(tx, reference, digest)
    if found is None:
        return None
    if content is not None and content != (found.content if isinstance(found, Reference) else content_of(found.said)):
        raise invalid(
            f"The reference '{reference[:60]}' belongs to {found.target}, which has another content.",
            "reference", "ledger_reference_in_use",
        )  # fmt: skip
    return found.target


def keep(tx: Tx, family: str, reference: str | None, target: str, content: str) -> None:
    if reference is not None:
        id = named.record_id(digest_of(family, reference))
        tx.save(Reference(id=id, created=tx.now, target=target, content=content))


REFERENCE: Resource[Reference] = Resource(
    object="ledger.reference", prefix="lref", record=Reference, shape=Reference, verbs=(),
    doc="The caller's own name for an entry or a hold.",
)  # fmt: skip
RESOURCE = REFERENCE
