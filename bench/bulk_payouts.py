"""`python -m bench.bulk_payouts 10000 100000`: lines of a bulk payout a second, from a file to files for the bank.

`nostro payouts bulk` against a server of its own, every commit synced; the same file again; the cut-off, with all
files built; sent; settled; the books verified at the end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx

from nostro.kernel.clock import elapsed
from nostro.networks.nacha import check_digit
from nostro.testing.server import Server

KEY, DAY, MOST = "sk_test_bench", 86_400, 99_999_999
COLUMNS = "reference,amount,currency,account_holder_name,routing_number,account_number,statement_descriptor\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("lines", type=int, nargs="+")
    options.add_argument("--database", help="postgresql://...; SQLite in a temporary folder otherwise")
    asked = options.parse_args()
    for lines in asked.lines:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "payouts.csv"
            total = write(file, lines)
            settings = {"database": asked.database} if asked.database else {}
            with Server(durable=True, **settings) as server:
                run(server, file, lines, total)


def write(file: Path, lines: int) -> int:
    """Answers the sum of the amounts."""
    random, total = Random(1), 0
    banks = [f"{random.randrange(1, 12):02d}{random.randrange(10**6):06d}" for _ in range(500)]
    routing = [f"{bank}{check_digit(bank)}" for bank in banks]
    with file.open("w") as out:
        out.write(COLUMNS)
        for n in range(lines):
            amount = random.randrange(100, 99_999)
            total += amount
            account = random.randrange(10**9, 10**10)
            out.write(f"inv-{n:07d},{amount},usd,Holder {n},{routing[n % 500]},{account},NOVEMBER\n")
    return total


def run(server: Server, file: Path, lines: int, total: int) -> None:
    client = httpx.Client(base_url=server.api_base, auth=(KEY, ""), timeout=1800, trust_env=False)

    def post(path: str, **form: Any) -> Any:
        answer = client.post(path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    for _ in range(total // (MOST * 9 // 10) + 1):
        post("/v1/charges", amount=MOST, currency="usd", source="tok_bypassPending")
    ids = {"nacha[company_id]": "1234567890", "nacha[company_name]": "BENCH", "nacha[routing_number]": "110000000"}
    post("/v1/originating_accounts", format="nacha", approval="none", **ids)
    environment = {**os.environ, "NOSTRO_API_BASE": server.api_base, "NOSTRO_API_KEY": KEY}
    command = [sys.executable, "-m", "nostro", "payouts", "bulk", str(file)]
    measured("taken", lines, lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL))
    measured("sent again", lines, lambda: subprocess.run(command, env=environment, check=True,
                                                         stdout=subprocess.DEVNULL))  # fmt: skip
    measured("built", lines, lambda: post("/v1/test_helpers/sandbox/advance", seconds=4 * DAY))
    files = client.get("/v1/bank_files", params={"limit": 100}).json()["data"]
    assert sum(one["payments"] for one in files) == lines, "not every line is in a file"

    def send() -> None:
        for one in files:
            post(f"/v1/bank_files/{one['id']}/send")

    measured("handed over", lines, send)
    measured("settled", lines, lambda: post("/v1/test_helpers/sandbox/advance", seconds=8 * DAY))
    [bulk] = client.get("/v1/bulk_payouts").json()["data"]
    assert (bulk["status"], bulk["settled_amount"]) == ("completed", total), bulk
    assert server.verify() == [], "the books are wrong"


def measured(what: str, lines: int, step: Callable[[], object]) -> None:
    started = elapsed()
    step()
    seconds = (elapsed() - started) / 1_000_000
    print(f"{lines:>9,} {what:<12} {seconds:8.1f} s {lines / seconds:10,.0f}/s", flush=True)


if __name__ == "__main__":
    main()
