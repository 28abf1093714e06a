"""Files of exchange rates: what is read, and what is refused, also if it was made to do harm."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.networks.file_error import FileError
from nostro.networks.rates import ECB, LARGEST, read

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"
    xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
  <gesmes:subject>Reference rates</gesmes:subject>
  <gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
"""
DAY = "<Cube time='2026-11-20'><Cube currency='USD' rate='1.0848'/><Cube currency='JPY' rate='164.31'/>{}</Cube>"


def daily(inner: str = DAY.format("")) -> bytes:
    return f"{HEAD}<Cube>{inner}</Cube></gesmes:Envelope>".encode()


def refused(content: bytes, base: str | None = None) -> str:
    with pytest.raises(FileError) as caught:
        read(content, base)
    return str(caught.value)


def test_the_daily_rates_of_the_european_central_bank() -> None:
    found = read(daily(DAY.format("<Cube currency='XDR' rate='0.8'/>")))
    assert (found.base, found.day, found.provider) == ("eur", date(2026, 11, 20), ECB)
    assert found.rates == {"usd": Decimal("1.0848"), "jpy": Decimal("164.31")}
    assert found.passed_over == ("XDR",)


def test_a_csv() -> None:
    content = b"\xef\xbb\xbfbase,Currency,rate,date\r\nUSD,eur,0.9214,2026-11-20\r\n\r\nusd,GBP,0.7893,2026-11-20\r\n"
    found = read(content)
    assert (found.base, found.day, found.provider) == ("usd", date(2026, 11, 20), "operator")
    assert found.rates == {"eur": Decimal("0.9214"), "gbp": Decimal("0.7893")}
    assert read(b"rate,currency\n1.1,usd\n1,eur\n", "eur").rates == {"usd": Decimal("1.1")}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a header with currency and rate"),
        (b"code,rate\neur,1\n", "line 1, position 1: expected a header"),
        (b"currency,rate\neur,0.9\n", "a column base"),
        (b"base,currency,rate\nusd,eur\n", "line 2, position 1: expected 3 columns"),
        (b"base,currency,rate\nusd,eur,0.9\neur,gbp,0.8\n", "line 3, position 1: expected the base usd"),
        (b"base,currency,rate\nusd,eur,0.9\nusd,EUR,0.8\n", "each currency once"),
        (b"base,currency,rate\nusd,eur,-1\n", "a decimal number above zero, not '-1'"),
        (b"base,currency,rate\nusd,eur,0\n", "a decimal number above zero"),
        (b"base,currency,rate\nusd,eur,1e9\n", "a decimal number above zero"),
        (b"base,currency,rate\nusd,xyz,1\n", "a currency of ISO 4217, not 'xyz'"),
        (b"base,currency,rate\nusd,usd,2\n", "a rate of 1 for the base usd"),
        (b"base,currency,rate,date\nusd,eur,1,20.11.2026\n", "a date, YYYY-MM-DD"),
        (b"base,currency,rate\nusd,eur," + b"9" * 2000, "a line of at most"),
    ],
)
def test_a_csv_that_is_wrong_says_where(content: bytes, said: str) -> None:
    assert said in refused(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (daily(""), "the reference rates of a day"),
        (daily("<Cube time='2026-11-20'/>"), "the reference rates of a day"),
        (daily(DAY.format("") + DAY.format("")), "the rates of one day"),
        (daily(DAY.format("<Cube currency='USD' rate='1'/>")), "each currency once"),
        (daily(DAY.format("<Cube currency='GBP' rate='x'/>")), "a decimal number above zero, not 'x'"),
        (daily(DAY.format("<Cube currency='GBP'/>")), "a decimal number above zero"),
        (daily("<Cube currency='USD' rate='1'/>"), "a day before its rates"),
        (daily("<Cube time='yesterday'/>"), "a date, YYYY-MM-DD"),
        (daily("<a><b><c><d/></c></b></a>"), "at most 5 deep"),
        (daily()[:-30], "well-formed XML"),
        (b"<rates/>", "the envelope of the European Central Bank"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "expected"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;&b;'>]><a>&d;</a>", "without a document type"),
        (b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "without a document type"),
        (b"<" + b"a" * LARGEST, "a file of at most"),
    ],
)
def test_an_xml_that_is_wrong_says_where(content: bytes, said: str) -> None:
    assert said in refused(content)


@given(content=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: daily(text)))
def test_anything_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(FileError):
        assert read(content, "usd").rates
