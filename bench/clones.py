"""A database of any size, quickly: stories are played once through the API, then their rows are copied.

Copies differ in ids, times, metadata and the merchant's customers, and go through the ledger's own `Books`, so
balances, running totals and the hash chain are what the server would have written; `nostro ledger verify` agrees.
Jobs are not copied: what they would do has been done in the story.
"""

from __future__ import annotations

import base64
import random
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from nostro.api.server import Api
from nostro.app import RESOURCES, engine_of, make_world
from nostro.controls.api_key import sandbox
from nostro.kernel import search
from nostro.kernel.clock import SECOND, ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.posting import Posting
from nostro.kernel.settings import Settings
from nostro.storage.batch import AccountKey
from nostro.storage.books import Books, Head, Standing
from nostro.storage.pack import pack, unpack
from nostro.storage.unit import Entry, Scope, Unit
from nostro.storage.world import World

from .inside import Inside
from .molds import Cast, Mold, Part
from .sinks import Sink
from .stories import STORIES, Story

MONDAY = 1_736_121_610  # 2025-01-06, ten seconds after midnight UTC
A_WEEK = 28_000  # stories, all on its Monday: one every three seconds
SMALL_GROUP = 8
GROUP = 64  # stories that share a link of the chain, as units share a commit
COPY = "\0copy\0"
PREFIXES = {resource.prefix for resource in RESOURCES if resource.stored}
SEARCHED = {resource.table for resource in RESOURCES if resource.search}


class Line(Struct):
    """An entry of a story. `reverses` counts from the story's first."""

    kind: str
    source: list[Part]
    effective: int
    reverses: int | None
    description: str | None
    postings: list[tuple[list[Part], int, str]]


class Kept(Struct):
    """A record of a story. `copy` is what an event packs, `terms` the metadata that it is searched by."""

    table: str
    id: list[Part]
    version: int
    created: int
    body: list[list[Part]]
    copy: list[Part] | None
    terms: list[tuple[str, list[Part]]]


class Template(Struct):
    story: Story
    mold: Mold
    records: list[Kept]
    lines: list[Line]
    opened: list[tuple[list[Part], str, str, str]]
    once: list[tuple[Any, ...]]


async def templates(stories: Sequence[Story], merchant: str) -> list[Template]:
    """Each story, played in a sandbox of its own and cut up; it is told of `merchant`."""
    with tempfile.TemporaryDirectory(prefix="nostro-stories-") as home:
        settings = Settings(database=f"sqlite:///{home}/stories.db", dev=True, durable=False)
        world = await make_world(settings, clock=ManualClock(MONDAY * SECOND))
        try:
            made = [await _template(world, story, f"story{n}", merchant) for n, story in enumerate(stories)]
            return [template for template in made if template is not None]
        finally:
            await world.engine.close()


async def _template(world: World, story: Story, name: str, merchant: str) -> Template | None:
    """None if it has connected accounts: those are scopes of their own, which copies are not."""
    await Inside(Api(world), f"sk_test_{name}").play(story.steps)
    scope = await sandbox(world, name)
    if await world.engine.rows("SELECT 1 FROM connected WHERE platform=? LIMIT 1", (scope.number,)):
        return None
    banks = await world.engine.rows("SELECT id FROM external_account WHERE scope=?", (scope.number,))
    mold = Mold({id for (id,) in banks})
    template = Template(story, mold, [], await _lines(world, scope, mold, merchant), [], [])
    for resource in RESOURCES:
        if not resource.stored:
            continue
        statement = f'SELECT id, version, created, body FROM "{resource.table}" WHERE scope=? ORDER BY id'
        for id, version, created, body in await world.engine.rows(statement, (scope.number,)):
            text = body.replace(scope.merchant, merchant)
            if resource.table == "external_account":
                template.once.append((id, version, created, text))
            else:
                template.records.append(_kept(mold, resource.table, id, version, created, text, scope, merchant))
    statement = "SELECT code, currency, kind, normal FROM ledger_opened WHERE book=?"
    for code, *rest in await world.engine.rows(statement, (scope.book,)):
        template.opened.append((mold.cut(code), *rest))
    return template


def _kept(mold: Mold, table: str, id: str, version: int, created: int, text: str, scope: Scope, merchant: str) -> Kept:
    """Compact JSON, as the store writes it, so that a copy is what the server would have written."""
    body, copy, terms = msgspec.json.decode(text), None, []
    if "copy" in body and table == "event":
        plain = unpack(base64.b64decode(body["copy"])).decode().replace(scope.merchant, merchant)
        copy, text = mold.cut(plain), text.replace(body["copy"], COPY)
    if table in SEARCHED:
        terms = [(key, mold.cut(value)) for key, value in body.get("metadata", {}).items()]
    return Kept(table, mold.cut(id), version, created, [mold.cut(part) for part in text.split(COPY)], copy, terms)


async def _lines(world: World, scope: Scope, mold: Mold, merchant: str) -> list[Line]:
    accounts = {
        number: (mold.cut(code.replace(scope.merchant, merchant)), currency)
        for number, code, currency in await world.engine.rows(
            "SELECT account, code, currency FROM ledger_account WHERE book=?", (scope.book,)
        )
    }
    rows = await world.engine.rows(
        "SELECT entry, kind, source, effective, reverses, description, postings FROM ledger_entry WHERE book=? "
        "ORDER BY entry", (scope.book,),
    )  # fmt: skip
    order = {row[0]: n for n, row in enumerate(rows)}
    lines = []
    for _, kind, source, effective, reverses, description, postings in rows:
        booked = [
            (accounts[number][0], amount, accounts[number][1]) for number, amount in msgspec.json.decode(postings)
        ]
        told = mold.cut(source.replace(scope.merchant, merchant))
        lines.append(Line(kind, told, effective, order.get(reverses), description, booked))
    return lines


class Builder:
    """Fills one sandbox's tables. `objects` counts the records of all resources, `stories` the copies."""

    def __init__(self, sink: Sink, scope: Scope, made: list[Template], seed: int = 1) -> None:
        self.sink, self.scope, self.templates = sink, scope, made
        self.objects = self.stories = 0
        self._random, self._ids = random.Random(seed), Ids(seed)
        self._weights = [template.story.weight for template in made]
        self._head = Head()
        self._accounts: dict[AccountKey, Standing] = {}
        self._banks: set[str] = set()

    def go_on(self, head: Head, accounts: Iterable[tuple[int, str, str, int, int]]) -> None:
        """From where a server has left the books: (book, code, currency, number, balance) of every account."""
        self._head = head
        self._accounts = {
            (book, code, currency): Standing(number, total, 0) for book, code, currency, number, total in accounts
        }

    def build(self, objects: int) -> Iterator[int]:
        """Up to this many objects; answers how many there are after each few."""
        while self.objects < objects:
            rows: dict[str, list[Any]] = {}
            left = objects - self.objects
            for _ in range(8 if left > 10_000 else 1):
                self._group(rows, GROUP if left > 2_000 else SMALL_GROUP)
            self.sink.write(rows)
            yield self.objects
        self.sink.done()

    def _group(self, rows: dict[str, list[Any]], stories: int) -> None:
        books = Books(self._head, self._accounts.get)
        for template in self._random.choices(self.templates, self._weights, k=stories):
            self._copy(template, books, rows)
        if link := books.close():
            put = lambda table, many: rows.setdefault(table, []).extend(many)  # noqa: E731
            fresh = {number for number, *_ in books.new_accounts}
            put("ledger_account", [(*account, books.balances[account[0]]) for account in books.new_accounts])
            put("balances", [(total, number) for number, total in books.balances.items() if number not in fresh])
            put("ledger_entry", [(*row, latest) for row, latest in zip(books.entries, books.latest, strict=True)])
            put("ledger_late", books.late)
            put("ledger_posting", books.postings)
            put("ledger_chain", [link])
            self._accounts.update(books.standing())

    def _copy(self, template: Template, books: Books, rows: dict[str, list[Any]]) -> None:
        weeks, place = divmod(self.stories, A_WEEK)
        seconds = place * 3
        cast = Cast(template.mold, PREFIXES, self._ids, weeks, seconds, self._random.randrange(900_000))
        number = self.scope.number
        for kept in template.records:
            row = _row(cast, number, kept)
            rows.setdefault(kept.table, []).append(row)
            for key, value in kept.terms:
                term = search.term(kept.table, key, cast.text(value))
                rows.setdefault("search_term", []).append((number, term, row[1]))
        for row in template.once:
            if row[0] not in self._banks:
                self._banks.add(row[0])
                rows.setdefault("external_account", []).append((number, *row))
        for code, *rest in template.opened:
            rows.setdefault("ledger_opened", []).append((self.scope.book, cast.text(code), *rest))
        first, micros = books.head.entry + 1, (MONDAY + cast.move) * SECOND
        books.book(Unit(self.scope, micros, entries=[_entry(cast, line, first) for line in template.lines]))
        self.stories += 1
        self.objects += len(template.records)


def _row(cast: Cast, scope: int, kept: Kept) -> tuple[Any, ...]:
    body = cast.text(kept.body[0])
    if kept.copy is not None:
        body += base64.b64encode(pack(cast.text(kept.copy).encode())).decode() + cast.text(kept.body[1])
    return scope, cast.text(kept.id), kept.version, cast.at(kept.created), body


def _entry(cast: Cast, line: Line, first: int) -> Entry:
    postings = tuple(Posting(cast.text(code), amount, currency) for code, amount, currency in line.postings)
    reverses = None if line.reverses is None else first + line.reverses
    return Entry(line.kind, cast.text(line.source), cast.at(line.effective), postings, reverses, line.description)


async def left(database: str) -> tuple[Head, list[Any]]:
    """Where the books of this database end, and its accounts."""
    engine = engine_of(Settings(database=database))
    try:
        links = await engine.rows("SELECT link,last,recorded,hash FROM ledger_chain ORDER BY link DESC LIMIT 1")
        latest = dict(await engine.rows("SELECT book,max(latest) FROM ledger_entry GROUP BY book"))
        accounts = await engine.rows("SELECT book,code,currency,account,balance FROM ledger_account")
    finally:
        await engine.close()
    link, entry, recorded, hash = (links or [(0, 0, 0, "")])[0]
    number = max((account[3] for account in accounts), default=0)
    return Head(link=link, entry=entry, account=number, recorded=recorded, hash=hash, latest=latest), accounts


async def prepared(database: str, stories: Sequence[Story] = STORIES) -> tuple[Scope, list[Template]]:
    """An empty database with the sandbox `growth`, and what will be copied into it."""
    world = await make_world(Settings(database=database, dev=True))
    try:
        scope = await sandbox(world, "growth")
    finally:
        await world.engine.close()
    return scope, await templates(stories, scope.merchant)
