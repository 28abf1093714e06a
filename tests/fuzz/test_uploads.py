"""Multipart bodies as browsers write them, and broken on purpose: an upload is read, or refused with a sentence."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import TRIED, Running, cases
from nostro.api.multipart import decode_multipart
from nostro.kernel.form import FormError

BOUNDARY = b"frontier"
PNG = b"\x89PNG\r\n\x1a\n"
content = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"",
            b"\r\n",
            b"--",
            b"--frontier",
            b"\r\n--frontie",
            b"\r\n--frontiers",
            PNG,
            b"\0",
            b"\xff\xfe",
            b"=41",
            b"QQ==",
        ]
    ),
)
# Content that a boundary cannot be mistaken in.
plain = content.filter(lambda data: b"\r\n--frontier" not in b"\r\n" + data)
filename = st.sampled_from([
    "a.png", "", "../../etc/passwd", "a\\b.png", "C:\\x.png", "é.png", "a;b.png", "a%22.png", "x" * 3000,
    "\u202egnp.exe", "%00", "a.png ", ".", "con", "=?utf-8?b?eA==?=",
])  # fmt: skip
HEADERS = [
    b'Content-Disposition: form-data; name="purpose"',
    b'Content-Disposition: form-data; name="file"; filename="a.png"',
    b"Content-Disposition: form-data",
    b"Content-Disposition: attachment",
    b"content-disposition:form-data;name=file;filename=x",
    b"Content-Disposition: form-data; name*=utf-8''file; filename*=utf-8''%ff%fe",
    b"Content-Transfer-Encoding: base64",
    b"Content-Disposition: form-data; name=\"file\"; filename*=utf-16''%ff",
    b"Content-Disposition: form-data; name*0=fi; name*1=le",
    b"Content-Disposition: form-data; name=\"file\"; filename*=nope''%41",
    b"Content-Transfer-Encoding: uuencode",
    b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Type: multipart/mixed; boundary=inner",
    b"Content-Type: message/rfc822",
    b"Content-Type: text/plain; charset=nope",
    b"Content-Type: application/octet-stream",
    b"X: " + b"y" * 9000,
    b"\xff: \xff",
    b": x",
    b'Content-Disposition: form-data; name="f\xffle"; filename="\xff\xfe"',
    b"no colon",
    b"",
    b" folded",
    b"Content-Length: 99999",
    b'Content-Disposition: form-data; name="file"; filename="\r\n folded.png"',
    b'Content-Disposition: form-data; name="a[b][]"',
    b'Content-Disposition: form-data; name=""',
    b'Content-Disposition: form-data; name="__proto__"',
    b"Content-Disposition: " * 300,
]


def part(data: bytes, *headers: bytes) -> bytes:
    return b"--" + BOUNDARY + b"\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + data + b"\r\n"


END = b"--" + BOUNDARY + b"--\r\n"
broken_part = st.builds(
    lambda data, headers: part(data, *headers), content, st.lists(st.sampled_from(HEADERS), max_size=3)
)
KINDS = [
    b"multipart/form-data; boundary=frontier",
    b'multipart/form-data; boundary="frontier"',
    b"multipart/form-data",
    b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=other",
    b"multipart/form-data; boundary=" + b"b" * 5000,
    b"multipart/form-data; boundary=frontier; boundary=other",
    b"multipart/form-data; boundary=\xff",
    b"multipart/form-data;",
    b"multipart/form-data; boundary*=utf-8''frontier",
    b"multipart/form-data; boundary=frontier\t",
    b"multipart/form-data; charset=utf-16; boundary=frontier",
]


def upload(data: bytes, name: str) -> bytes:
    said = b'Content-Disposition: form-data; name="file"; filename="%s"' % name.encode()
    purpose = part(b"pci_document", b'Content-Disposition: form-data; name="purpose"')
    return purpose + part(data, said, b"Content-Type: application/pdf") + END


def read(kind: bytes, body: bytes) -> dict[str, Any] | FormError:
    try:
        return decode_multipart(kind, body)
    except FormError as error:
        return error


@given(plain, filename, st.dictionaries(st.sampled_from(["purpose", "a[b]", "a[c]", "é"]), plain, max_size=4))
@cases(200)
def test_what_a_client_writes_is_read_byte_for_byte(data: bytes, name: str, fields: dict[str, bytes]) -> None:
    TRIED["uploads"] += 1
    parts = [part(value, f'Content-Disposition: form-data; name="{key}"'.encode()) for key, value in fields.items()]
    said = b'Content-Disposition: form-data; name="file"; filename="%s"' % name.encode()
    body = b"".join([*parts, part(data, said, b"Content-Type: image/png"), END])
    form = read(KINDS[0], body)
    if isinstance(form, FormError):
        assert any(not _is_text(value) for value in fields.values()), (body, form)
        return
    assert form["file"] == {"name": name, "content_type": "image/png", "content": data}, body


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


@given(st.lists(broken_part, max_size=4), st.sampled_from([END, b"", b"--frontier", b"--frontier\r\n"]),
       st.sampled_from(KINDS), st.integers(0, 400))  # fmt: skip
@cases(400)
def test_a_broken_upload_is_refused_or_read(parts: list[bytes], end: bytes, kind: bytes, cut: int) -> None:
    TRIED["uploads"] += 1
    whole = b"".join(parts) + end
    for body in (whole, whole[:cut], whole[cut:]):
        form = read(kind, body)
        assert isinstance(form, FormError) or all(_is_unicode(one) for one in _texts(form)), (body, form)


def _texts(form: Any) -> list[str]:
    if isinstance(form, dict):
        return [text for key, value in form.items() for text in [key, *_texts(value)]]
    if isinstance(form, list):
        return [text for value in form for text in _texts(value)]
    return [form] if isinstance(form, str) else []


def _is_unicode(text: str) -> bool:
    return "\0" not in text and text.encode(errors="ignore").decode() == text


@given(st.lists(broken_part, max_size=3), st.sampled_from(KINDS), filename, plain)
@cases(60)
def test_the_api_stores_an_upload_or_refuses_it(
    running: Running, parts: list[bytes], kind: bytes, name: str, data: bytes
) -> None:
    kept = 0
    for body in (b"".join(parts) + END, b"".join(parts) + upload(b"%PDF-" + data, name)):
        got = running.send("POST", "/v1/files", headers={"content-type": kind.decode("latin-1")}, body=body)
        assert got.status in (200, 400), (kind, body, got)
        kept += got.status == 200
    assert kept < 2, "the first body has no purpose"


LARGE = 15_000_000
WORST = {
    "one large file": lambda: upload(b"%PDF-" + b"x" * LARGE, "a.pdf"),
    "line feeds": lambda: upload(b"%PDF-" + b"\n" * LARGE, "a.pdf"),
    "carriage returns": lambda: upload(b"%PDF-" + b"\r" * LARGE, "a.pdf"),
    "almost boundaries": lambda: upload(b"%PDF-" + b"\r\n--frontie" * (LARGE // 11), "a.pdf"),
    "empty parts": lambda: (b"--frontier\r\n\r\n\r\n" * (LARGE // 18)) + END,
    "boundaries alone": lambda: b"--frontier\r\n" * (LARGE // 12),
    "header lines": lambda: b"--frontier\r\n" + b"a:\r\n" * (LARGE // 4) + b"\r\nx\r\n" + END,
    "one header": lambda: b"--frontier\r\nContent-Disposition: " + b"; a=b" * (LARGE // 5) + b"\r\n\r\nx\r\n" + END,
    "header without end": lambda: b"--frontier\r\n" + b"a" * LARGE,
    "no boundary at all": lambda: b"\r\n" * (LARGE // 2),
}


@pytest.mark.parametrize("worst", WORST)
def test_the_worst_upload_costs_little_time_and_memory(running: Running, worst: str) -> None:
    headers, body = {"content-type": KINDS[0].decode()}, WORST[worst]()
    started = time.process_time()
    got = running.send("POST", "/v1/files", headers=headers, body=body)
    took = time.process_time() - started
    assert got.status in (200, 400), got
    assert took < 2, f"{took:.1f} s"  # while it lasts nobody else is answered
    tracemalloc.start()
    read(KINDS[0], body)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 5 * LARGE, f"{most:,} bytes"
