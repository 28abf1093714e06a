"""The simulated bank in other formats: files of ISO 20022 and Bacs, its answers to them, and its statements."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import pytest

from nostro.balances import calendar
from nostro.networks import bai2, mt940
from nostro.networks.bacs import reports, standard18
from nostro.networks.bank import paper
from nostro.networks.bank.account import Account
from nostro.networks.bank.bank import deposit, open_account, open_bank, take
from nostro.networks.bank.post import Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.iso20022 import camt, pain001, pain002, pain008
from nostro.networks.iso20022.parties import Account as IsoAccount
from nostro.networks.iso20022.parties import Party
from nostro.networks.statement import Line, Statement, whole
from payments_of_bank import MONDAY, NUMBER, ach, bank, days, entry, taken

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


def test_a_bacs_credit_to_a_wrong_account_is_told_in_an_awacs() -> None:
    made = bacs_bank()
    take(made, calendar, bacs("J ROSEN", "CHANGE C01"))
    letters, statements = days(made, 8)
    assert sum(line.amount for each in statements for line in each.lines) == -701 - 702, "it was paid all the same"
    [advices] = [reports.read(letter.content) for letter in letters if "awacs" in letter.name]
    assert isinstance(advices, reports.Advices) and advices.report == "AWACS"
    assert [(one.reference, one.number, one.new_sort_code, one.new_number) for one in advices.items] == [
        ("REF 2", "00012345", "108800", "00012345"),
    ]  # fmt: skip


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
