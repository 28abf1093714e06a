"""A small client of the API for the commands that need a running server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .checkout import remembered
from .trouble import Trouble

DEFAULT_BASE = "http://127.0.0.1:12111"


class Refusal(Exception):
    """The server's error, as it said it."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(error.get("message", f"HTTP {status}"))
        self.status = status
        self.error = error
        self.code = error.get("decline_code") or error.get("code")


class Client:
    """`quiet` requests do not appear in the server's request log: they only look."""

    def __init__(self, api_base: str | None, api_key: str | None, quiet: bool = False) -> None:
        import httpx

        kept = remembered()
        self.base = (api_base or (kept and kept.api_base) or DEFAULT_BASE).rstrip("/")
        key = api_key or (kept and kept.secret_key)
        if not key:
            raise Trouble("I have no API key.", "Start `nostro dev` in this directory, or give one: --api-key sk_...")
        headers = {"authorization": f"Bearer {key}", "user-agent": "nostro-cli"}
        if quiet:
            headers["nostro-poll"] = "1"
        self._http = httpx.Client(base_url=self.base, headers=headers, timeout=120, trust_env=False)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._send("GET", path, params=dict(flat(params or {})))

    def post(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._send("POST", path, data=dict(flat(params or {})))

    def post_lines(
        self, path: str, lines: str, content_type: str, params: Mapping[str, Any] | None = None
    ) -> list[Any]:
        """A body of lines; the answer is one line of JSON for each."""
        import msgspec

        answer = self._ask(
            "POST", path, content=lines.encode(), headers={"content-type": content_type},
            params=dict(flat(params or {})), raw=True,
        )  # fmt: skip
        return [msgspec.json.decode(line) for line in answer.content.splitlines()]

    def upload(self, path: str, file: Path, params: Mapping[str, Any] | None = None) -> Any:
        """A file as multipart/form-data."""
        with file.open("rb") as content:
            return self._send("POST", path, data=dict(flat(params or {})), files={"file": (file.name, content)})

    def download(self, path: str) -> bytes:
        """An answer that is a file's bytes."""
        answer: bytes = self._ask("GET", path, raw=True).content
        return answer

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)

    def _send(self, method: str, path: str, **more: Any) -> Any:
        return self._ask(method, path, **more).json()

    def _ask(self, method: str, path: str, *, raw: bool = False, **more: Any) -> Any:
        """The answer, JSON unless it is a success and `raw`. Raises what is wrong with it."""
        import httpx

        try:
            answer = self._http.request(method, path, **more)
            wire = {} if raw and answer.is_success else answer.json()
        except httpx.HTTPError as error:
            raise Trouble(
                f"No answer from {self.base}: {error or type(error).__name__}.",
                "Is the server running? Start it with `nostro dev`, or say where it is: --api-base URL",
            ) from None
        except ValueError:
            raise Trouble(f"{self.base} is not a Nostro server.", "Say where it is: --api-base URL") from None
        if answer.status_code == 401:
            raise Trouble(str(wire["error"]["message"]), "Give the key that the server knows: --api-key sk_...")
        if answer.is_error:
            raise Refusal(answer.status_code, wire.get("error", {}))
        return answer


def flat(params: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The parameters with brackets: {"card": {"number": 1}} is card[number]=1."""
    if isinstance(params, Mapping):
        for key, value in params.items():
            yield from flat(value, f"{name}[{key}]" if name else str(key))
    elif isinstance(params, (list, tuple)):
        for n, value in enumerate(params):
            yield from flat(value, f"{name}[{n}]")
    elif isinstance(params, bool):
        yield name, "true" if params else "false"
    elif params is not None:
        yield name, str(params)
