"""Hold answers against what the official SDK declares of them: `problems(wire)` is empty if all is as declared.

The checker stands beside the checkout (or where NOSTRO_SDK_CONTRACT says). Without it, what can be asked is
whether the SDK takes the answer.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

BESIDE = Path(__file__).parents[2] / "shared" / "tools" / "sdk_contract.py"


def _checker() -> Any:
    file = Path(os.environ.get("NOSTRO_SDK_CONTRACT", BESIDE))
    if not file.exists():
        return None
    spec = importlib.util.spec_from_file_location("sdk_contract", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_CHECKER = _checker()


def problems(wire: Any, where: str = "") -> list[str]:
    """What differs from the SDK's declaration, a sentence each that begins with `where`."""
    if _CHECKER is not None:
        found: list[str] = _CHECKER.problems(wire, where)
        return found
    return [] if isinstance(wire, dict) and isinstance(wire.get("object"), str) else ["not an object of the API"]


def coverage(url: str, key: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(routed, missing) operations of the SDK at a running server, as (method, path)."""
    assert _CHECKER is not None, f"the contract checker is not at {BESIDE}"
    found: tuple[list[tuple[str, str]], list[tuple[str, str]]] = _CHECKER.coverage(url, key)
    return found


def operations() -> list[tuple[str, str]]:
    """Every (method, path) of the SDK; nothing without the checker."""
    return [] if _CHECKER is None else list(_CHECKER.operations())
