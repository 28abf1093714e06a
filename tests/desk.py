"""The treasury's desk, over the wire: what is paid through the platform's own bank, what that bank sends back, and its
statements, which are imported, matched, looked at and closed. `treasury_desk` is the same in this process.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
import stripe

from checked import check, check_document
from nostro.balances.calendar import next_cut_off
from nostro.payouts.bank_file import BUILD_AFTER
from nostro.testing.sandbox import Sandbox
from till import Till

COLUMNS = {"date": "date", "amount": "amount", "end_to_end": "reference", "description": ["text"]}
MAPPING = {"currency": "usd", "account": "US-1", "columns": COLUMNS}
ROOT = "/v1/reconciliation"
Row = tuple[str, str, str, str]


class Desk:
    """`client` is the checked SDK in the sandbox `nostro`."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient) -> None:
        self.nostro = nostro
        self.client = client
        self.till = Till(nostro, client)

    def post(self, path: str, **form: Any) -> Any:
        return self.client.raw_request("post", f"/v1/{path}", **form).data

    def get(self, path: str, **form: Any) -> Any:
        return self.client.raw_request("get", f"/v1/{path}", **form).data

    # Payouts -----------------------------------------------------------------

    def bank(self, number: str, **more: Any) -> Any:
        """An external account, in the US unless it is said where."""
        me = self.client.v1.accounts.retrieve_current()
        form: Any = {"object": "bank_account", "account_number": number, "country": "US",
                     "routing_number": "021000021", **more}  # fmt: skip
        form = {name: value for name, value in form.items() if value is not None}
        return self.client.v1.accounts.external_accounts.create(me.id, {"external_account": form})

    def pay_out(self, amount: int = 4000, currency: str = "usd", **more: Any) -> Any:
        form: Any = {"amount": amount, "currency": currency, **more}
        return self.client.v1.payouts.create(form)

    def payout(self, payout: Any) -> Any:
        return self.client.v1.payouts.retrieve(payout.id)

    def contents(self, file: Any) -> bytes:
        url = f"{self.nostro.api_base}/v1/bank_files/{file['id']}/contents"
        answer = httpx.get(url, auth=(self.nostro.key, ""), trust_env=False)
        assert answer.status_code == 200
        return answer.content

    def file(self, currency: str = "usd") -> Any:
        """The file of the next cut-off."""
        now = self.nostro.now
        self.nostro.advance(next_cut_off(currency, now)[0] + BUILD_AFTER - now)
        return self.get("bank_files", limit=1)["data"][0]

    def sent(self, currency: str = "usd") -> Any:
        answer = self.post(f"bank_files/{self.file(currency)['id']}/send")
        self.nostro.settle()
        return answer

    def answer(self, content: bytes) -> Any:
        made = self.post("bank_answers", content=content.decode())
        self.nostro.settle()
        return made

    # Statements --------------------------------------------------------------

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
