"""Accounting: the bank's statements are held against the books, day by day, and the month is closed.

Some lines are spoiled on purpose before they are imported, each in one of the ways in which banks and people spoil
them. In the end the breaks must be these and no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from random import Random
from typing import Any, Literal

import msgspec
from msgspec import Struct

from nostro.kernel.clock import midnight, utc_date
from nostro.networks.bank import paper
from nostro.networks.statement import Line, Statement

from .market import Market

How = Literal["typo", "missing", "twice", "unknown"]
WAYS: tuple[How, ...] = ("typo", "missing", "twice", "unknown")
CASH = "bank:cash"
ROOT = "/v1/reconciliation"
DAY = timedelta(days=1)


class Spoiled(Struct, frozen=True):
    """`name` is how the line is known; `amount` what the bank says more than it should."""

    how: How
    name: str
    amount: int


class Accounting:
    def __init__(self, market: Market) -> None:
        self.market = market
        self.random = Random(market.plan.seed + 1)
        self.spoiled: list[Spoiled] = []
        self.lines = 0
        self._offset = 0

    async def take(self, statements: Iterable[Statement], spoil: int) -> None:
        """Import these statements, the last ones of the bank, with so many lines spoiled."""
        for statement in statements:
            said, spoil = self._said(statement, spoil), 0
            content = paper.write("camt.053", [said], midnight(said.closing.date + DAY))
            await self.market.upload(f"{ROOT}/statements", content, format="camt.053", account=CASH)
            self.lines += said.closing.lines

    def _said(self, statement: Statement, spoil: int) -> Statement:
        """The statement as it comes: what was spoiled before stays in every later balance."""
        opening, lines = self._offset, list(statement.lines)
        for n in self.random.sample(range(len(lines)), min(spoil, len(lines))):
            lines[n : n + 1] = self._spoil(lines[n])
        assert statement.opening.balance is not None and statement.closing.balance is not None
        return Statement(
            opening=msgspec.structs.replace(statement.opening, balance=statement.opening.balance + opening),
            lines=tuple(lines),
            closing=msgspec.structs.replace(
                statement.closing, balance=statement.closing.balance + self._offset, lines=len(lines)
            ),
        )

    def _spoil(self, line: Line) -> list[Line]:
        how = WAYS[len(self.spoiled) % len(WAYS)]
        if how == "typo":
            made = [msgspec.structs.replace(line, amount=line.amount + 90)]
        elif how == "missing":
            made = []
        elif how == "twice":
            made = [line, msgspec.structs.replace(line, reference=f"{line.reference}X")]
        else:
            strange = msgspec.structs.replace(
                line,
                amount=77_777,
                end_to_end="",
                reference=f"{line.reference}U",
                description="WHO IS THIS",
                counterparty="",
                counterparty_account="",
            )
            made = [line, strange]  # fmt: skip
        wrong = sum(one.amount for one in made) - line.amount
        self._offset += wrong
        self.spoiled.append(Spoiled(how, line.end_to_end or line.reference, wrong))
        return made

    async def match(self) -> Any:
        return await self.market.send("POST", f"{ROOT}/accounts/{CASH}/match")

    async def close_day(self, end: int) -> Any:
        """The proof of the day before `end`, closed if it is balanced."""
        account = (await self.market.send("GET", f"{ROOT}/accounts"))["data"][0]["id"]
        day = utc_date(end - 1).isoformat()
        drawn = await self.market.send("POST", f"{ROOT}/days", {"account": account, "date": day})
        assert drawn["balanced"], drawn
        return await self.market.send("POST", f"{ROOT}/days/{drawn['id']}/close", {"by": "accounting"})

    async def breaks(self) -> list[Any]:
        return await self.market.all(f"{ROOT}/breaks", status="open")
