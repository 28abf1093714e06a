"""Onboarding: what a connected account is still asked, in steps that its holder goes through on pages of ours.

A step sends what a request to the API would send, and is taken by the same code. In test mode everything can be
filled in with the published test values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.form import decode
from nostro.kernel.params import convert
from nostro.storage.tx import Tx

from . import account as accounts
from . import standing
from .account_params import SharedParams
from .inputs import Input, bank_inputs, input_of
from .party import Record as Person
from .party import changed
from .person_params import PersonParams
from .profile import Record
from .requirements import ROLES, Known, rows
from .values import Requirements

Key = Literal["business", "company", "person", "people", "documents", "bank", "review"]
TITLES: dict[Key, tuple[str, str]] = {
    "business": ("Your business", "What kind of business it is, and what it sells."),
    "company": ("Company details", "As they are in the register."),
    "person": ("Your details", "Who you are, as it is on your identity document."),
    "people": ("Owners and directors", "Everybody who owns a quarter or more of the company, or who runs it."),
    "documents": ("Documents", "In test mode a document is chosen, not uploaded."),
    "bank": ("Your bank account", "Where your money is paid out to."),
    "review": ("Review and agree", "Check what you gave, and agree to the terms."),
}
MOST_STEPS = 20
"""More than there are: a step can come back once for each person."""
SECRET = ("id_number", "ssn_last_4", "tax_id")
PROVIDED = ("owners", "directors", "executives")
NEW_PERSON = ("first_name", "last_name", "dob.day", "dob.month", "dob.year", "address.line1", "address.city", "email")


class Step(Struct, frozen=True, kw_only=True):
    """One page. `who` is the person that it is about, if there is one already; `done` that nothing is missing."""

    key: Key
    title: str
    text: str
    inputs: tuple[Input, ...] = ()
    who: str | None = None
    done: bool = True


async def known_of(tx: Tx, account: Record) -> Known:
    banks = await tx.every(tx.registry.by_object["external_account"], standing.MOST)
    persons = await tx.every(tx.registry.by_object["person"], standing.MOST)
    return Known(account, persons, sum(bank.status != "errored" for bank in banks))


# Which steps there are -------------------------------------------------------


def steps(known: Known, *, all: bool = False, ahead: bool = False) -> list[Step]:
    """The steps of this account in their order; with `all` also what is asked only later, with `ahead` by a law."""
    account = known.account
    due = _due(account.requirements, all) + (_due(account.future_requirements, all) if ahead else [])
    wanted = set(due)
    names = [name for name, one in account.has.items() if one.requested_at is not None]
    payments = any(name.endswith("_payments") for name in names)
    for row in rows(account.business_type or "", account.country, payments):
        if row.on is None and (all or row.when == "first"):
            wanted |= set(row.fields)
    leader = _leader(known)
    made = []
    for key, (title, text) in TITLES.items():
        fields = [field for field in sorted(wanted, key=_order) if _step(field, leader) == key]
        open = [field for field in due if _step(field, leader) == key]
        if fields or key in ("business", "bank", "review"):
            made.append(_made(key, title, text, known, leader, fields, open))
    return made


def _made(key: Key, title: str, text: str, known: Known, leader: Person | None, fields: list[str],
          open: list[str]) -> Step:  # fmt: skip
    inputs: tuple[Input, ...] = ()
    who = None
    if key == "person" and known.account.business_type != "individual":
        title, text = "Who represents the company", "The person who opens this account for it, and may sign for it."
    country = known.account.country
    if key == "bank":
        inputs = bank_inputs(country) if open or not known.banks else ()
    elif key == "people":
        who = next((person.id for person in known.persons if _of(open, person)), None)
        inputs = tuple(_people(who, open, country))
    elif key in ("business", "company", "person", "documents"):
        inputs = tuple(_inputs(known, leader, fields))
        who = leader.id if leader and key == "person" else None
    return Step(key=key, title=title, text=text, inputs=inputs, who=who, done=not open)


def _due(asked: Requirements, all: bool) -> list[str]:
    return asked.eventually_due if all else asked.currently_due


def _of(fields: list[str], person: Person) -> list[str]:
    return [field for field in fields if field.startswith(f"{person.id}.")]


def _leader(known: Known) -> Person | None:
    """The individual, or the company's representative."""
    role = "individual" if known.account.business_type == "individual" else "representative"
    return next(iter(known.people(role)), None)


def _step(field: str, leader: Person | None) -> Key:
    role, _, rest = field.partition(".")
    if field.startswith("tos_acceptance"):
        return "review"
    if "verification." in field or role == "documents":
        return "documents"
    if role in ("business_type", "business_profile"):
        return "business"
    if field == standing.BANK:
        return "bank"
    if role == "company":
        return "people" if rest.endswith("_provided") else "company"
    if role in ("individual", "representative") or (leader is not None and role == leader.id):
        return "person"
    return "people"


ORDER = ("business_type", "name", "first_name", "last_name", "relationship", "dob.day", "dob.month", "dob.year",
         "email", "phone", "address.line1", "address.city", "address.postal_code", "address.state", "address",
         "nationality", "tax_id", "structure", "ssn", "id_number", "mcc", "url")  # fmt: skip


def _order(field: str) -> tuple[int, str]:
    return next((n for n, part in enumerate(ORDER) if part in field), len(ORDER)), field


# Inputs ----------------------------------------------------------------------


def _inputs(known: Known, leader: Person | None, fields: list[str]) -> Iterator[Input]:
    """What the fields of a step are typed into, with what is known already."""
    shown = set()
    for field in fields:
        role, _, rest = field.partition(".")
        if role in PROVIDED:
            continue
        person = next((p for p in known.persons if p.id == role), leader if _is_leaders(role) else None)
        name = _name(field, rest, role, person, leader)
        if name in shown:
            continue
        shown.add(name)
        value = _value(known.account if person is None else person, field if person is None else rest)
        kept = rest in SECRET and bool(getattr(person or known.account.company, f"{rest}_provided", False))
        yield input_of(field, name, known.account.country, value, kept=kept)
        if field == "business_profile.url":
            instead = "business_profile.product_description"
            described = known.account.business_profile.product_description or ""
            made = input_of(instead, "business_profile[product_description]", known.account.country, described)
            yield msgspec.structs.replace(made, optional=True, test="")


def _is_leaders(role: str) -> bool:
    return role in ("individual", "representative")


def _name(field: str, rest: str, role: str, person: Person | None, leader: Person | None) -> str:
    """The parameter that a requirement is given by. The one whom the page is about is `person`."""
    path = field.split(".")
    if _is_leaders(role) or (person is not None and person is leader):
        path = ["person", *rest.split(".")]
    elif person is not None:
        path = ["others", person.id, *rest.split(".")]
    if path[-1] in ("document", "additional_document"):
        path.append("front")
    elif path[-1] == "files":
        path.append("0")
    return path[0] + "".join(f"[{part}]" for part in path[1:])


def _value(of: object, path: str) -> str:
    """What is known, as it stands in an input. Numbers that are not kept are blank."""
    value = of
    for name in path.split("."):
        value = getattr(value, name, None)
    if path.endswith("document"):
        value = getattr(value, "front", None)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _people(who: str | None, open: list[str], country: str) -> Iterator[Input]:
    """What is missing of somebody, or a new person."""
    if who is not None:
        for field in sorted((f for f in open if f.startswith(f"{who}.")), key=_order):
            rest = field.partition(".")[2]
            yield input_of(field, "person" + "".join(f"[{part}]" for part in rest.split(".")), country)
        return
    for field in NEW_PERSON:
        name = "person" + "".join(f"[{part}]" for part in field.split("."))
        yield input_of(f"owners.{field}", name, country)


# Answers ---------------------------------------------------------------------


async def submit(tx: Tx, account: Record, key: Key, form: dict[str, Any], ip: str) -> Record:
    """Take what a step's page sent. Raises what the API raises, about the inputs' names."""
    known = await known_of(tx, account)
    step = next((step for step in steps(known, all=True, ahead=True) if step.key == key), None)
    if step is None:
        raise invalid("This step is not asked of you.")
    form = _without_blanks(form)
    if key == "review":
        if open := [one.title for one in steps(known) if not one.done and one.key != "review"]:
            raise invalid(f"Something is still missing under: {', '.join(open)}.")
        return await _agree(tx, account, ip)
    if key == "bank" and form:
        form["external_account"] = {"object": "bank_account", "country": account.country,
                                    **form.get("external_account", {})}  # fmt: skip
    if key == "people" and form.pop("everybody", None):
        form = {"company": dict.fromkeys((f"{role}_provided" for role in PROVIDED), "true")}
    person, others = form.pop("person", None), form.pop("others", {})
    if person:
        await _give_person(tx, account, step, person)
    for id, given in others.items():
        if id in {one.id for one in known.persons}:
            await _save_person(tx, account, id, given, f"others[{id}]")
    params = convert(form, SharedParams)
    return await accounts.keep(tx, account, params)


def _without_blanks(form: Any) -> Any:
    """What was left blank is not given, rather than emptied."""
    if not isinstance(form, dict):
        return form
    kept = {name: _without_blanks(value) for name, value in form.items()}
    return {name: value for name, value in kept.items() if value not in (None, "", {}, [])}


def lacking(step: Step, form: dict[str, Any]) -> dict[str, str]:
    """What has to be typed and was not, by input name."""
    given = {name for name, value in flat(form) if value}
    return {
        one.name: "Needed."
        for one in step.inputs
        if one.name not in given and not one.optional and not one.kept and not _instead(one.name, given)
    }


def _instead(name: str, given: set[str]) -> bool:
    return name == "business_profile[url]" and "business_profile[product_description]" in given


def flat(form: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The inputs' names with their values."""
    for key, value in form.items() if isinstance(form, dict) else enumerate(form):
        here = f"{name}[{key}]" if name else str(key)
        if isinstance(value, dict | list):
            yield from flat(value, here)
        else:
            yield here, value or ""


async def _give_person(tx: Tx, account: Record, step: Step, form: dict[str, Any]) -> None:
    if step.key == "people" and step.who is None and not any(role in form.get("relationship", {}) for role in
                                                              ROLES.values()):  # fmt: skip
        raise invalid("Say what this person is to the company.", "person[relationship]")
    who = step.who
    if step.key in ("person", "documents"):
        leader = _leader(await known_of(tx, account))
        who = leader.id if leader else None
        form = {**form, "relationship": {**form.get("relationship", {}), "representative": "true"}}
    await _save_person(tx, account, who, form, "person")


async def _save_person(tx: Tx, account: Record, id: str | None, form: dict[str, Any], at: str) -> None:
    resource = tx.registry.by_object["person"]
    person = await tx.find(resource, id) if id else None
    blank = Person(id=tx.new_id("person"), created=tx.now, account=account.id)
    try:
        given = convert(form, PersonParams)
        made = standing.checked(tx, changed(person or blank, given))
    except ApiError as error:
        raise invalid(error.message, _within(at, error.param), error.code) from None
    tx.save(made, "person.updated" if person else "person.created")


def _within(at: str, param: str | None) -> str | None:
    if not param:
        return None
    head, bracket, rest = param.partition("[")
    return f"{at}[{head}]{bracket}{rest}"


async def _agree(tx: Tx, account: Record, ip: str) -> Record:
    """The holder agrees to the terms, and has given all."""
    tos = account.tos_acceptance
    tos = msgspec.structs.replace(tos, date=tx.now, ip=ip)
    kept = await standing.look(
        tx, msgspec.structs.replace(account, tos_acceptance=tos, details_submitted=True), "account.updated"
    )
    assert kept is not None
    return kept


# Everything at once ----------------------------------------------------------


def test_form(step: Step) -> dict[str, str]:
    """The published test value of each input of a step; what is known already stays."""
    return {one.name: one.value or one.test for one in step.inputs if one.test or one.value}


async def complete(tx: Tx, account: Record, ip: str) -> Record:
    """The account with everything that is asked of it, now or later, and with the terms accepted from this address."""
    for _ in range(MOST_STEPS):
        found = steps(await known_of(tx, account), all=True)
        step = next((one for one in found if not one.done and one.key != "review"), None)
        if step is None:
            break
        given = {"everybody": "1"} if step.key == "people" and step.who is None else test_form(step)
        account = await submit(tx, account, step.key, decode(urlencode(given).encode()), ip)
    return await _agree(tx, account, ip)
