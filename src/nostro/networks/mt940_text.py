"""Field 86 of MT940: what a payment was for and who the other side is, in the ways that banks write it.

German banks number the parts (`?20`, DFÜ agreement, annex 3), others name them (`/EREF/`), and some write plain text.
"""

from __future__ import annotations

import re
from typing import Any, Final

NUMBERED: Final = re.compile(r"([0-9]{3})\?")
PARTS: Final = re.compile(r"\?([0-9]{2})")
NAMED: Final = re.compile(
    r"/(EREF|KREF|PREF|MARF|REMI|NAME|IBAN|ORDP|BENM|RTRN|CSID|TRTP|BIC|ADDR|ISDT|SVCL|ULTD|ULTB|PURP|TRCD)/"
)
# What stands in the purpose of a numbered text, each after its tag.
SEPA: Final = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC)\+")
PURPOSE: Final = (*range(20, 30), *range(60, 64))
RETURNED: Final = re.compile(r"(?: |^)R(?:ue|ü)ckgabegrund: ?([A-Z]{2}[A-Z0-9]{2})$")
NOT_PROVIDED: Final = "NOTPROVIDED"


def text_fields(text: str) -> dict[str, Any]:
    """The fields of a line that the text tells."""
    found = NUMBERED.match(text)
    if found is not None:
        fields = _numbered(found[1], text[found.end() - 1 :].replace("\n", ""))
    elif text.startswith("/") and NAMED.match(text):
        fields = _named(text.replace("\n", ""))
    else:
        fields = {"description": _unwrapped(text)}
    return {name: value for name, value in fields.items() if value}


def _unwrapped(text: str) -> str:
    """A line that is full was broken anywhere, a shorter one between words."""
    parts = []
    for line in text.split("\n"):
        parts.append(line if len(line) == 65 else f"{line} ")
    return "".join(parts).strip()


def _numbered(code: str, text: str) -> dict[str, Any]:
    pieces = PARTS.split(text)
    parts: dict[int, str] = {}
    for name, value in zip(pieces[1::2], pieces[2::2], strict=True):
        parts.setdefault(int(name), value)
    purpose = "".join(parts.get(name, "") for name in PURPOSE)
    fields: dict[str, Any] = {
        "own_code": code,
        "counterparty": (parts.get(32, "") + parts.get(33, "")).strip(),
        "counterparty_account": parts.get(31, "").strip(),
    }
    tags = SEPA.split(purpose) if SEPA.match(purpose) else ["", "SVWZ", purpose]
    told = dict(zip(tags[1::2], (each.strip() for each in tags[2::2]), strict=True))
    description = told.get("SVWZ", "")
    returned = RETURNED.search(description)
    if returned is not None:
        fields["return_reason"], description = returned[1], description[: returned.start()]
    reference = told.get("EREF", "")
    fields |= {"description": description, "end_to_end": "" if reference == NOT_PROVIDED else reference}
    fields |= {"instruction": told.get("KREF", ""), "mandate": told.get("MREF", "")}
    if not description:
        fields["description"] = parts.get(0, "").strip()
    return fields


def _named(text: str) -> dict[str, Any]:
    pieces = NAMED.split(text)
    told: dict[str, str] = {}
    for name, value in zip(pieces[1::2], pieces[2::2], strict=True):
        told.setdefault(name, value.strip())
    reference = told.get("EREF", "")
    remittance = told.get("REMI", "")
    for prefix in ("USTD//", "STRD/CUR/"):
        remittance = remittance.removeprefix(prefix)
    return {
        "end_to_end": "" if reference == NOT_PROVIDED else reference,
        "instruction": told.get("KREF", ""),
        "batch": told.get("PREF", ""),
        "mandate": told.get("MARF", ""),
        "description": remittance,
        "counterparty": told.get("NAME", ""),
        "counterparty_account": told.get("IBAN", ""),
        "return_reason": told.get("RTRN", "").partition("/")[0],
    }
