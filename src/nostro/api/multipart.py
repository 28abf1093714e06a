"""multipart/form-data (RFC 7578), for file uploads: read in one pass over the body, without copies of its files.

The standard library's MIME parser is for mail: it takes seconds for some bodies of the largest size, decodes transfer
encodings, and mends what is cut off. Here a body that does not end with its closing boundary is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from msgspec import Struct

from nostro.kernel.form import FormError, decode

MOST_PARTS = 50
LONGEST_HEAD = 8_192  # of one part
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))(?=\s*(?:;|$))', re.IGNORECASE)
_DELIMITED = re.compile(rb"--|[ \t]*\r\n")
_FIELD = re.compile(r';\s*([a-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Part(Struct, frozen=True):
    name: str
    filename: str | None
    content_type: str
    content: bytes


def decode_multipart(content_type: bytes, body: bytes) -> dict[str, Any]:
    """The plain fields as a decoded form; a file as `{"name": ..., "content_type": ..., "content": bytes}`.

    Raises `FormError` for a body that is not multipart.
    """
    fields: list[tuple[str, str]] = []
    files: dict[str, Any] = {}
    for part in _parts(body, _boundary(content_type)):
        if len(fields) + len(files) == MOST_PARTS:
            raise FormError(f"A multipart body can have up to {MOST_PARTS} parts.")
        if part.filename is not None:
            files[part.name] = {"name": part.filename, "content_type": part.content_type, "content": part.content}
            continue
        try:
            fields.append((part.name, part.content.decode()))
        except UnicodeDecodeError:
            raise FormError("The multipart body is not valid UTF-8.", part.name) from None
    return {**decode(urlencode(fields).encode()), **files}


def _boundary(content_type: bytes) -> bytes:
    found = _BOUNDARY.search(content_type.decode("latin-1"))
    if found is None:
        raise FormError("The Content-Type of the multipart body names no boundary.")
    return (found[1] or found[2]).encode("latin-1")


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Raises `FormError` if the closing boundary is missing."""
    mark = b"--" + boundary
    place = 0 if body.startswith(mark) else body.find(b"\r\n" + mark)
    start = -1
    while place >= 0:
        behind = place + len(mark) + (0 if body.startswith(mark, place) else 2)
        delimiter = _DELIMITED.match(body, behind)
        if delimiter:
            if start >= 0:
                yield _part(body, start, place)
            if delimiter[0] == b"--":
                return
            start = delimiter.end()
            behind = start - 2  # the line's end may already begin the next delimiter
        place = body.find(b"\r\n" + mark, behind)
    raise FormError("The multipart body is malformed: its closing boundary is missing.")


def _part(body: bytes, start: int, end: int) -> Part:
    blank = body.find(b"\r\n\r\n", start, min(end, start + LONGEST_HEAD))
    if blank < 0:
        raise FormError("A part of the multipart body has no name.")
    headers = _headers(body[start:blank])
    fields = dict(_fields(headers.get("content-disposition", "")))
    name = fields.get("name")
    if not name:
        raise FormError("A part of the multipart body has no name.")
    if headers.get("content-transfer-encoding", "binary").lower() not in ("7bit", "8bit", "binary"):
        raise FormError("Send files as they are, without a Content-Transfer-Encoding.", name[:200])
    kind = headers.get("content-type", "text/plain").partition(";")[0].strip()
    return Part(name, fields.get("filename*", fields.get("filename")), kind, body[blank + 4 : end])


def _headers(head: bytes) -> dict[str, str]:
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        raise FormError("The headers of the multipart body are not valid UTF-8.") from None
    if any(_CONTROL.search(line) for line in lines):
        raise FormError("The headers of the multipart body hold a control character.")
    named = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in named}


def _fields(disposition: str) -> Iterator[tuple[str, str]]:
    """`name` and `filename` of a Content-Disposition; `filename*` is percent-encoded UTF-8 (RFC 5987)."""
    for found in _FIELD.finditer(disposition):
        name, text = found[1].lower(), found[3] if found[2] is None else found[2].replace('\\"', '"')
        if name == "filename*":
            try:
                text = unquote_to_bytes(text.rpartition("'")[2]).decode()
            except UnicodeDecodeError:
                raise FormError("The file's name is not valid UTF-8.") from None
            if _CONTROL.search(text):
                raise FormError("The file's name holds a control character.")
        yield name, text
