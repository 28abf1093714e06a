"""A platform reconciles its bank: statements in every format, matches, breaks and their ends, closed days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import stripe

from desk import COLUMNS, MAPPING, Desk
from nostro.networks import bai2, mt940_writing
from nostro.networks.iso20022 import camt_writing
from nostro.networks.statement import Closing, Line, Opening, Statement
from nostro.testing.sandbox import Sandbox


@pytest.fixture
def desk(nostro: Sandbox, client: stripe.StripeClient) -> Desk:
    return Desk(nostro, client)


class Funded:
    """Three top-ups that have arrived, `on` a day that is over: 50.00, 7.00 and 20.00."""

    def __init__(self, desk: Desk) -> None:
        form: Any = {"currency": "usd", "source": "btok_us_verified"}
        self.topups = [
            desk.client.v1.topups.create({**form, "amount": amount, "statement_descriptor": f"TOPUP-000{n}"})
            for n, amount in enumerate((5000, 700, 2000), 1)
        ]
        arrives: Any = self.topups[0].expected_availability_date
        self.on = datetime.fromtimestamp(arrives, UTC).date()
        desk.nostro.advance(arrives - desk.nostro.now + 86_400)
        self.day = self.on.isoformat()


def test_from_a_statement_to_a_closed_day(desk: Desk) -> None:
    funded = Funded(desk)
    day = funded.day
    made = desk.take(
        [
            (day, "50.00", "TOPUP-0001", "first"),
            (day, "7.00", funded.topups[1].id, "second"),
            (day, "-1.25", "", "FEE 1"),
        ]
    )
    assert (made["opening_balance"], made["closing_balance"], made["lines"]) == (0, 5575, 3)
    assert {line["status"] for line in desk.lines()} == {"unmatched"}
    found = desk.match()
    assert (found["matches"], found["breaks"], found["open_breaks"]) == ({"reference": 2}, {"unknown": 1}, 1)
    assert sorted(line["status"] for line in desk.lines()) == ["break", "matched", "matched"]
    [left] = desk.breaks(status="open")
    assert (left["amount"], left["reason"], left["unassigned"], left["age_days"]) == (-125, "unknown", True, 1)
    given = desk.ask("post", f"/breaks/{left['id']}", owner="ada", note="Asked the bank.", by="ben")
    assert (given["owner"], given["notes"][0]["text"]) == ("ada", "Asked the bank.")
    assert [b["id"] for b in desk.breaks(owner="ada")] == [left["id"]]
    drawn = desk.draw_up(day)
    assert drawn["balanced"] and (drawn["closing_balance"], drawn["ledger_balance"]) == (5575, 7575)
    assert [(one["kind"], one["amount"]) for one in drawn["differences"]] == [("not_yet_at_bank", -2000)]
    done = desk.ask("post", f"/breaks/{left['id']}/resolve", book_as="bank_fee", by="ada", reason="Monthly fee")
    assert (done["status"], done["resolution"]["by"]) == ("resolved", "ada")
    closed = desk.close(day)
    assert closed["status"] == "closed" and closed["closed_by"] == "ada" and len(closed["hash"]) == 64
    assert desk.ask("get", f"/days/{closed['id']}/verify")["problems"] == []
    assert desk.ask("get", f"/days/{closed['id']}") == closed
    assert desk.account()["closed_until"] == day
    types = [event["type"] for event in desk.nostro.request("GET", "/v1/events?limit=100")["data"]]
    assert types.count("reconciliation.break.resolved") == types.count("reconciliation.day.closed") == 1


def test_nothing_changes_a_closed_day(desk: Desk) -> None:
    funded = Funded(desk)
    desk.take([(funded.day, "50.00", "TOPUP-0001", "x"), (funded.day, "3.00", "STRANGE-1", "y")])
    desk.match()
    closed = desk.close(funded.day)
    [match] = desk.matches()
    for call, params in (
        (f"/matches/{match['id']}/undo", {"by": "ada", "reason": "wrong"}),
        (f"/days/{closed['id']}/close", {"by": "ada"}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            desk.ask("post", call, **params)
        assert refused.value.code == "reconciliation_day_closed"
    # What is found out about it later is booked later.
    [left] = desk.breaks(status="open")
    desk.ask("post", f"/breaks/{left['id']}/resolve", book_as="interest", by="ada", reason="Interest")
    after = (funded.on + timedelta(days=1)).isoformat()
    desk.nostro.advance(days=1)
    desk.take([(after, "7.00", "TOPUP-0002", "x"), (after, "20.00", "TOPUP-0003", "x")])
    desk.match()
    assert desk.close(after)["balanced"]
    assert desk.ask("get", f"/days/{closed['id']}/verify")["ok"]
    assert desk.draw_up(funded.day) == closed


def test_a_match_is_undone_and_made_by_hand(desk: Desk) -> None:
    funded = Funded(desk)
    desk.take([(funded.day, "50.00", "TOPUP-0001", "x"), (funded.day, "6.50", "", "Seven less a fee")])
    desk.match()
    [match] = desk.matches()
    undone = desk.ask("post", f"/matches/{match['id']}/undo", by="ada", reason="not this one")
    assert (undone["status"], undone["undone_by"]) == ("undone", "ada")
    assert sorted(b["reason"] for b in desk.breaks(status="open")) == ["taken_apart", "taken_apart", "unknown"]
    assert desk.match()["matches"] == {}, "what a person took apart no rule puts together"
    line, entry = match["lines"], match["entries"]
    [other] = [one["id"] for one in desk.lines() if one["amount"] == 650]
    account = desk.account()["id"]
    with pytest.raises(stripe.InvalidRequestError, match="say what the difference is"):
        desk.ask("post", "/matches", account=account, lines=[*line, other], entries=entry, by="ada", reason="both")
    made = desk.ask(
        "post", "/matches", account=account, lines=[*line, other], entries=entry, by="ada", reason="both",
        book_as="interest",
    )  # fmt: skip
    assert (made["difference"], made["status"], made["rule"]) == (650, "matched", "by_hand")
    assert desk.breaks(status="open") == []
    assert [one["id"] for one in desk.matches(line=other)] == [made["id"]]
    with pytest.raises(stripe.InvalidRequestError, match="undo it first"):
        desk.ask("post", "/matches", account=account, lines=[other], by="ada", reason="again", book_as="interest")
    assert desk.draw_up(funded.day)["balanced"]


def test_rules_of_ones_own(desk: Desk) -> None:
    funded = Funded(desk)
    fee = desk.ask(
        "post", "/rules", name="bank fees", action="fee", book_as="bank_fee", description="^FEE \\d", direction="out"
    )
    netted = desk.ask(
        "post", "/rules", name="fee kept back", fields=["reference"], tolerance=50, book_as="bank_fee", window=5
    )
    assert [rule["id"] for rule in desk.ask("get", "/rules")["data"]] == [netted["id"], fee["id"]]
    desk.take([
        (funded.day, "49.60", "TOPUP-0001", "x"), (funded.day, "-1.25", "", "FEE 77"),
        (funded.day, "1.25", "", "FEE 78"),
        (funded.day, "3.00", "TOPUP-0002", "part"), (funded.day, "4.00", "TOPUP-0002", "part"),
        (funded.day, "20.00", "TOPUP-00X3", "misread"),
    ])  # fmt: skip
    assert desk.match()["matches"] == {
        "bank fees": 1, "fee kept back": 1, "reference_of_many_lines": 1, "similar_reference": 1,
    }  # fmt: skip
    assert [(b["amount"], b["reason"]) for b in desk.breaks(status="open")] == [(125, "unknown")]
    assert desk.draw_up(funded.day)["balanced"]
    desk.ask("post", f"/rules/{fee['id']}", active=False)
    assert desk.ask("delete", f"/rules/{netted['id']}")["deleted"]


def test_what_a_rule_leaves_to_a_person_no_later_rule_matches(desk: Desk) -> None:
    funded = Funded(desk)
    desk.ask("post", "/rules", name="ask first", action="suspense", description="^HOLD")
    desk.take([(funded.day, "50.00", "TOPUP-0001", "HOLD this"), (funded.day, "7.00", "TOPUP-0002", "x")])
    found = desk.match()
    assert (found["matches"], found["open_breaks"]) == ({"reference": 1}, 1)
    [left] = desk.breaks(status="open")
    assert desk.match()["open_breaks"] == 1 and [b["id"] for b in desk.breaks(status="open")] == [left["id"]]
    made = desk.ask(
        "post", "/matches", account="bank:cash", lines=left["lines"], entries=left["entries"], by="ada", reason="asked",
    )  # fmt: skip
    assert made["status"] == "matched" and desk.breaks(status="open") == []


def test_what_is_found_later_ends_a_break(desk: Desk) -> None:
    """The bank is first: the line is a break until the ledger has booked it."""
    form: Any = {"currency": "usd", "source": "btok_us_verified", "amount": 900}
    topup = desk.client.v1.topups.create(form)
    expected: Any = topup.expected_availability_date
    day = (datetime.fromtimestamp(expected, UTC).date() - timedelta(days=1)).isoformat()
    desk.nostro.advance(expected - desk.nostro.now - 3600)
    desk.take([(day, "9.00", topup.id, "x")])
    assert desk.match()["breaks"] == {"missing_in_ledger": 1}
    desk.nostro.advance(days=1)
    found = desk.match()
    assert (found["matches"], found["ended"], found["open_breaks"]) == ({"reference": 1}, 1, 0)
    [ended] = desk.breaks(status="matched")
    assert ended["match"] == desk.matches()[0]["id"]
    drawn = desk.draw_up(day)
    assert drawn["balanced"] and drawn["ledger_balance"] == drawn["closing_balance"] == 900
    kinds = [entry["kind"] for entry in _entries(desk)]
    assert kinds.count("reconciliation.break.open") == kinds.count("reconciliation.break.match") == 1


def _entries(desk: Desk) -> list[Any]:
    found: Any = desk.client.raw_request("get", "/v1/ledger/entries", account="platform:suspense", limit=100)
    data: list[Any] = found.data["data"]
    return data


def statement(day: date, opening: int, code: str, *amounts: tuple[int, str]) -> Statement:
    lines = tuple(
        Line(amount=amount, booked=day, valued=day, end_to_end=name, reference=name, code=code)
        for amount, name in amounts
    )
    closing = opening + sum(amount for amount, _ in amounts)
    return Statement(
        opening=Opening(account="121000248", currency="usd", number="1", balance=opening, date=day),
        lines=lines,
        closing=Closing(balance=closing, date=day, lines=len(lines)),
    )


WRITERS = (
    (
        "camt.053",
        "PMNT/RCDT/ESCT",
        lambda one: camt_writing.build([one], message="M1", created=datetime(2026, 11, 20, 8)),
    ),
    ("mt940", "NTRF", lambda one: mt940_writing.build([one], reference="R1")),
    ("bai2", "142", lambda one: bai2.build([one], sender="BANK", receiver="US", created=datetime(2026, 11, 20, 8))),
)


def test_statements_chain_whatever_their_format(desk: Desk) -> None:
    funded, stands = Funded(desk), 0
    files = []
    for n, (format, code, write) in enumerate(WRITERS):
        amount, name = (5000, 700, 2000)[n], f"TOPUP-000{n + 1}"
        one = statement(funded.on + timedelta(days=n), stands, code, (amount, name))
        stands += amount
        files.append((format, write(one)))
        status, wire = desk.send(files[-1][1], format)
        assert status == 200, wire
        assert (wire["data"][0]["format"], wire["data"][0]["closing_balance"]) == (format, stands)
    assert desk.match()["matches"] == {"reference": 3}
    before = desk.account()
    for format, content in files:  # the same again says so, and changes nothing
        status, wire = desk.send(content, format)
        assert status == 200 and wire["data"][0]["format"] == format
    assert desk.account() == before and len(desk.lines()) == 3
    # One line of the same day more: it overlaps. And one that begins elsewhere: something is missing.
    again = statement(funded.on, 0, "NTRF", (5000, "TOPUP-0001"), (1, "MORE-1"))
    status, wire = desk.send(mt940_writing.build([again], reference="R1"), "mt940")
    assert (status, wire["error"]["code"]) == (400, "bank_statement_overlap")
    later = statement(funded.on + timedelta(days=4), stands + 5, "142", (1, "MORE-1"))
    status, wire = desk.send(bai2.build([later], sender="BANK", receiver="US", created=datetime(2026, 11, 20)), "bai2")
    assert (status, wire["error"]["code"]) == (400, "bank_statement_gap")
    assert "missing" in wire["error"]["message"] and desk.account() == before


def test_two_banks_hold_the_cash_of_one_account(desk: Desk) -> None:
    """Each bank's statements follow one another; what is at both is what the ledger has."""
    funded = Funded(desk)
    day, other = funded.day, {**MAPPING, "account": "DE-9"}
    desk.take([(day, "50.00", "TOPUP-0001", "first"), (day, "-30.00", "", "to our other bank")])
    content = desk.csv([
        (day, "7.00", "TOPUP-0002", "second"), (day, "20.00", "TOPUP-0003", "third"), (day, "30.00", "", "from US-1"),
    ])  # fmt: skip
    status, wire = desk.send(content, mapping=other)
    assert (status, wire["error"]["code"]) == (400, "bank_statement_invalid")
    assert "another account at a bank" in wire["error"]["message"] and len(desk.lines()) == 2
    status, wire = desk.send(content, mapping=other, another_bank_account="true")
    assert status == 200 and wire["data"][0]["bank_account"] == "DE-9"
    account = desk.account()
    assert [(one["bank_account"], one["balance"]) for one in account["bank_accounts"]] == [
        ("US-1", 2000),
        ("DE-9", 5700),
    ]
    assert (account["balance"], account["covered_until"], account["statements"]) == (7700, day, 2)
    assert desk.match()["matches"] == {"reference": 3, "between_banks": 1}
    assert desk.breaks(status="open") == []
    drawn = desk.draw_up(day)
    assert drawn["balanced"] and drawn["closing_balance"] == drawn["ledger_balance"] == 7700
    # One that does not say whose it is; one bank alone that goes on; and then no day that not both have told of.
    nameless = {"currency": "usd", "columns": COLUMNS}
    status, wire = desk.send(desk.csv([(day, "1.00", "X-1", "x")]), mapping=nameless)
    assert status == 400 and "does not say which account" in wire["error"]["message"]
    later = (funded.on + timedelta(days=1)).isoformat()
    desk.take([(later, "-1.00", "", "FEE 9")])
    [one, two] = desk.account()["bank_accounts"]
    assert (one["covered_until"], two["covered_until"], one["balance"]) == (later, day, 1900)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        desk.draw_up(later)
    assert refused.value.code == "reconciliation_day_not_covered"


def test_one_line_is_split_over_what_adds_up_to_it(desk: Desk) -> None:
    funded = Funded(desk)
    desk.take([(funded.day, "57.00", "COLLECTIVE-77", "two of three")])
    assert desk.match()["matches"] == {"sum": 1}
    [made] = desk.matches()
    assert (len(made["lines"]), len(made["entries"]), made["confidence"]) == (1, 2, 50)
    assert desk.draw_up(funded.day)["balanced"]


BAD: tuple[tuple[str, bytes, str], ...] = (
    ("csv", b"", "empty"),
    ("csv", b"date,amount,reference,text\n", "no booking"),
    ("csv", b"date,amount,reference,text\n2026-11-20,12.3.4,x,y\n", "line 2, column 'amount'"),
    ("csv", b"date,amount,reference,text\n2026-11-20,1.005,x,y\n", "is no amount in usd"),
    ("csv", b"date,amount,reference,text\n20.11.2026,1,x,y\n", "is no date like YYYY-MM-DD"),
    ("csv", b"date,amount,reference\n2026-11-20,1,x\n", "there is no column 'text'"),
    ("csv", b"date,amount,reference,text\n2026-11-20,1\n", "line 2 has 2 columns"),
    ("csv", b"date,amount,reference,text\n2026-11-20,1,\xff,y\n", "not written in utf-8"),
    ("csv", b'date,amount,reference,text\n2026-11-20,1,"x,y\n', "no CSV"),
    ("csv", b"date,amount,reference,text\n2026-11-20,1,x\0,y\n", "NUL"),
    ("csv", b"x" * 70_000, "longer than 65536"),
    ("csv", b"date,amount,reference,text\n2026-11-20,99999999999999999,x,y\n", "is no amount"),
    ("camt.053", b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", ""),
    ("camt.053", b"not xml", ""),
    ("mt940", b"hello", ""),
    ("bai2", b"01,A,B,261120,0800,1,,,2/\n", ""),
)


def test_a_hostile_file_leaves_nothing_behind(desk: Desk) -> None:
    for format, content, said in BAD:
        status, wire = desk.send(content, format)
        assert status == 400 and said in wire["error"]["message"], (format, content[:60], wire)
        assert wire["error"]["param"] == "file", wire
    for params, param in (({"mapping": {"currency": "usd"}}, "mapping[columns]"), ({"format": "pdf"}, "format")):
        _, wire = desk.send("date,amount\n", **{"format": "csv", **params})
        assert wire["error"]["param"] == param, wire
    assert all(account["statements"] == 0 for account in desk.ask("get", "/accounts")["data"])
    # A long file that goes wrong at its end has been written in parts, and is gone.
    rows = "".join(f"2026-11-20,1.00,REF-{n},x\n" for n in range(9_000))
    status, wire = desk.send(f"date,amount,reference,text\n{rows}2026-11-20,x,x,x\n")
    assert status == 400 and "line 9002" in wire["error"]["message"]
    status, wire = desk.send(f"date,amount,reference,text\n{rows}")
    assert status == 200 and wire["data"][0]["lines"] == 9_000
    account = desk.account()["id"]
    page = desk.ask("get", "/lines", account=account, limit=3)
    after = desk.ask("get", "/lines", account=account, limit=3, starting_after=page["data"][-1]["id"])
    back = desk.ask("get", "/lines", account=account, limit=3, ending_before=after["data"][0]["id"])
    assert back["data"] == page["data"] and page["has_more"]
    assert [line["reference"] for line in page["data"]] == [None] * 3
    assert [line["end_to_end"] for line in (*page["data"], *after["data"])] == [f"REF-{8999 - n}" for n in range(6)]


def test_a_pattern_that_would_take_for_ever_is_refused(desk: Desk) -> None:
    for pattern in ("(a+)+$", "(?=a)", "(a|b)*c", "a*b*c*d*e", "(", "\\1"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            desk.ask("post", "/rules", name="x", action="fee", book_as="bank_fee", description=pattern)
        assert (refused.value.code, refused.value.param) == ("reconciliation_rule_invalid", "description")
