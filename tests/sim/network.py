"""Faults of the card network. Its answers are a pure function of the attempt's reference, and the rail asks inside
the unit, so an answer cannot come late; it can be lost, and the question can be asked again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from .faults import Faults


class Silence(ConnectionError):
    """The network decided, and its answer never came."""


class Network:
    """`rails` wraps the product's; `silent` is the chance that an answer is lost."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self.random = random
        self.faults = faults
        self.silent = 0.0

    def rails(self, rails: dict[str, Any]) -> dict[str, Any]:
        return {
            type: msgspec.structs.replace(
                rail, authorize=self._over_the_wire(rail.authorize), verify=self._over_the_wire(rail.verify)
            )
            for type, rail in rails.items()
        }

    def _over_the_wire(self, ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def asked(attempt: Any) -> Any:
            report = ask(attempt)
            if self.silent and self.random.random() < 0.1:
                self.faults.note("network asked twice")
                assert _seen(ask(attempt)) == _seen(report), f"the network contradicts itself about {attempt.reference}"
            if self.silent and self.random.random() < self.silent:
                self.faults.note("network silent")
                raise Silence("the network does not answer")
            return report

        return asked


def _seen(report: Any) -> str:
    """A report without the identity of the error it may carry."""
    fields = {name: getattr(report, name) for name in report.__struct_fields__ if name != "error"}
    return repr((type(report).__name__, fields, str(getattr(report, "error", None))))
