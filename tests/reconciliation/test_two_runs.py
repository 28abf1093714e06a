"""Two runs over one account at the same time: a line is matched once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from treasury_desk import Desk, opened

ROOT = "/v1/reconciliation"
EDGE = "edge"
FIRST = 1_767_225_600  # 2026-01-01
CSV = "date,amount,text\n" + "".join(f"2026-01-{day:02d},{day}.10,CASH {day}\n" for day in range(1, 13))
MAPPING = {"mapping[currency]": "usd", "mapping[columns][date]": "date", "mapping[columns][amount]": "amount",
           "mapping[columns][description][0]": "text"}  # fmt: skip


def upload() -> str:
    fields = {"format": "csv", "account": "app:bank", **MAPPING}
    parts = [f'--{EDGE}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
             for name, value in fields.items()]  # fmt: skip
    head = f'--{EDGE}\r\ncontent-disposition: form-data; name="file"; filename="bank.csv"\r\n\r\n'
    return f"{''.join(parts)}{head}{CSV}\r\n--{EDGE}--\r\n"


async def booked(desk: Desk) -> str:
    """Entries and lines that only their amounts tell apart; the account's id."""
    for code, side in (("app:bank", "debit"), ("app:sales", "credit")):
        await desk.post("ledger/accounts", code=code, currency="usd", normal_balance=side)
    for day in range(1, 13):
        postings = [{"account": code, "direction": side, "amount": day * 100 + 10}
                    for code, side in (("app:bank", "debit"), ("app:sales", "credit"))]  # fmt: skip
        at = FIRST + (day - 1) * 86_400
        await desk.post("ledger/entries", currency="usd", postings=postings, effective_at=at)
    kind = f"multipart/form-data; boundary={EDGE}"
    answer = await desk.client("POST", f"{ROOT}/statements", lines=upload(), kind=kind)
    assert answer.status == 200, answer.body
    return str(answer.json["data"][0]["account"])


def test_a_line_is_matched_once(tmp_path: Path) -> None:
    async def main() -> None:
        desk = await opened(f"sqlite:///{tmp_path / 'books.db'}")
        account = await booked(desk)
        path = f"{ROOT}/accounts/{account}/match"
        answers = await asyncio.gather(*(desk.client("POST", path) for _ in range(3)))
        assert {answer.status for answer in answers} <= {200, 409}, [answer.body for answer in answers]
        assert any(answer.status == 200 for answer in answers), "of several one gets its way"
        again = await desk.client("POST", path)
        assert (again.status, again.json["matches"], again.json["breaks"]) == (200, {}, {})
        matches = await desk.client.all(f"{ROOT}/matches", account=account)
        lines = Counter(line for match in matches for line in match["lines"])
        entries = Counter(entry for match in matches for entry in match["entries"])
        assert set(lines.values()) == set(entries.values()) == {1}, "a line or an entry is in two matches"
        assert len(lines) == 12
        await desk.close()

    asyncio.run(main())
