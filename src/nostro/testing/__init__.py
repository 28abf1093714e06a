"""Test against a real Nostro inside your own test process.

With pytest the fixtures are there as soon as the package is installed:

    def test_a_payment(nostro):
        intent = nostro.client.v1.payment_intents.create({...})
        nostro.advance(days=3)

Every test gets a sandbox of its own. `nostro_server` is the server behind them, one for each pytest process.
Without pytest, `Server` does the same: `with Server() as server: server.sandbox()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .plugin import nostro, nostro_server
    from .receiver import Receiver
    from .sandbox import Sandbox
    from .server import Server

__all__ = ["Receiver", "Sandbox", "Server", "nostro", "nostro_server"]
_HOMES = {
    "Receiver": "receiver",
    "Sandbox": "sandbox",
    "Server": "server",
    "nostro": "plugin",
    "nostro_server": "plugin",
}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: pytest imports this package in every run, also in those that do not use it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
