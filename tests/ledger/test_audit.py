"""Whatever is changed behind the ledger's back, the audit names it. Every corruption is made through a second
connection, as a careless or dishonest operator would."""

import sqlite3
from collections.abc import Callable

import pytest

from nostro.kernel.posting import transfer
from nostro.ledger import audit_journal, chart
from nostro.ledger.audit import head, verify
from nostro.ledger.problem import Problem
from nostro.storage.tx import Tx
from shop import MERCHANT, Shop


async def busy(shop: Shop) -> None:
    """Twelve charges in two currencies, a refund that is settled and one that is under way."""
    for n in range(12):
        await shop.charge(1000 + n, "usd" if n % 3 else "eur")
        shop.world.clock.advance(60)
    await shop.settle(await shop.refund(500))
    await shop.refund(200)


async def audited(shop: Shop) -> list[Problem]:
    return await verify(shop.engine, shop.world.registry)


def tamper(shop: Shop, *statements: str) -> None:
    with sqlite3.connect(shop.file) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


async def test_good_books_have_no_problem_and_progress_is_told(shop: Shop) -> None:
    await busy(shop)
    told: list[tuple[str, int, int]] = []
    assert await verify(shop.engine, shop.world.registry, lambda *step: told.append(step)) == []
    assert ("entries", 15, 15) in told
    end = await head(shop.engine)
    assert (end.links, end.entries) == (15, 15) and len(end.hash) == 64


async def test_empty_books_are_good(shop: Shop) -> None:
    assert await audited(shop) == []
    assert (await head(shop.engine)).entries == 0


CORRUPTIONS = {
    "an entry's posting": (
        "UPDATE ledger_entry SET postings=replace(postings, '-1003', '-1004') WHERE entry=4",
        "entry 4", "does not balance",
    ),
    "an entry's postings, balanced": (
        "UPDATE ledger_entry SET postings='[[1,7],[2,-7]]' WHERE entry=4",
        "entry 4", "the account's line says",
    ),
    "an entry's postings, unreadable": (
        "UPDATE ledger_entry SET postings='[[1,' WHERE entry=4", "entry 4", "cannot be read"),
    "an entry's postings, none": ("UPDATE ledger_entry SET postings='[]' WHERE entry=4", "entry 4", "books nothing"),
    "an entry's account": (
        "UPDATE ledger_entry SET postings=replace(postings, '[1,', '[99,') WHERE entry=4",
        "entry 4", "an account that is missing"),
    "an entry's kind": ("UPDATE ledger_entry SET kind='charge.refund' WHERE entry=4", "link 4", "one of them"),
    "an entry's description": ("UPDATE ledger_entry SET description='x' WHERE entry=4", "link 4", "one of them"),
    "an entry's latest time": ("UPDATE ledger_entry SET latest=latest+1 WHERE entry=4", "entry 4", "latest effective"),
    "an entry's effective time": ("UPDATE ledger_entry SET effective=effective-1 WHERE entry=4", "link 4", "one of"),
    "an entry's recorded time": ("UPDATE ledger_entry SET recorded=1 WHERE entry=4", "entry 4", "recorded before"),
    "an entry, deleted": ("DELETE FROM ledger_entry WHERE entry=4", "entry 4", "missing"),
    "the last entry, deleted": ("DELETE FROM ledger_entry WHERE entry=15", "link 15", "are missing"),
    "the last entry and its link, deleted": (
        "DELETE FROM ledger_entry WHERE entry=15; DELETE FROM ledger_chain WHERE link=15", "", "that no entry booked"),
    "an entry, added": (
        "INSERT INTO ledger_entry SELECT 16,book,kind,source,recorded,effective,NULL,NULL,postings,latest "
        "FROM ledger_entry WHERE entry=15",
        "entry 16", "the account has no such line"),
    "a line's amount": ("UPDATE ledger_posting SET amount=amount+1 WHERE entry=4 AND account=1", "entry 4", "says"),
    "a line's balance": (
        "UPDATE ledger_posting SET balance=balance+1 WHERE entry=5 AND account=4", "entry 5", "the balance after it"),
    "a line, deleted": ("DELETE FROM ledger_posting WHERE entry=4 AND account=1", "entry 4", "has no such line"),
    "a line, added": (
        "INSERT INTO ledger_posting VALUES ((SELECT max(account) FROM ledger_account), 2, 0, 0)",
        "entry 2", "a line that"),
    "a line of no account": ("INSERT INTO ledger_posting VALUES (77, 2, 0, 0)", "entry 2", "no entry booked"),
    "an account's total": ("UPDATE ledger_account SET balance=balance+1 WHERE account=2", "account merchant:", "total"),
    "an account's code": ("UPDATE ledger_account SET code='slush' WHERE account=3", "account 3", "not on the chart"),
    "an account's book": ("UPDATE ledger_account SET book=9 WHERE account=3", "entry 1", "of book 9"),
    "an account, deleted": ("DELETE FROM ledger_account WHERE account=3", "entry 1", "missing"),
    "a link's hash": ("UPDATE ledger_chain SET hash='00' WHERE link=4", "link 4", "does not fit"),
    "a link, deleted": ("DELETE FROM ledger_chain WHERE link=4", "link 4", "missing"),
    "the last link, deleted": ("DELETE FROM ledger_chain WHERE link=15", "entry 15", "no link"),
    "a link's range": ("UPDATE ledger_chain SET last=last+1 WHERE link=4", "link 4", "does not fit"),
    "a statement line's net": (
        "UPDATE balance_transaction SET body=json_set(body,'$.net',9) WHERE json_extract(body,'$.source')='ch_3'",
        "ch_3", "the balance transactions say 9"),
    "a statement line, deleted": (
        "DELETE FROM balance_transaction WHERE json_extract(body,'$.source')='ch_3'", "ch_3", "say 0"),
    "a refund's state": (
        "UPDATE giveback SET body=json_set(body,'$.status','succeeded')",
        "account network:card:refunds_payable", "which is at rest"),
}  # fmt: skip


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_names_what_was_changed(shop: Shop, what: str) -> None:
    await busy(shop)
    statements, where, complaint = CORRUPTIONS[what]
    tamper(shop, *statements.split(";"))
    problems = await audited(shop)
    assert problems, "nothing was noticed"
    named = [p for p in problems if p.where.startswith(where) and complaint in p.what]
    assert named, "\n".join(map(str, problems))


@pytest.mark.parametrize("what", ["an entry's kind", "a line's balance", "an account's total", "a link's hash"])
async def test_small_batches_find_the_same(shop: Shop, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.ledger.audit.BATCH", 2)
    monkeypatch.setattr("nostro.ledger.audit_accounts.PAGE", 2)
    monkeypatch.setattr("nostro.ledger.audit_objects.PAGE", 2)
    monkeypatch.setattr(audit_journal, "LINKS", 2)
    await busy(shop)
    assert await audited(shop) == []
    tamper(shop, CORRUPTIONS[what][0])
    assert any(p.where.startswith(CORRUPTIONS[what][1]) for p in await audited(shop))


async def test_money_without_a_statement_line_is_named(shop: Shop) -> None:
    async def run(tx: Tx) -> None:
        tx.post("gift", "ch_9", transfer(chart.LOSSES, chart.available(MERCHANT), 5, "usd"))

    await shop.do(run)
    assert [str(p) for p in await audited(shop)] == [
        "ch_9: the ledger moved 5 usd for the merchant, the balance transactions say 0"
    ]


async def test_a_full_chain_of_changes_is_cut_short(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nostro.ledger.audit.MOST_PROBLEMS", 3)
    await busy(shop)
    tamper(shop, "UPDATE ledger_entry SET kind='x'")
    problems = await audited(shop)
    assert len(problems) == 3 and problems[0].where == "link 1"


async def test_runs_beside_a_server_at_work(shop: Shop) -> None:
    """Charges that are booked while the audit reads are no problem."""
    await busy(shop)
    rows: Callable[..., object] = shop.engine.rows

    async def between(statement: str, values: tuple[object, ...] = ()) -> object:
        if not statement.startswith("SELECT version"):
            shop.engine.rows = rows  # type: ignore[assignment, method-assign]
            await shop.charge(100)
            shop.engine.rows = between  # type: ignore[assignment, method-assign]
        return await rows(statement, values)  # type: ignore[misc]

    shop.engine.rows = between  # type: ignore[assignment, method-assign]
    assert await audited(shop) == []
