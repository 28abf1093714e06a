"""The simulated bank takes an ACH file: what it refuses, books, returns and corrects, and on which day."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from nostro.balances import calendar
from nostro.networks.bank.account import Account
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.statement import Line
from payments_of_bank import CLOSED, MONDAY, NUMBER, ach, addenda, bank, days, entry, taken


def test_an_accepted_file_is_booked_once_and_what_fails_comes_back_on_its_day() -> None:
    made = bank()
    file = ach(entry(1), entry(2, account_number=CLOSED), entry(3, "Return R03 4d"), entry(4, "Change C01"))
    answer = taken(made, file, "payouts.ach")
    assert (answer.status, answer.file, answer.orders[0].amount) == ("accepted", "payouts.ach", 4000)
    assert made.books.accounts[NUMBER].balance == 996_000, "booked on the day, which had begun"

    letters, (first, second, third, _, fifth) = days(made, 6)
    assert [line.amount for line in first.lines] == [-1000] * 4
    assert [(line.amount, line.description) for line in second.lines] == [(1000, "RETURN R02")]
    assert third.lines == (), "the notification of change moves nothing"
    assert [(line.end_to_end, line.description) for line in fifth.lines] == [("091000010000003", "RETURN R03")]
    assert addenda(letters, "returns") == [("R02", "091000010000002"), ("R03", "091000010000003")]
    assert addenda(letters, "changes") == [("C01", "091000010000004")]
    assert fifth.closing.balance == 998_000


def test_a_file_for_a_later_day_waits_and_its_money_is_not_spent_twice() -> None:
    made = bank(balance=5000)
    assert taken(made, ach(entry(1, amount=3000), day=date(2026, 11, 21))).status == "accepted"
    assert made.books.accounts[NUMBER].balance == 5000
    again = taken(made, ach(entry(1, amount=3000), modifier="B"))
    assert (again.status, again.reason, again.code) == ("rejected", "insufficient_funds", "R01")
    _, statements = days(made, 8)
    booked = {line.booked for each in statements for line in each.lines}
    assert booked == {date(2026, 11, 23)}, "a Saturday is paid on Monday"


def test_after_the_cut_off_it_is_the_next_day() -> None:
    made = bank()
    list(advance(made, calendar, MONDAY + 8 * 3600))
    assert taken(made, ach(entry(1))).orders[0].settles == date(2026, 11, 17)
    assert made.books.accounts[NUMBER].balance == 1_000_000, "in its morning"


@pytest.mark.parametrize(
    ("content", "terms", "reason"),
    [
        (b"hello", {}, "unreadable"),
        (ach(entry(1))[:-95], {}, "unreadable"),
        (ach(entry(1)).replace(b"0000001000", b"0000001001", 1), {}, "unreadable"),
        (ach(entry(1, amount=1_000_001)), {}, "insufficient_funds"),
        (ach(entry(1, amount=501)), {"largest_file": 500}, "over_limit"),
        (ach(entry(1), day=date(2027, 6, 1)), {}, "too_early"),
    ],
)  # fmt: skip
def test_a_file_is_refused_whole(content: bytes, terms: dict[str, int], reason: str) -> None:
    made = bank(**terms)
    before = msgspec.to_builtins(made.books)
    answer = taken(made, content)
    assert (answer.status, answer.reason) == ("rejected", reason)
    assert answer.message, "it says why, in words"
    assert msgspec.to_builtins(made.books) == before


def test_a_file_is_taken_once_but_may_come_again_after_it_was_refused() -> None:
    made = bank(balance=500)
    assert taken(made, ach(entry(1))).reason == "insufficient_funds"
    deposit(made, calendar, NUMBER, Line(amount=9500, booked=date(2026, 11, 16), valued=date(2026, 11, 16)))
    assert taken(made, ach(entry(1))).status == "accepted"
    assert taken(made, ach(entry(1))).reason == "duplicate"
    same_name = ach(entry(1, amount=1))
    assert taken(made, same_name).reason == "duplicate", "other content under the same name"
    assert made.books.accounts[NUMBER].balance == 9000


def test_only_a_known_originator_may_send() -> None:
    made = open_bank(MONDAY)
    open_account(made, calendar, Account(number=NUMBER, currency="usd", originators=("999",)), 10_000)
    assert taken(made, ach(entry(1))).reason == "unknown_originator"
    open_account(made, calendar, Account(number="2", currency="usd", originators=("1234567890",)), 10_000)
    assert taken(made, ach(entry(1))).orders[0].account == "2"


def test_a_refused_instruction_is_not_booked_and_comes_back_at_once() -> None:
    made = bank()
    answer, letters = take(made, calendar, ach(entry(1), entry(2, "Reject R04")))
    assert addenda(letters, "returns") == [("R04", "091000010000002")]
    assert answer.status == "partly_accepted"
    assert [(one.id, one.code) for one in answer.orders[0].refused] == [("091000010000002", "R04")]
    assert made.books.accounts[NUMBER].balance == 999_000


def test_debits_bring_money_and_those_that_fail_take_it_back() -> None:
    made = bank(balance=0)
    take(made, calendar, ach(entry(1, code=27), entry(2, "Return R01", code=27)))
    assert made.books.accounts[NUMBER].balance == 2000
    letters, statements = days(made, 3)
    assert addenda(letters, "returns") == [("R01", "091000010000002")]
    assert statements[-1].closing.balance == 1000


def test_the_offset_of_a_balanced_file_is_no_payment() -> None:
    made = bank()
    offset = entry(2, "Acme", code=27, account_number=NUMBER, amount=1000)
    (order,) = taken(made, ach(entry(1), offset)).orders
    assert (order.accepted, made.books.accounts[NUMBER].balance) == (1, 999_000)


def test_batch_booking_is_a_line_a_file() -> None:
    made = bank(booking="batch")
    take(made, calendar, ach(*(entry(n) for n in range(1, 6)), entry(6, "Return R02"), entry(7, "Return R16")))
    _, (first, second, *_) = days(made, 3)
    assert [(line.amount, line.description) for line in first.lines] == [(-7000, "PAYOUT 7 payments")]
    assert [(line.amount, line.description) for line in second.lines] == [(2000, "RETURN 2 payments")]


def test_fees_and_interest_come_on_the_last_banking_day_of_the_month() -> None:
    made = bank(balance=36_500_000, fee=2500, interest=100)
    _, statements = days(made, 20)
    lines = [line for each in statements for line in each.lines]
    # 1 % of 365,000.00 is 10.00 a day: from the 16th to the night of the 30th.
    assert [(line.code, line.amount) for line in lines] == [("interest", 15_000), ("fee", -2500)]
    assert {line.booked for line in lines} == {date(2026, 11, 30)}
    assert made.books.income == {"usd": -12_500} and made.books.off_by("usd") == 0


def test_interest_of_less_than_a_cent_is_not_lost() -> None:
    made = bank(balance=100, interest=100)
    _, statements = days(made, 400)
    assert [line.amount for each in statements for line in each.lines] == [1], "1 % of 1.00, in a year"


def test_money_from_elsewhere_stands_on_the_statement_of_its_day() -> None:
    made = bank()
    saturday = date(2026, 11, 21)
    deposit(made, calendar, NUMBER, Line(amount=4200, booked=saturday, valued=saturday, end_to_end="INV-7"))
    _, statements = days(made, 8)
    (line,) = [line for each in statements for line in each.lines]
    assert (line.booked, line.end_to_end) == (date(2026, 11, 23), "INV-7") and line.reference.startswith("NB261123")
