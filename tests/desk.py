"""The desk where a bank's statements come in: they are imported, matched, looked at and closed, as a user would."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
import stripe

from checked import check, check_document
from nostro.testing.sandbox import Sandbox

COLUMNS = {"date": "date", "amount": "amount", "end_to_end": "reference", "description": ["text"]}
MAPPING = {"currency": "usd", "account": "US-1", "columns": COLUMNS}
ROOT = "/v1/reconciliation"
Row = tuple[str, str, str, str]


class Desk:
    """`client` is the checked SDK in the sandbox `nostro`."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient) -> None:
        self.nostro = nostro
        self.client = client

    def csv(self, rows: Iterable[Row]) -> str:
        """Date, amount in major units, reference and text, a line each."""
        return "date,amount,reference,text\n" + "".join(",".join(row) + "\n" for row in rows)

    def send(self, content: str | bytes, format: str = "csv", mapping: Any = None, **more: Any) -> tuple[int, Any]:
        """Status and answer of an import."""
        form = dict(flat({"format": format, **({"mapping": mapping or MAPPING} if format == "csv" else {}), **more}))
        url = f"{self.nostro.api_base}{ROOT}/statements"
        data = content.encode() if isinstance(content, str) else content
        answer = httpx.post(
            url, data=form, files={"file": ("statement", data)}, timeout=60,
            headers={"authorization": f"Bearer {self.nostro.key}"},
        )  # fmt: skip
        check(answer.content, answer.status_code, answer.headers)
        check_document("POST", url, answer.status_code, answer.content)
        return answer.status_code, answer.json()

    def take(self, rows: Iterable[Row], opening: str = "", **more: Any) -> Any:
        """The statement of a CSV that is imported."""
        mapping = {**MAPPING, **({"opening_balance": opening} if opening else {})}
        status, wire = self.send(self.csv(rows), mapping=mapping, **more)
        assert status == 200, wire
        return wire["data"][0]

    def ask(self, method: str, path: str, **params: Any) -> Any:
        return self.client.raw_request(method, ROOT + path, **params).data

    def account(self) -> Any:
        return self.ask("get", "/accounts")["data"][0]

    def match(self, account: str = "bank:cash") -> Any:
        return self.ask("post", f"/accounts/{account}/match")

    def breaks(self, **filters: Any) -> list[Any]:
        found: list[Any] = self.ask("get", "/breaks", limit=100, **filters)["data"]
        return found

    def lines(self, **filters: Any) -> list[Any]:
        found: list[Any] = self.ask("get", "/lines", limit=100, account=self.account()["id"], **filters)["data"]
        return found

    def matches(self, **filters: Any) -> list[Any]:
        found: list[Any] = self.ask("get", "/matches", limit=100, account=self.account()["id"], **filters)["data"]
        return found

    def draw_up(self, day: str) -> Any:
        return self.ask("post", "/days", account=self.account()["id"], date=day)

    def close(self, day: str) -> Any:
        return self.ask("post", f"/days/{self.draw_up(day)['id']}/close", by="ada")

    def today(self) -> str:
        return datetime.fromtimestamp(self.nostro.now, UTC).date().isoformat()


def flat(params: Any, name: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(params, dict):
        for key, value in params.items():
            yield from flat(value, f"{name}[{key}]" if name else str(key))
    elif isinstance(params, list):
        for n, value in enumerate(params):
            yield from flat(value, f"{name}[{n}]")
    else:
        yield name, str(params)
