"""What Bacs reports: read as the samples that are published have it, built and read back, refused where it is wrong."""

from datetime import date
from typing import Any

import pytest

from nostro.networks.bacs import reports
from nostro.networks.bacs.codes import REASONS
from nostro.networks.file_error import FileError

DAY = date(2026, 11, 24)
# The elements and attributes of an ARUDD as service users publish it, with names and numbers of our own.
ARUDD = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- made by a report writer -->
<BACSDocument xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="newbacs-advices.xsd">
  <Data>
    <ARUDD>
      <Header reportType="REFT1234" adviceNumber="000" currentProcessingDate="2026-11-24"></Header>
      <AddresseeInformation name="ACME LTD"></AddresseeInformation>
      <ServiceLicenseInformation userName="ACME LTD" userNumber="123456"></ServiceLicenseInformation>
      <Advice><OriginatingAccountRecords><OriginatingAccountRecord>
        <OriginatingAccount name="ACME LTD" number="55779911" sortCode="20-00-00" type="0" bankName="A BANK"/>
        <ReturnedDebitItem ref="MD-0001" transCode="17" returnCode="1012" returnDescription="INSTRUCTION CANCELLED"
            originalProcessingDate="2026-11-20" valueOf="65.00" currency="GBP">
          <PayerAccount number="31926819" ref="MD-0001" name="JENNY ROS\xc9N" sortCode="60-16-13" bankName="B"/>
        </ReturnedDebitItem>
        <ReturnedDebitItem ref="MD-0002" transCode="01" returnCode="0128" returnDescription="REFER TO PAYER"
            originalProcessingDate="2026-11-20" valueOf="1.05" currency="GBP">
          <PayerAccount number="31926820" ref="MD-0002" name="SAM" sortCode="60-16-13" bankName="B"/>
        </ReturnedDebitItem>
        <Totals numberOf="2" valueOf="66.05" currency="GBP"></Totals>
      </OriginatingAccountRecord></OriginatingAccountRecords></Advice>
    </ARUDD>
  </Data>
  <SignatureMethod>Vanilla</SignatureMethod>
  <Signature></Signature>
</BACSDocument>
"""


def returned(reason: str = "0", **fields: Any) -> reports.Returned:
    values = {"reference": "PAYOUT 1", "code": "99", "amount": 1050, "day": DAY, "sort_code": "601613",
              "number": "31926819", "name": "A & B"}  # fmt: skip
    return reports.Returned(reason=reason, **(values | fields))


def advice(reason: str, **fields: Any) -> reports.Advice:
    values = {"reference": "MD-0001", "day": DAY, "sort_code": "601613", "number": "31926819", "name": "JENNY"}
    return reports.Advice(reason=reason, **(values | fields))


REPORTS = [
    reports.Returns(report="ARUCS", user="123456", day=DAY, items=(returned("5"), returned("B", amount=5))),
    reports.Returns(report="ARUDD", user="123456", day=DAY, items=(returned("0", code="17"),)),
    reports.Returns(report="ARUDD", user="123456", day=DAY, items=()),
    reports.Advices(report="AUDDIS", user="123456", day=DAY, items=(advice("L"), advice("5"))),
    reports.Advices(report="AWACS", user="123456", day=DAY, items=(advice("3", new_sort_code="200000"),)),
    reports.Advices(
        report="ADDACS", user="123456", day=DAY, items=(advice("3", new_sort_code="200000", new_number="55779911"),)
    ),
]


def test_a_report_is_read_as_it_is_published() -> None:
    found = reports.read(ARUDD)
    assert isinstance(found, reports.Returns)
    assert (found.report, found.user, found.day) == ("ARUDD", "123456", DAY)
    first, second = found.items
    assert (first.reference, first.reason, first.amount, first.code) == ("MD-0001", "1", 6500, "17")
    assert (first.name, first.sort_code, first.number) == ("JENNY ROSÉN", "601613", "31926819")
    assert (second.reason, second.amount, REASONS["ARUDD"][second.reason].retry) == ("0", 105, "same")


@pytest.mark.parametrize("value", REPORTS)
def test_what_is_built_is_read_back(value: reports.Returns | reports.Advices) -> None:
    assert reports.read(reports.build(value)) == value


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b'valueOf="66.05"', b'valueOf="66.06"', "2 items of 6605 pence"),
        (b'numberOf="2"', b'numberOf="3"', "2 items"),
        (b'valueOf="1.05"', b'valueOf="1.5"', "two decimals"),
        (b'valueOf="1.05" currency="GBP"', b'valueOf="1.05" currency="EUR"', "of GBP"),
        (b'ref="MD-0001" transCode', b'ref="" transCode', "the attribute ref"),
        (b"2026-11-20", b"2026-11-31", "a date"),
        (b"</ARUDD>", b"</ARUDD><MessagingAdvices/>", "one report"),
        (b"ARUDD>", b"ARUXX>", "a report"),
        (b"<?xml version", b"<!DOCTYPE x><?xml version", "well-formed|document type"),
    ],
)
def test_what_is_wrong_is_refused(was: bytes, now: bytes, expected: str) -> None:
    assert was in ARUDD
    with pytest.raises(FileError, match=expected):
        reports.read(ARUDD.replace(was, now))


def test_a_reason_is_one_of_its_report() -> None:
    with pytest.raises(FileError, match="a reason of ARUCS"):
        reports.build(reports.Returns(report="ARUCS", user="123456", day=DAY, items=(returned("Z"),)))
    assert all(len(code) == 1 for table in REASONS.values() for code in table)
