"""Whatever comes: money is conserved, each instruction has one fate, statements chain, and all of it repeats."""

from __future__ import annotations

from collections import Counter
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.balances import calendar
from nostro.networks import nacha
from nostro.networks.bank.account import Account
from nostro.networks.bank.answer import Receipt
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.intake import receive
from nostro.networks.bank.judge import fate_of
from nostro.networks.bank.post import Faults, Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.file_error import FileError
from nostro.networks.statement import Line, Statement
from payments_of_bank import CLOSED, GOOD, MONDAY, NUMBER, ach, addenda, bank, days, entry

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
                if fate.kind in ("returned", "rejected"):
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
    except (FileError, msgspec.DecodeError):
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


def test_rates_are_of_all_payments() -> None:
    made = bank(returns=50_000, corrections=100_000)
    take(made, calendar, ach(*(entry(n) for n in range(1, 401))))
    days(made, 10)
    assert 5 <= made.counts["returned"] <= 45 and 20 <= made.counts["corrected"] <= 70


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
    if fault == "late":
        waited = {content: day for day, _, content in faulty}
        assert {waited[content] - day for day, _, content in plain} & {2, 3}, "some of them for more than a day"
    assert len(faulty) == {"late": 3, "duplicate": 6, "partial": 6, "reorder": 3}[fault]


def test_a_letter_out_of_order_comes_after_the_next_one() -> None:
    for seed in range(20):
        made = bank(seed=seed, faults=Faults(reorder=500_000))
        file = ach(*(entry(n, name) for n, name in enumerate(("Return R02 2d", "Change C01 2d", "Return R03 3d"))))
        letters = take(made, calendar, file)[1] + days(made, 6)[0]
        if [letter.name[8:] for letter in letters] == ["receipt.json", "changes.ach", "returns.ach", "returns.ach"]:
            return
    raise AssertionError("in twenty seeds no change came before the return that was written before it")
