"""Write the generated pages of the documentation under docs/reference/. `--check` only says whether they are true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nostro.api.reference import pages
from nostro.app import RESOURCES, RULES
from nostro.kernel.resource import Registry

HERE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main() -> int:
    check = "--check" in sys.argv
    wanted = {f"{name}.md": _linked(text) + "\n" for name, text in pages(Registry(RESOURCES), RULES).items()}
    present = {str(file.relative_to(HERE)) for file in HERE.rglob("*.md")} if HERE.exists() else set()
    stale = sorted(present - wanted.keys())
    changed = [name for name, text in wanted.items() if name not in present or (HERE / name).read_text() != text]
    if check:
        for name in (*changed, *stale):
            sys.stderr.write(f"docs/reference/{name} is not up to date: run `make docs`\n")
        return 1 if changed or stale else 0
    for name in stale:
        (HERE / name).unlink()
    for name in changed:
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_text(wanted[name])
    sys.stdout.write(f"{len(wanted)} pages, {len(changed)} written, {len(stale)} removed\n")
    return 0


def _linked(text: str) -> str:
    """Links between the pages, as links between files."""
    return re.sub(r"\]\(api/([\w.]+)\)", r"](api/\1.md)", text)


if __name__ == "__main__":
    sys.exit(main())
