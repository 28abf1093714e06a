"""Payment files that tests give to the simulated bank."""

from __future__ import annotations

from datetime import date, datetime

from nostro.networks import nacha

GOOD = "000123456789"


def entry(n: int, name: str = "Jenny Rosen", **fields: object) -> nacha.Entry:
    values = {"code": 22, "routing_number": "110000000", "account_number": GOOD, "amount": 1000, "name": name,
              "trace_number": f"09100001{n:07}"}  # fmt: skip
    return nacha.Entry(**(values | fields))  # type: ignore[arg-type]


def ach(*entries: nacha.Entry, day: date = date(2026, 11, 16), modifier: str = "A") -> bytes:
    batch = nacha.Batch(entry_class="PPD", company_name="Acme", company_id="1234567890", description="PAYOUT",
                        effective_date=day, odfi="09100001", number=1, entries=entries)  # fmt: skip
    return nacha.build(nacha.File(destination="091000019", origin="1234567890", created=datetime(2026, 11, 16, 9),
                                  batches=(batch,), modifier=modifier))  # fmt: skip
