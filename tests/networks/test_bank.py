"""The simulated bank: what it refuses, books, returns and corrects, that money is conserved, and that it repeats."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.balances import calendar
from nostro.networks import nacha
from nostro.networks.bank.account import Account
from nostro.networks.bank.answer import Receipt
from nostro.networks.bank.bank import deposit, fate_of, open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.bank.order import receive
from nostro.networks.bank.post import Faults, Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.statement import Line, Statement
from payments_of_bank import GOOD, ach, entry

NUMBER, DAY = "9876543210", 86_400
MONDAY = int(datetime(2026, 11, 16, 15, tzinfo=UTC).timestamp())  # ten in the morning in New York
CLOSED = "000111111113"


def bank(balance: int = 1_000_000, **terms: object) -> Bank:
    made = open_bank(MONDAY, Terms(**terms))  # type: ignore[arg-type]
    open_account(made, calendar, Account(number=NUMBER, currency="usd"), balance)
    return made


def taken(made: Bank, content: bytes, name: str = "") -> Receipt:
    receipt, letters = take(made, calendar, content, name)
    (letter,) = [letter for letter in letters if letter.name.endswith("receipt.json")]
    assert msgspec.json.decode(letter.content, type=Receipt) == receipt
    return receipt


def days(made: Bank, count: int) -> tuple[list[Letter], list[Statement]]:
    out = list(advance(made, calendar, made.now + count * DAY))
    return [each for each in out if isinstance(each, Letter)], [each for each in out if isinstance(each, Statement)]


def addenda(letters: list[Letter], kind: str) -> list[tuple[str, str]]:
    """Code and original trace number of all returns (or changes) in the files."""
    files = [nacha.read(letter.content) for letter in letters if letter.name.endswith(f"{kind}.ach")]
    entries = [each for file in files for batch in file.batches for each in batch.entries]
    return [(each.addenda[0].code, each.addenda[0].original_trace) for each in entries]  # type: ignore[union-attr]


# One file --------------------------------------------------------------------


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


def test_a_rejected_instruction_is_left_out_of_the_booking() -> None:
    made = bank()
    answer = taken(made, ach(entry(1), entry(2, "Reject R04")))
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


def test_money_from_elsewhere_stands_on_the_statement_of_its_day() -> None:
    made = bank()
    saturday = date(2026, 11, 21)
    deposit(made, calendar, NUMBER, Line(amount=4200, booked=saturday, valued=saturday, end_to_end="INV-7"))
    _, statements = days(made, 8)
    (line,) = [line for each in statements for line in each.lines]
    assert (line.booked, line.end_to_end) == (date(2026, 11, 23), "INV-7") and line.reference.startswith("NB261123")


# Whatever happens ------------------------------------------------------------

NAMES = ("Jenny Rosen", "Return R01", "Return AC04 3d", "Reject R13", "Change C02", "Change C06", "Settle")
ENTRIES = st.builds(
    lambda name, code, amount, account: {"name": name, "code": code, "amount": amount, "account_number": account},
    st.sampled_from(NAMES), st.sampled_from((22, 27, 32, 37)), st.integers(1, 100_000),
    st.sampled_from((GOOD, CLOSED, "42")),
)  # fmt: skip
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("file"), st.lists(ENTRIES, min_size=1, max_size=8), st.integers(0, 5)),
        st.tuples(st.just("days"), st.integers(1, 4)),
        st.tuples(st.just("money"), st.integers(-5000, 50_000)),
    ),
    max_size=12,
)  # fmt: skip
RATES = st.sampled_from((0, 300_000, 1_000_000))
TERMS = st.builds(
    Terms, seed=st.integers(0, 9), returns=RATES, corrections=RATES, booking=st.sampled_from(("batch", "single")),
    fee=st.sampled_from((0, 700)), interest=st.sampled_from((0, 250)),
    faults=st.builds(Faults, late=RATES, duplicate=RATES, partial=RATES, reorder=RATES),
)  # fmt: skip


def live(terms: Terms, events: list[tuple]) -> tuple[Bank, list[bytes], list[Letter], list[Statement]]:  # type: ignore[type-arg]
    """A bank through all of it, and then a month of peace in which everything that is owed arrives."""
    made = open_bank(MONDAY, terms)
    open_account(made, calendar, Account(number=NUMBER, currency="usd", overdraft=10**6), 500_000)
    files: list[bytes] = []
    letters: list[Letter] = []
    statements: list[Statement] = []
    for event in (*events, ("days", 45)):
        if event[0] == "file":
            entries = [entry(n, **fields) for n, fields in enumerate(event[1], 1)]
            files.append(ach(*entries, day=date(2026, 11, 16 + event[2]), modifier="ABCDEFGHIJKLM"[len(files)]))
            letters += take(made, calendar, files[-1])[1]
        elif event[0] == "money":
            deposit(made, calendar, NUMBER, Line(amount=event[1], booked=date(2026, 11, 16), valued=date(2026, 11, 16)))
        else:
            more = days(made, event[1])
            letters += more[0]
            statements += more[1]
        assert made.books.off_by("usd") == 0, "money is conserved at every step"
        made = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Bank)
    return made, files, letters, statements


@settings(max_examples=60, deadline=None)
@given(TERMS, EVENTS)
def test_each_instruction_has_one_fate_and_statements_chain(terms: Terms, events: list[tuple]) -> None:  # type: ignore[type-arg]
    made, files, letters, statements = live(terms, events)

    balance = 500_000
    for number, each in enumerate(statements, 1):
        assert (each.opening.number, each.opening.balance) == (str(number), balance)
        assert each.opening.date < statements[number].opening.date if number < len(statements) else True
        balance += sum(line.amount for line in each.lines)
        assert (each.closing.balance, each.closing.lines) == (balance, len(each.lines))
    assert balance == made.books.accounts[NUMBER].balance and made.books.accounts[NUMBER].committed == 0

    # Every answer arrived whole in the end; the same answer may have come twice, or cut off before.
    whole = {letter.content: letter for letter in letters if readable(letter)}
    receipts = [
        msgspec.json.decode(letter.content, type=Receipt)
        for letter in whole.values()
        if letter.name.endswith("receipt.json")
    ]
    accepted = {answer.hash for answer in receipts if answer.status != "rejected"}
    assert {answer.hash for answer in receipts} == {receive(file).hash for file in files}
    expected: Counter[tuple[str, str]] = Counter()
    fates: Counter[str] = Counter()
    for number, file in enumerate(files, 1):
        received = receive(file)
        for order in received.orders if received.hash in accepted else ():
            for one in order.instructions:
                fate = fate_of(terms, msgspec.structs.replace(order.head, file=number), one)
                fates[fate.kind] += 1
                if fate.kind == "returned":
                    expected["returned", one.id] += 1
                if fate.kind == "corrected":
                    expected["corrected", one.id] += 1
    found = Counter(("returned", trace) for _, trace in addenda(list(whole.values()), "returns"))
    found += Counter(("corrected", trace) for _, trace in addenda(list(whole.values()), "changes"))
    assert found == expected, "each return and each correction is said once, in one file"
    counts = made.counts
    assert counts.get("settled", 0) == fates["settled"] + fates["returned"] + fates["corrected"]
    assert counts.get("returned", 0) == fates["returned"] and counts.get("corrected", 0) == fates["corrected"]


def readable(letter: Letter) -> bool:
    try:
        if letter.name.endswith(".ach"):
            nacha.read(letter.content)
        else:
            msgspec.json.decode(letter.content)
    except (nacha.NachaError, msgspec.DecodeError):
        return False
    return True


@settings(max_examples=20, deadline=None)
@given(TERMS, EVENTS)
def test_the_same_seed_gives_the_same_files_byte_for_byte(terms: Terms, events: list[tuple]) -> None:  # type: ignore[type-arg]
    assert live(terms, events)[2:] == live(terms, events)[2:]


def test_another_seed_gives_other_fates() -> None:
    file = ach(*(entry(n) for n in range(1, 401)))
    returned = []
    for seed in (1, 2):
        made = bank(seed=seed, returns=50_000)
        take(made, calendar, file)
        returned.append(set(addenda(days(made, 10)[0], "returns")))
    assert returned[0] != returned[1] and all(5 <= len(each) <= 45 for each in returned), "one in twenty of 400"


@pytest.mark.parametrize("fault", ["late", "duplicate", "partial", "reorder"])
def test_a_fault_is_felt_and_mended(fault: str) -> None:
    ways = []
    for faults in (Faults(), Faults(**{fault: 1_000_000})):
        made = bank(faults=faults)
        came = [(0, letter) for letter in take(made, calendar, ach(entry(1, "Return R02"), entry(2, "Return R03")))[1]]
        for day in range(1, 13):
            came += [(day, letter) for letter in days(made, 1)[0]]
        assert [letter.name for _, letter in came] == sorted(letter.name for _, letter in came)
        ways.append([(day, letter.name[8:], letter.content) for day, letter in came])
    plain, faulty = ways
    assert plain != faulty and {content for _, _, content in plain} <= {content for _, _, content in faulty}
    assert len(faulty) == {"late": 3, "duplicate": 6, "partial": 6, "reorder": 3}[fault]


def test_a_letter_out_of_order_comes_after_the_next_one() -> None:
    for seed in range(20):
        made = bank(seed=seed, faults=Faults(reorder=500_000))
        file = ach(*(entry(n, name) for n, name in enumerate(("Return R02 2d", "Change C01 2d", "Return R03 3d"))))
        letters = take(made, calendar, file)[1] + days(made, 6)[0]
        if [letter.name[8:] for letter in letters] == ["receipt.json", "changes.ach", "returns.ach", "returns.ach"]:
            return
    raise AssertionError("in twenty seeds no change came before the return that was written before it")
