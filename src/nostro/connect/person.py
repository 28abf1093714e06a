"""Person: someone who stands behind a connected account, as its owner, director, executive or representative."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Params, Resource, Unset, Verb, Wire
from nostro.storage.tx import Tx

from . import standing
from .given import check_files, check_theirs, person_of
from .party import Person, Record, changed, render
from .person_params import PersonParams
from .scope import enter


class OfAccount(Params, frozen=True, kw_only=True):
    """`account` is the path's."""

    account: str


class CreateParams(PersonParams, frozen=True, kw_only=True):
    """`account` is the path's."""

    account: str
    person_token: str | Unset = UNSET


class RelationshipFilter(Params, frozen=True, kw_only=True):
    authorizer: bool | None = None
    director: bool | None = None
    executive: bool | None = None
    legal_guardian: bool | None = None
    owner: bool | None = None
    representative: bool | None = None


class ListParams(OfAccount, frozen=True, kw_only=True):
    ending_before: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    relationship: RelationshipFilter = RelationshipFilter()
    starting_after: str | None = None


async def _check_open(tx: Tx) -> None:
    """Raises unless the account's persons are the platform's to tell."""
    account = await standing.own(tx)
    if account is None:
        raise invalid("Persons are those of connected accounts: this is your own.", "account")
    check_theirs(account, "person")


async def create(tx: Tx, params: CreateParams) -> Record:
    await _check_open(tx)
    if len(await tx.every(PERSON, standing.MOST)) >= standing.MOST:
        raise invalid(f"An account can have up to {standing.MOST} persons.")
    blank = Record(id=tx.new_id("person"), created=tx.now, account=tx.merchant)
    given = await person_of(tx, params, params.person_token)
    await check_files(tx, given)
    return await _keep(tx, changed(blank, given), "person.created")


async def update(tx: Tx, person: Record, params: CreateParams) -> Record:
    await _check_open(tx)
    given = await person_of(tx, params, params.person_token)
    await check_files(tx, given)
    return await _keep(tx, changed(person, given), "person.updated")


async def _keep(tx: Tx, person: Record, event: str) -> Record:
    """Of two representatives the new one is it. The event shows what is asked of the person now."""
    person = standing.checked(tx, person)
    if person.relationship.representative:
        for other in await tx.every(PERSON, standing.MOST):
            if other.id != person.id and other.relationship.representative:
                relationship = msgspec.structs.replace(other.relationship, representative=False)
                tx.save(msgspec.structs.replace(other, relationship=relationship), "person.updated")
    tx.save(person)
    await standing.look(tx)
    return tx.save(await tx.get(PERSON, person.id), event)


async def retrieve(tx: Tx, person: Record, params: OfAccount) -> Record:
    return person


async def delete(tx: Tx, person: Record, params: OfAccount) -> Wire:
    account = await standing.own(tx)
    if account is not None and account.business_type == "individual":
        raise invalid("The person of an individual account cannot be deleted.")
    tx.delete(person, "person.deleted")
    await standing.look(tx)
    return {"id": person.id, "object": "person", "deleted": True}


async def list_(tx: Tx, params: ListParams) -> Wire:
    """Newest first. An account has few: the page is cut in memory."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    found = (await tx.every(PERSON, standing.MOST))[::-1]
    for name in ("starting_after", "ending_before"):
        cursor = getattr(params, name)
        if cursor and all(person.id != cursor for person in found):
            raise no_such("person", cursor, name)
    found = [person for person in found if _fits(person, params.relationship)]
    if params.starting_after:
        found = [person for person in found if person.id < params.starting_after]
    if params.ending_before:
        found = [person for person in found if person.id > params.ending_before][::-1]
    page, more = found[: params.limit], len(found) > params.limit
    if params.ending_before:
        page.reverse()
    return {"object": "list", "data": page, "has_more": more, "url": f"/v1/accounts/{tx.merchant}/persons"}


def _fits(person: Record, asked: RelationshipFilter) -> bool:
    wanted = {name: getattr(asked, name) for name in asked.__struct_fields__}
    return all(want is None or bool(getattr(person.relationship, name)) == want for name, want in wanted.items())


_ALL = "/v1/accounts/{account}/persons"
_ID = _ALL + "/{id}"
PERSON: Resource[Record] = Resource(
    object="person",
    prefix="person",
    record=Record,
    shape=Person,
    present=render,
    doc="Someone who stands behind a connected account, and how far that was verified.",
    verbs=(
        Verb(name="create", method="POST", path=_ALL, run=create, params=CreateParams, kind="create", within=enter),
        Verb(name="list", method="GET", path=_ALL, run=list_, params=ListParams, kind="list", within=enter),
        Verb(name="retrieve", method="GET", path=_ID, run=retrieve, params=OfAccount, kind="retrieve", within=enter),
        Verb(name="update", method="POST", path=_ID, run=update, params=CreateParams, within=enter),
        Verb(name="delete", method="DELETE", path=_ID, run=delete, params=OfAccount, kind="delete", within=enter),
    ),
    errors=("oauth_not_supported", "token_already_used"),
)
RESOURCE = PERSON
