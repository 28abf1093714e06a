"""What a platform asks as its own treasurer: bank files out, answers and statements in, lines matched, days and months
closed. Whoever carries letters does so late, twice and out of order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from asgi import Answer
from nostro.networks.bank.answer import Receipt

from .bank import COMPANY, IBAN, House
from .call import KEPT, SAID_NO, Call
from .desk import Desk, Seen, ask

FILES, ANSWERS, BULK = "/v1/bank_files", "/v1/bank_answers", "/v1/bulk_payouts"
ROOT = "/v1/reconciliation"
STATEMENTS, DAYS, PERIODS = f"{ROOT}/statements", f"{ROOT}/days", "/v1/reports/periods"
CASH = "bank:cash"
OUT = ("sent", "accepted", "settled")
EDGE = "a-part-of-the-form"
# The answers that the server reads; a receipt is told to its file.
READ = ("returns.ach", "changes.ach", "status.pain002.xml", "returns.camt054.xml")
# Why a statement can be right and be refused: one before it is still to come, or one is just being imported.
LATER = (b"bank_statement_gap", b"ran at the same time")
WHY = {"by": "ada", "reason": "Simulated"}


class Treasury(Desk):
    """`files` are the bank files as they were last seen, `laid` the names of those that lay in the outbox. `mail` is
    what the bank has written and nobody has taken."""

    def __init__(self, random: Random, seen: Seen, sellers: Collection[str], house: House) -> None:
        super().__init__(random, seen)
        self.sellers = sellers
        self.house = house
        self.files: dict[str, dict[str, Any]] = {}
        self.closed_months: list[str] = []
        self.mail: list[Call] = []
        self._fetched: set[str] = set()
        self._references = 0
        self.laid: set[str] = set()

    def openings(self) -> list[Call]:
        """The accounts at the bank: dollars through an outbox, euros for download."""
        usd = {"format": "nacha", "approval": self.random.choice(("none", "required")), "delivery": "outbox",
               "nacha": COMPANY, "largest_file": self.random.choice((60_000, 10_000_000))}  # fmt: skip
        eur = {"format": "pain.001", "approval": "none", "delivery": "download",
               "iso20022": {"iban": IBAN, "initiating_party": "MARKET INC"}}  # fmt: skip
        return [ask("/v1/originating_accounts", form) for form in (usd, eur)]

    # What the bank gets and writes ---------------------------------------------------

    def look(self, now: int, outbox: Path) -> None:
        """Time has passed at the bank too; it takes what lies in the outbox, and its letters wait to be carried."""
        self.house.until(now)
        for path in sorted(outbox.glob("*/*")):
            if path.parent.name.startswith("."):
                continue
            assert path.name not in self.laid, f"{path.name} was laid down twice"
            self.laid.add(path.name)
            self.house.take(path.read_bytes(), path.name)
            path.unlink()
        letters, self.house.letters = self.house.letters, []
        for letter in letters:
            kind = letter.name.partition("-")[2]
            if kind == "receipt.json":
                self.mail += self._receipt(letter.content)
            elif kind in READ:
                self.mail.append(ask(ANSWERS, {"content": letter.content.decode()}))
        statements, self.house.statements = self.house.statements, []
        self.mail += [_statement(format, content) for format, content in statements]

    def _receipt(self, content: bytes) -> list[Call]:
        try:
            receipt = msgspec.json.decode(content, type=Receipt)
        except msgspec.DecodeError:
            return []  # cut off in the middle
        files = [id for id, file in self.files.items() if file["sha256"] == receipt.hash]
        told = receipt.format.startswith("pain") or receipt.reason == "duplicate"
        return [] if told else [ask(f"{FILES}/{id}/accept") for id in files]

    def learn(self, call: Call, answer: Answer) -> None:
        """A letter that was taken, or that cannot be read, is not carried again, or rarely so. What a day says must
        add up once every line of it was looked at."""
        if call.method == "GET" and call.path.endswith("/contents") and answer.status == 200:
            self._fetch(call.path.split("/")[3], answer.body)
        if call.path == DAYS and answer.status == 200:
            day = answer.json
            assert day["balanced"] or day["unmatched_lines"], f"{day['date']} does not add up: {answer.body!r}"
        waiting = next((one for one in self.mail if (one.path, one.lines, one.form) == _words(call)), None)
        if waiting is None or answer.status not in KEPT | SAID_NO:
            return
        if answer.status == 200 and self.chance(0.15):
            self.house.faults.note("letter carried twice")
        elif answer.status == 200 or not any(why in answer.body for why in LATER):
            self.mail.remove(waiting)

    def _fetch(self, id: str, content: bytes) -> None:
        assert hashlib.sha256(content).hexdigest() == self.files[id]["sha256"], f"{id} has other bytes"
        self._fetched.add(id)
        self.house.take(content, self.files[id]["filename"])

    def errands(self, now: int) -> list[Call]:
        """A treasurer's morning: files that wait go out, letters come in, what has come is matched and closed."""
        calls = [self._sent(id) for id, file in self.files.items() if file["status"] in ("built", "approved")][:3]
        calls += [self._read(id) for id in self._unread()][:2]
        calls += [self._carried() for _ in self.mail[:5]]
        calls += [ask(f"{ROOT}/accounts/{id}/match") for id in self.seen.get("reconciliation.account", ())]
        return [*calls, self.one_of((lambda: self._day(now), lambda: self._close_day(now), lambda: self._month(now)))]

    def _carried(self) -> Call:
        """A letter of the bank, mostly the oldest."""
        if self.chance(0.7):
            return self.mail[0]
        self.house.faults.note("letter out of turn")
        return self.random.choice(self.mail)

    # What is asked -------------------------------------------------------------------

    def call(self, now: int) -> Call:
        if self.mail and self.chance(0.5):
            return self._carried()
        makers = (
            self._fetched_or_sent, self._pay_out, self._pay_out,
            self._pay_out, self._build, self._withdraw_or_again, self._bulk, self._bulk, self._match, self._match,
            self._resolve, self._undo, lambda: self._day(now), lambda: self._close_day(now),
            lambda: self._close_day(now), lambda: self._month(now),
        )  # fmt: skip
        return self.one_of(makers)

    def _fetched_or_sent(self) -> Call:
        if unread := self._unread():
            return self._read(self.random.choice(unread))
        return self._sent(self.any("bank_file", "built", "approved"))

    def _unread(self) -> list[str]:
        return [id for id, file in self.files.items() if file["status"] in OUT and id not in self._fetched
                and file["format"] == "pain.001"]  # fmt: skip

    def _read(self, id: str) -> Call:
        return ask(f"{FILES}/{id}/contents", method="GET")

    def _sent(self, id: str) -> Call:
        if id in self.files and self.files[id]["status"] == "built" and self.chance(0.5):
            return ask(f"{FILES}/{id}/approve", {"sha256": self.files[id]["sha256"]})
        return ask(f"{FILES}/{id}/send")

    def _pay_out(self) -> Call:
        """Of the platform or of a seller."""
        account = self.random.choice([None, *self.sellers]) if self.chance(0.6) else None
        amount = self.random.choice((90, 1_500, 20_000))
        currency = "eur" if account is None and self.chance(0.3) else "usd"
        return ask("/v1/payouts", {"amount": amount, "currency": currency}, account=account)

    def _build(self) -> Call:
        return ask(FILES, {"originating_account": self.any("originating_account")})

    def _withdraw_or_again(self) -> Call:
        if self.chance(0.3):
            return ask(f"{FILES}/{self.any('bank_file', 'built', 'approved')}/withdraw", {"reason": "Simulated"})
        return ask(f"{FILES}/{self.any('bank_file', 'sent', 'accepted')}/resend", {"reason": "Simulated"})

    def _bulk(self) -> Call:
        """Payments to strangers; some lines were sent before, some say something else under the same reference."""
        lines = []
        for _ in range(self.random.randint(1, 4)):
            if not self._references or self.chance(0.8):
                self._references += 1
            number = self._references if self.chance(0.8) else self.random.randint(1, self._references)
            line = {"reference": f"line-{number}", "amount": 100 + number if self.chance(0.9) else 7,
                    "account_holder_name": f"Payee {number}"}  # fmt: skip
            if number % 4:
                line |= {"currency": "usd", "routing_number": "021000021", "account_number": f"{8_000_000 + number}"}
            else:
                line |= {"currency": "eur", "iban": "DE02120300000000202051"}
            lines.append(json.dumps(line))
        return ask(BULK, {"reference": f"bulk-{self.random.randint(1, 3)}"}, lines="\n".join(lines))

    def _account(self) -> str:
        return self.any("reconciliation.account")

    def _match(self) -> Call:
        return ask(f"{ROOT}/accounts/{self._account()}/match")

    def _resolve(self) -> Call:
        form = {**WHY, "book_as": self.random.choice(("bank_fee", "interest", "write_off"))}
        return ask(f"{ROOT}/breaks/{self.any('reconciliation.break', 'open')}/resolve", form)

    def _undo(self) -> Call:
        return ask(f"{ROOT}/matches/{self.any('reconciliation.match', 'matched')}/undo", WHY)

    def _day(self, now: int) -> Call:
        day = datetime.fromtimestamp(now, UTC).date() - timedelta(days=self.random.choice((1, 1, 2, 4)))
        return ask(DAYS, {"account": self._account(), "date": day.isoformat()})

    def _close_day(self, now: int) -> Call:
        if not self.seen.get("reconciliation.day"):
            return self._day(now)
        return ask(f"{DAYS}/{self.any('reconciliation.day', 'open')}/close", {"by": "ada"})

    def _month(self, now: int) -> Call:
        if self.chance(0.15):
            return ask(f"{PERIODS}/{self.any('report.period', 'closing', 'open')}/release")
        first = datetime.fromtimestamp(now, UTC).date().replace(day=1)
        before = (first - timedelta(days=1)).isoformat()[:7]
        if self.closed_months:
            last = date.fromisoformat(f"{max(self.closed_months)}-28") + timedelta(days=4)
            before = last.isoformat()[:7]
        return ask(PERIODS, {"month": before})


def _words(call: Call) -> tuple[str, str | None, dict[str, Any]]:
    return call.path, call.lines, call.form


def _statement(format: str, content: str) -> Call:
    parts = [f'--{EDGE}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in (("format", format), ("account", CASH))]  # fmt: skip
    head = f'--{EDGE}\r\ncontent-disposition: form-data; name="file"; filename="statement"\r\n\r\n'
    body = f"{''.join(parts)}{head}{content}\r\n--{EDGE}--\r\n"
    return ask(STATEMENTS, lines=body, kind=f"multipart/form-data; boundary={EDGE}")
