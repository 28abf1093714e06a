"""Status reports: what is built follows the published schemas and is read back, and what is wrong is refused."""

from datetime import datetime
from typing import Any

import pytest

from iso20022_schema import follows_schema
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import pain002
from nostro.networks.iso20022.reasons import REASONS


def report(*payments: pain002.Payment, **fields: Any) -> pain002.Report:
    values = {"id": "R-1", "created": datetime(2026, 11, 23, 10, 0), "message": "M-1", "kind": "pain.001.001.09"}
    return pain002.Report(**(values | fields), payments=payments)


def single(n: int, status: str, *codes: str, **fields: Any) -> pain002.Single:
    reasons = tuple(pain002.Reason(code=code, text="why") for code in codes)
    return pain002.Single(end_to_end=f"PO-{n}", status=status, reasons=reasons, **fields)


REPORTS = [
    report(status="ACTC"),
    report(status="RJCT", reasons=(pain002.Reason(code="FF01"), pain002.Reason(code="AM10", text="sum is 7"))),
    report(
        pain002.Payment(id="B-1", status="PART", singles=(
            single(1, "RJCT", "AC04", instruction="I-1", amount=1050, currency="eur", reference="BANK-1"),
            single(2, "ACSC", accepted=datetime(2026, 11, 23, 9, 59, 30)))),
        pain002.Payment(id="B-2", status="RJCT", reasons=(pain002.Reason(code="OWN-CODE-7"),)),
        status="PART",
    ),
]  # fmt: skip


@pytest.mark.parametrize("value", REPORTS)
@pytest.mark.parametrize("version", ["03", "10"])
def test_what_is_built_is_read_back(value: pain002.Report, version: pain002.Version) -> None:
    built = pain002.build(value, version=version)
    assert pain002.read(built) == value == pain002.read(follows_schema(built))


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b"<TxSts>RJCT", b"<TxSts>NOPE", "a status, one of ACCC"),
        (b"PO-2", b"PO-1", "in the file once"),
        (b"B-2", b"B-1", "in the file once"),
        (b"<OrgnlMsgId>M-1</OrgnlMsgId>", b"", "expected OrgnlMsgId"),
    ],
)
def test_a_wrong_field_is_refused(was: bytes, now: bytes, expected: str) -> None:
    built = pain002.build(REPORTS[2])
    assert was in built
    with pytest.raises(FileError, match=expected):
        pain002.read(built.replace(was, now))


def test_a_reason_says_what_may_be_sent_next() -> None:
    assert REASONS["AM04"].retry == "same" and REASONS["AC04"].retry == "account"
    assert REASONS["FF01"].retry == "corrected" and REASONS["FRAD"].retry == "never"
    assert all(len(code) == 4 and code.isupper() for code in REASONS)
