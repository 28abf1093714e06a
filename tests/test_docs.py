"""The documentation says what is so: generated pages are current, codes are explained, links lead somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nostro.app import RESOURCES
from nostro.kernel.codes import CODES

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "nostro").rglob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CONSTRUCTORS = {"ApiError", "invalid", "card_error", "missing", "no_such", "unknown_param"}


def test_the_generated_reference_is_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def codes_in(tree: ast.AST) -> set[str]:
    """The literal codes that calls of the error constructors give."""
    found = set()
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in CONSTRUCTORS):
            continue
        given = [word.value for word in call.keywords if word.arg == "code"]
        position = {"invalid": 2, "card_error": 1}.get(call.func.id)
        if position is not None and len(call.args) > position:
            given.append(call.args[position])
        for value in given:
            found |= {leaf.value for leaf in ast.walk(value) if isinstance(leaf, ast.Constant) and leaf.value}
    return {code for code in found if isinstance(code, str) and re.fullmatch(r"[a-z][a-z0-9_]+", code)}


def test_codes_are_found_in_source() -> None:
    tree = ast.parse('raise invalid("m", "p", "one" if x else "two")\nraise ApiError("m", code="three")')
    assert codes_in(tree) == {"one", "two", "three"}


def test_every_error_code_is_explained() -> None:
    used = {code for file in SOURCES for code in codes_in(ast.parse(file.read_text()))}
    used |= {code for resource in RESOURCES for code in resource.errors}
    assert sorted(used - CODES.keys()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
