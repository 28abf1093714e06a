"""The API called inside this process: no sockets, so that a story can be played on a clock of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from nostro.api.server import Api
from nostro.cli.fixtures import Step
from nostro.kernel.form import encode

_FIELD = re.compile(r"\{([\w.]+)\}")


class Inside:
    """`await inside(method, path, form)` answers the status and the decoded body."""

    def __init__(self, api: Api, secret: str) -> None:
        self.api = api
        self.secret = secret

    async def __call__(self, method: str, path: str, form: Any = None) -> tuple[int, Any]:
        text = encode(form or {}).encode()
        scope = {
            "type": "http", "method": method, "path": path, "query_string": text if method == "GET" else b"",
            "headers": [(b"authorization", b"Bearer " + self.secret.encode())],
        }  # fmt: skip
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"" if method == "GET" else text}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.api(scope, receive, send)
        return sent[0]["status"], msgspec.json.decode(sent[1]["body"])

    async def play(self, steps: Sequence[Step]) -> None:
        """The steps in order, each filled in from what those before it answered. Raises on a refusal."""
        made: dict[str, Any] = {}
        for step in steps:
            path, params = _filled(step.path, made), _filled(step.params, made)
            status, answer = await self(step.method, path, params)
            if status != 200 and not (step.declined and status == 402):
                raise RuntimeError(f"{step.method} {path} was refused: {answer}")
            made[step.name] = answer.get("error", answer)


def _filled(value: Any, made: dict[str, Any]) -> Any:
    if isinstance(value, str):
        return _FIELD.sub(lambda found: str(_field(made, found[1])), value)
    if isinstance(value, list):
        return [_filled(one, made) for one in value]
    return {name: _filled(one, made) for name, one in value.items()} if isinstance(value, dict) else value


def _field(made: Any, path: str) -> Any:
    for step in path.split("."):
        made = made[int(step)] if isinstance(made, list) else made[step]
    return made
