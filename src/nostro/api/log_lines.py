"""What the server says on stderr: a line an event, for people or as JSON for programs. No bodies, no secrets.

Everything goes through Python's `logging`, our own loggers and uvicorn's alike, to the one place that is set up here.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec

from nostro.controls.api_key import Caller
from nostro.kernel.clock import utc_text
from nostro.kernel.http import Incoming, Reply
from nostro.kernel.redaction import redacted

REQUESTS = logging.getLogger("nostro.requests")
_encode = msgspec.json.Encoder().encode


def set_up(mode: str) -> None:
    """`text` is warnings and errors, `requests` a line for each request too, and `json` the same as JSON."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines() if mode == "json" else TextLines())
    logging.basicConfig(handlers=[out], level=logging.WARNING, force=True)
    for name in ("uvicorn", "uvicorn.error"):  # whatever it was set up with before
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    REQUESTS.setLevel(logging.WARNING if mode == "text" else logging.INFO)


def say(incoming: Incoming, reply: Reply, caller: Caller | None, request: str, micros: int) -> None:
    """One line for a request that was answered."""
    if not REQUESTS.isEnabledFor(logging.INFO):
        return
    fields: dict[str, Any] = {
        "request": request, "method": incoming.method, "route": incoming.route or None, "status": reply.status,
        "ms": micros / 1000, "merchant": caller.scope.merchant if caller else None,
        "livemode": caller.scope.livemode if caller else None, "key": caller.hint if caller else None,
        "error": reply.code,
    }  # fmt: skip
    record = logging.LogRecord(REQUESTS.name, logging.INFO, "", 0, "answered", None, None)  # from where is no news
    record.fields = fields
    REQUESTS.handle(record)


class JsonLines(logging.Formatter):
    """`worker` is the number of the process."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{utc_text(int(record.created)).replace(' ', 'T')}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
            "worker": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        return _encode(line).decode()


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        if fields and record.name == REQUESTS.name:
            said = "{method} {route} {status} {ms:.1f} ms {request}".format_map(fields)
            said += "".join(f" {fields[name]}" for name in ("merchant", "key", "error") if fields[name])
        else:
            said = f"{record.levelname} {record.name}: {redacted(record.getMessage())}"
        if record.exc_info:
            said += "\n" + redacted(self.formatException(record.exc_info))
        return f"{utc_text(int(record.created))} {said}"
