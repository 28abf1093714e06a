"""Slices of an audit find what the whole audit finds, of what came behind the last one; and they cost what is new."""

from __future__ import annotations

from typing import Any

import pytest

from nostro.ledger.verified import Mark, mark, rest, verify_slice
from nostro.storage.unit import NOBODY, Unit
from shop import Shop

from .test_audit import CORRUPTIONS, busy, tamper


async def sliced(shop: Shop, since: Mark, most: int = 4) -> tuple[Mark, list[str]]:
    """All slices behind a mark, and what is left to look at."""
    begun = since.entry
    while True:
        reached, problems = await verify_slice(shop.engine, shop.world.registry, since, most)
        if problems or reached == since:
            break
        assert since.entry < reached.entry <= since.entry + most
        since = reached
    return reached, [str(one) for one in problems or await rest(shop.engine, reached, begun)]


async def test_good_books_are_verified_to_their_end(shop: Shop) -> None:
    await busy(shop)
    for most in (1, 4, 100):
        reached, problems = await sliced(shop, Mark(), most)
        assert (reached.entry, reached.link, problems) == (15, 15, [])
    await shop.charge(700)
    end, problems = await sliced(shop, reached)
    assert problems == [] and end.entry == 16 and end.lines > reached.lines


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_names_what_was_changed_behind_a_mark(shop: Shop, what: str) -> None:
    """Whatever the whole audit notices, from the beginning on and behind two entries that were verified."""
    await busy(shop)
    before, problems = await verify_slice(shop.engine, shop.world.registry, Mark(), 2)
    assert before.entry == 2 and problems == []
    tamper(shop, *CORRUPTIONS[what][0].split(";"))
    for since in (Mark(), before):
        assert (await sliced(shop, since))[1], "nothing was noticed"


@pytest.mark.parametrize("what", ["a line, added", "a line of no account", "an account's total", "an account's code"])
async def test_what_touches_no_new_entry_is_seen_at_the_end(shop: Shop, what: str) -> None:
    await busy(shop)
    reached, _ = await sliced(shop, Mark())
    tamper(shop, CORRUPTIONS[what][0])
    assert await rest(shop.engine, reached, reached.entry)


async def test_a_mark_holds_only_for_the_chain_that_it_was_made_of(shop: Shop) -> None:
    await busy(shop)
    reached, _ = await sliced(shop, Mark())
    await shop.charge(5)
    tamper(shop, "UPDATE ledger_chain SET hash='00' WHERE link=15")
    assert "is not what it was" in (await sliced(shop, reached))[1][0]


async def test_what_was_verified_is_not_read_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await busy(shop)
    reached, _ = await sliced(shop, Mark())
    await shop.charge(5)
    asked: list[tuple[str, Any]] = []
    rows = shop.engine.rows

    async def told(statement: str, values: Any = ()) -> Any:
        found = await rows(statement, values)
        if statement.startswith("SELECT entry, book"):
            asked.extend(row[0] for row in found)
        return found

    monkeypatch.setattr(shop.engine, "rows", told)
    _, problems = await sliced(shop, reached)
    assert problems == [] and set(asked) == {16}


async def test_of_two_marks_the_later_one_stays(shop: Shop) -> None:
    from nostro.ledger.verified import PUT

    for entry in (7, 3):
        await shop.engine.commit(Unit(scope=NOBODY, micros=1, rows=[(PUT, (entry, entry, "x", 2 * entry))]))
    assert await mark(shop.engine) == Mark(7, 7, "x", 14)
