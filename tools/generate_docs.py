"""Write the generated pages of the documentation under docs/reference/. `--check` only says whether they are true."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nostro.api.reference import pages
from nostro.app import RESOURCES, RULES
from nostro.kernel.configuration import accepts, available
from nostro.kernel.resource import Registry

HERE = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main() -> int:
    check = "--check" in sys.argv
    wanted = {f"{name}.md": _linked(text) + "\n" for name, text in pages(Registry(RESOURCES), RULES).items()}
    wanted["settings.md"] = settings_page()
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


def settings_page() -> str:
    out = [
        "# Settings", "",
        "Each is a variable of the environment and, under its name, a line of `nostro.toml` (`fees.rate` stands in the",
        "table `[fees]`). How they are put together: [configuration](../operations/configuration.md).", "",
        "| setting | variable | default | meaning |", "|---|---|---|---|",
    ]  # fmt: skip
    for one in available():
        default = ("on" if one.default else "off") if isinstance(one.default, bool) else one.default
        shown = "" if default in (None, "") else f"`{default}`"
        accepted = accepts(one).removeprefix("it ").removeprefix("must be ").removeprefix("can be ")
        limits = "" if accepted.startswith("like") else f" ({accepted})"
        out.append(f"| `{one.name}` | `{one.variable}` | {shown} | {one.doc}{limits} |")
    return "\n".join(out) + "\n"


def _linked(text: str) -> str:
    """Links between the pages, as links between files."""
    return re.sub(r"\]\(api/([\w.]+)\)", r"](api/\1.md)", text)


if __name__ == "__main__":
    sys.exit(main())
