"""`nostro bank serve`: watches the folder into which payment files are put, and answers over HTTP too."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import typer

from nostro.kernel.clock import DAY, SECOND, SystemClock, elapsed

from .bank_folder import BankFolder, opened
from .bank_report import advance, chosen, listed, tell, tell_receipt, told, written
from .bank_words import later
from .trouble import Trouble

LARGEST_BODY = 1 << 28
POLL = 0.3


def run(bank: Path, outbox: Path, inbox: Path | None, day: int | None, host: str, port: int) -> None:
    """Until it is interrupted."""
    outbox.mkdir(parents=True, exist_ok=True)
    with _opened(bank) as folder:
        if inbox is not None:
            folder.kept.inbox = str(inbox.resolve())
        answers = folder.inbox
    try:
        server = HTTPServer((host, port), _endpoint(bank))
    except OSError as error:
        raise Trouble(f"Cannot listen on {host}:{port}: {error.strerror}.", "Take another port: --port 0") from None
    server.timeout = POLL
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    typer.echo(f"The bank takes files from {outbox}, answers into {answers}, and listens at "
               f"http://{host}:{server.server_port}")  # fmt: skip
    passed = elapsed()
    try:
        while True:
            server.handle_request()  # or nothing, after POLL
            _take_all(bank, outbox)
            if day is not None and (seconds := (elapsed() - passed) * DAY // (day * SECOND)):
                passed += seconds * day * SECOND // DAY
                with _opened(bank) as folder:
                    advance(folder, folder.bank.now + seconds, quiet=True)
                    tell(folder)
    except KeyboardInterrupt:
        typer.echo("The bank is closed.")
    finally:
        server.server_close()


def _opened(bank: Path) -> Any:
    return opened(bank, SystemClock().micros() // SECOND)


def _take_all(bank: Path, outbox: Path) -> None:
    files = sorted(_there(outbox))
    if not files:
        return
    with _opened(bank) as folder:
        for file in files:
            try:
                folder.receive(file, keep=False)
            except OSError as error:
                raise Trouble(f"{file} cannot be taken: {error.strerror}.", "May the bank read and move it?") from None
            tell_receipt(folder.receipts[-1])
            folder.save()
        tell(folder)


def _there(folder: Path) -> Iterator[Path]:
    """Here and in folders of this one. What begins with a dot is still being written."""
    for path in folder.iterdir():
        if not path.name.startswith("."):
            yield from _there(path) if path.is_dir() else (path,)


# HTTP ------------------------------------------------------------------------


def _endpoint(bank: Path) -> type[BaseHTTPRequestHandler]:
    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"/accounts": _accounts, "/statement": _statement})

        def do_POST(self) -> None:
            self._answer({"/files": _files, "/advance": _advance})

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self, routes: dict[str, Callable[[BankFolder, dict[str, str], bytes], bytes]]) -> None:
            at = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(at.query).items()}
            length = self.headers.get("Content-Length") or "0"
            size = int(length) if length.isdigit() else -1
            status, body = 404, _json({"error": {"message": f"There is no {self.command} {at.path} here."}})
            if at.path in routes and 0 <= size <= LARGEST_BODY:
                try:
                    with _opened(bank) as folder:
                        status, body = 200, routes[at.path](folder, asked, self.rfile.read(size))
                except Trouble as trouble:
                    status, body = 400, _json({"error": {"message": f"{trouble.what} {trouble.then}".strip()}})
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Endpoint


def _files(folder: BankFolder, asked: dict[str, str], body: bytes) -> bytes:
    folder.keep(body, asked.get("name", "file"))
    return _json(folder.receipts[-1])


def _advance(folder: BankFolder, asked: dict[str, str], body: bytes) -> bytes:
    advance(folder, later(folder.bank.now, asked.get("by", "1d")), quiet=True)
    return _json(told(folder))


def _accounts(folder: BankFolder, asked: dict[str, str], body: bytes) -> bytes:
    return _json({"object": "list", "now": folder.bank.now, "data": listed(folder)})


def _statement(folder: BankFolder, asked: dict[str, str], body: bytes) -> bytes:
    account = chosen(folder, asked.get("account"))
    number = asked.get("number") or str(account.statements)
    if not number.isdigit() or number == "0":
        raise Trouble("There is no such statement.", "They count from 1, and the first is there when a day was closed.")
    return written(asked.get("format", "csv"), [folder.statement(account, int(number))], folder.bank.now)


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
