"""A sandbox as a test sees it: the SDK's client, its keys, its time, and a receiver for its webhooks."""

from __future__ import annotations

import json
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    import stripe

    from .receiver import Receiver

DAY = 86_400
PATIENCE = 120


class Unsettled(AssertionError):
    """Something was still under way when patience ended."""


class Sandbox:
    """`client` is a `stripe.StripeClient`; its methods that end in `_async` work too."""

    def __init__(self, api_base: str, key: str) -> None:
        self.api_base = api_base
        self.key = key
        self.publishable_key = key.replace("sk_", "pk_", 1)
        self._receivers: list[Receiver] = []

    @cached_property
    def client(self) -> stripe.StripeClient:
        """The official SDK, pointed here. It does not retry, so that a test sees every error."""
        return self.client_of(self.key)

    def client_of(self, key: str, **options: Any) -> stripe.StripeClient:
        """A client with another key, such as the publishable one, or with other options of `StripeClient`."""
        try:
            import stripe
        except ImportError:
            raise ImportError("Nostro's `client` is the official SDK: install it with `pip install stripe`.") from None
        bases: Any = dict.fromkeys(("api", "files", "connect", "meter_events"), self.api_base)
        return stripe.StripeClient(key, **{"base_addresses": bases, "max_network_retries": 0, **options})

    @property
    def now(self) -> int:
        """The sandbox's time, in seconds since 1970."""
        return int(self.request("GET", "/v1/test_helpers/sandbox")["now"])

    def advance(self, seconds: int = 0, *, days: int = 0) -> int:
        """Move time ahead. What comes due on the way happens at its own moment, webhooks included; answers `now`."""
        answer = self.request("POST", "/v1/test_helpers/sandbox/advance", {"seconds": seconds + days * DAY})
        return self._settled(answer)

    def settle(self) -> int:
        """Return when no job is due and every webhook has been sent; answers `now`."""
        return self._settled(self.request("POST", "/v1/test_helpers/sandbox/settle"))

    def webhooks(self, *events: str, url_path: str = "/webhook", connect: bool = False) -> Receiver:
        """A receiver in this process, and an endpoint for these event types (all of them if none is given).

        With `connect` it hears what happens in connected accounts.
        """
        from .receiver import Receiver

        receiver = Receiver(self, events or ("*",), url_path, connect)
        self._receivers.append(receiver)
        return receiver

    def request(self, method: str, path: str, params: dict[str, Any] | None = None) -> Any:
        """One request without the SDK: for what is beyond Stripe's API. Raises `AssertionError` on an error."""
        data = urlencode(params or {}, doseq=True).encode() if method == "POST" else None
        request = Request(self.api_base + path, data, {"authorization": f"Bearer {self.key}"}, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def close(self) -> None:
        for receiver in self._receivers:
            receiver.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _settled(self, answer: dict[str, Any]) -> int:
        if not answer["settled"]:
            raise Unsettled("Jobs or webhooks were still under way after a minute. Does a receiver hang?")
        return int(answer["now"])
