"""The simulated bank: what it refuses, books, returns and corrects, that money is conserved, and that it repeats."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.balances import calendar
from nostro.networks import bai2, mt940, nacha
from nostro.networks.bacs import reports, standard18
from nostro.networks.bank import paper
from nostro.networks.bank.account import Account
from nostro.networks.bank.answer import Receipt
from nostro.networks.bank.bank import deposit, fate_of, open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.bank.intake import receive
from nostro.networks.bank.post import Faults, Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.iso20022 import camt, pain001, pain002, pain008
from nostro.networks.iso20022.parties import Account as IsoAccount
from nostro.networks.iso20022.parties import Party
from nostro.networks.statement import Line, Statement, whole
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


# In ISO 20022 ----------------------------------------------------------------

OURS, IBAN = "DE75512108001245126199", "DE89370400440532013000"


def sepa(*names: str, id: str = "M1", one_booking: bool | None = None, currency: str = "eur") -> bytes:
    transfers = tuple(
        pain001.Transfer(end_to_end=f"E{n}", amount=1000 + n, currency=currency, creditor=Party(name=name),
                         account=IsoAccount(iban=IBAN), remittance=f"invoice {n}")
        for n, name in enumerate(names, 1)
    )  # fmt: skip
    payment = pain001.Payment(id="P1", execution=date(2026, 11, 17), debtor=Party(name="Acme"), transfers=transfers,
                              account=IsoAccount(iban=OURS), service="SEPA", one_booking=one_booking)  # fmt: skip
    made = pain001.Message(id=id, created=datetime(2026, 11, 16, 9), initiator=Party(name="Acme"), payments=(payment,))
    return pain001.build(made)


def sepa_bank(**terms: object) -> Bank:
    made = open_bank(MONDAY, Terms(**terms))  # type: ignore[arg-type]
    open_account(made, calendar, Account(number=OURS, currency="eur"), 1_000_000)
    return made


def iso(letters: list[Letter], kind: str) -> list[Statement]:
    return [each for letter in letters if kind in letter.name for each in whole(camt.read(letter.content))]


def test_a_sepa_file_is_booked_on_its_day_and_comes_back_with_its_reasons() -> None:
    made = sepa_bank(statements=("camt.053",))
    answer = taken(made, sepa("Jenny Rosen", "Return AC04", "Return R03 1d", "Reject AC01"))
    assert (answer.status, answer.message_id, answer.orders[0].settles) == ("partly_accepted", "M1", date(2026, 11, 17))
    assert [(one.id, one.code) for one in answer.orders[0].refused] == [("E4", "AC01")]
    again, told = take(made, calendar, sepa("Jenny Rosen"))
    assert again.reason == "duplicate" and status(told).reasons[0].code == "AM05"
    letters, statements = days(made, 4)
    (notice,) = iso(letters, "camt054")
    assert [(line.end_to_end, line.return_reason, line.amount) for line in notice.lines] == [
        ("E2", "AC04", 1002), ("E3", "AC01", 1003),
    ]  # fmt: skip
    sent = iso(letters, "camt053")
    assert [each.closing.balance for each in sent] == [each.closing.balance for each in statements]
    assert [line.amount for line in sent[0].lines] == [-1001, -1002, -1003]
    assert {line.batch for line in sent[0].lines} == {"P1"} and sent[0].lines[0].code == "PMNT/ICDT/ESCT"
    assert [line.reference for line in sent[1].lines] == [line.reference for line in notice.lines]


def test_the_orders_of_one_file_cannot_spend_the_same_money() -> None:
    made = sepa_bank()
    made.books.accounts[OURS].balance = 1500
    first, second = (pain001.read(sepa("Jenny Rosen")).payments[0] for _ in range(2))
    transfers = (msgspec.structs.replace(second.transfers[0], end_to_end="E9"),)
    second = msgspec.structs.replace(second, id="P2", transfers=transfers)
    message = pain001.read(sepa("Jenny Rosen"))
    answer = taken(made, pain001.build(msgspec.structs.replace(message, payments=(first, second))))
    assert answer.status == "partly_accepted"
    assert [(order.id, order.reason) for order in answer.orders] == [("P1", ""), ("P2", "insufficient_funds")]


def status(letters: list[Letter]) -> pain002.Report:
    (found,) = [letter for letter in letters if "pain002" in letter.name]
    return pain002.read(found.content)


def test_the_report_on_a_sepa_file_repeats_what_was_refused() -> None:
    _, letters = take(sepa_bank(), calendar, sepa("Jenny Rosen", "Reject AC06"))
    report = status(letters)
    assert (report.message, report.kind, report.status) == ("M1", "pain.001.001.09", "PART")
    (payment,) = report.payments
    assert (payment.id, payment.status) == ("P1", "PART")
    assert [(one.end_to_end, one.status, one.reasons[0].code) for one in payment.singles] == [("E2", "RJCT", "AC06")]
    _, letters = take(sepa_bank(), calendar, sepa("Jenny Rosen", "Robert Braun"))
    assert (status(letters).status, status(letters).payments[0].singles) == ("ACCP", ())


def test_sepa_debits_bring_money_and_those_that_fail_take_it_back() -> None:
    mandate = pain008.Mandate(id="MANDATE-1", signed=date(2026, 1, 1))
    debits = tuple(
        pain008.Debit(end_to_end=f"D{n}", amount=500 + n, currency="eur", mandate=mandate, debtor=Party(name=name),
                      account=IsoAccount(iban=IBAN))
        for n, name in enumerate(("Jenny Rosen", "Return AM04", "Return MD06 8d"), 1)
    )  # fmt: skip
    collection = pain008.Collection(id="C1", due=date(2026, 11, 18), sequence="RCUR", creditor=Party(name="Acme"),
                                    creditor_id="DE98ZZZ09999999999", account=IsoAccount(iban=OURS),
                                    debits=debits)  # fmt: skip
    message = pain008.Message(id="M8", created=datetime(2026, 11, 16, 9), initiator=Party(name="Acme"),
                              collections=(collection,))  # fmt: skip
    made = sepa_bank()
    assert taken(made, pain008.build(message)).status == "accepted"
    letters, statements = days(made, 16)
    lines = [(line.booked.day, line.amount) for each in statements for line in each.lines]
    assert lines == [(18, 501), (18, 502), (18, 503), (19, -502), (30, -503)]
    told = [line for each in iso(letters, "camt054") for line in each.lines]
    assert [(line.end_to_end, line.return_reason) for line in told] == [("D2", "AM04"), ("D3", "MD06")]


GBP = "GB33BUKB20201555555555"


def bacs(*names: str, code: str = "99", amount: int = 700, serial: str = "A00001") -> bytes:
    items = tuple(
        standard18.Item(code=code, account=standard18.Account(sort_code="200000", number="00012345", name=name),
                        amount=amount + n, reference=f"REF {n}", day=date(2026, 11, 17))
        for n, name in enumerate(names, 1)
    )  # fmt: skip
    ours = standard18.Account(sort_code="202015", number="55555555", name="ACME")
    return standard18.build(standard18.File(user="123456", name="ACME", serial=serial, account=ours, items=items,
                                            created=date(2026, 11, 16), expires=date(2026, 12, 1)))  # fmt: skip


def bacs_bank(**terms: object) -> Bank:
    made = open_bank(MONDAY, Terms(**terms))  # type: ignore[arg-type]
    open_account(made, calendar, Account(number=GBP, currency="gbp"), 100_000)
    return made


def test_a_bacs_file_is_processed_on_its_day_and_booked_on_the_next() -> None:
    made = bacs_bank()
    answer, letters = take(made, calendar, bacs("J ROSEN", "RETURN R03", "REJECT R02", "SETTLE"))
    assert (answer.status, answer.orders[0].settles) == ("partly_accepted", date(2026, 11, 18))
    assert names(letters) == ["receipt.json", "returns.arucs.xml"]
    later, statements = days(made, 6)
    assert [(line.booked.day, line.amount) for each in statements for line in each.lines] == [
        (18, -701), (18, -702), (18, -704), (20, 702),
    ]  # fmt: skip
    reported = [reports.read(letter.content) for letter in (*letters, *later) if "arucs" in letter.name]
    assert [(one.reference, one.reason, one.amount) for each in reported for one in each.items] == [  # type: ignore[union-attr]
        ("REF 3", "B", 703), ("REF 2", "5", 702),
    ]  # fmt: skip
    assert taken(made, bacs("J ROSEN")).reason == "duplicate"
    assert taken(made, bacs("J ROSEN", serial="A00002").replace(b"202015", b"202016")).reason == "unknown_originator"


def test_bacs_debits_that_are_not_paid_are_told_in_an_arudd() -> None:
    made = bacs_bank()
    take(made, calendar, bacs("J ROSEN", "RETURN R10", "RETURN R23", code="17"))
    letters, statements = days(made, 8)
    assert sum(line.amount for each in statements for line in each.lines) == 701
    reported = [reports.read(letter.content) for letter in letters if "arudd" in letter.name]
    assert [(each.report, one.reason) for each in reported for one in each.items] == [("ARUDD", "6"), ("ARUDD", "0")]  # type: ignore[union-attr]


def names(letters: list[Letter]) -> list[str]:
    return [letter.name[8:] for letter in letters]


def test_a_file_may_ask_for_one_booking_and_what_comes_back_is_told_one_by_one() -> None:
    made = sepa_bank()
    take(made, calendar, sepa("Jenny Rosen", "Return AC04", "Return AC06", one_booking=True))
    letters, (second, third, *_) = days(made, 4)
    assert [line.amount for line in second.lines] == [-1001 - 1002 - 1003]
    assert [line.amount for line in third.lines] == [1002 + 1003]
    (notice,) = iso(letters, "camt054")
    assert [(part.end_to_end, part.return_reason) for part in notice.lines[0].parts] == [("E2", "AC04"), ("E3", "AC06")]


def test_a_sepa_file_in_another_currency_or_of_another_account_is_refused() -> None:
    made = sepa_bank()
    assert taken(made, sepa("Jenny Rosen", currency="usd")).reason == "unknown_originator"
    assert taken(made, sepa("Jenny Rosen").replace(OURS.encode(), IBAN.encode(), 1)).reason == "unknown_originator"
    assert taken(made, sepa("Jenny Rosen").replace(b"<NbOfTxs>1", b"<NbOfTxs>2", 1)).reason == "unreadable"
    assert made.books.accounts[OURS].committed == 0
    assert taken(made, sepa("Jenny Rosen")).status == "accepted", "under the same name, as none was accepted"


READERS = {"camt.053": camt.read, "camt.052": camt.read, "mt940": mt940.read, "bai2": bai2.read}


@pytest.mark.parametrize("format", READERS)
def test_statements_in_a_format_say_what_the_bank_booked(format: str) -> None:
    made = bank(booking="batch", fee=2500, interest=100)
    take(made, calendar, ach(entry(1), entry(2, "Return R02"), entry(3, code=27)))
    for kind, amount in (("transfer", 4200), ("card_settlement", 99), ("charge", -7)):
        deposit(
            made, calendar, NUMBER, Line(amount=amount, booked=date(2026, 11, 16), valued=date(2026, 11, 16), code=kind)
        )
    _, statements = days(made, 18)
    files = [paper.write(format, [each], made.now) for each in statements]
    read = [each for file in files for each in whole(READERS[format](file))]
    assert [each.opening for each in read] == [each.opening for each in statements]
    fields: tuple[str, ...] = ("amount", "booked", "valued", "reference", "end_to_end", "description")
    for ours, theirs in zip(statements, read, strict=True):
        assert ours.closing == theirs.closing
        assert [[getattr(line, name) for name in fields] for line in ours.lines] == [
            [getattr(line, name) for name in fields] for line in theirs.lines
        ]  # fmt: skip


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
