"""Every operation that the SDK has of these families is routed."""

from __future__ import annotations

import re

import pytest

from contract import operations
from nostro.api.router import Router
from nostro.app import RESOURCES

FAMILIES = re.compile(r"/v1/(customers|files|file_links|ephemeral_keys|tax_ids|account|test_helpers/customers)(/|$)")


@pytest.mark.parametrize("operation", [found for found in operations() if FAMILIES.match(found[1])], ids=str)
def test_it_is_routed(operation: tuple[str, str]) -> None:
    method, path = operation
    assert Router(RESOURCES).find(method, path.replace("{id}", "x_1")) is not None
