"""What fuzzing has found once, said plainly: each of these was a 500, a hang, or a silent loss."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from time import process_time

import pytest

from application import opened
from asgi import Client
from nostro.api.multipart import decode_multipart
from nostro.api.server import Api
from nostro.kernel.form import FormError


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    world = await opened(f"sqlite:///{tmp_path}/nostro.db")
    yield Client(Api(world))
    await world.engine.close()


async def test_a_client_secret_of_other_letters_is_a_wrong_one(client: Client) -> None:
    made = (await client("POST", "/v1/payment_intents", {"amount": 2000, "currency": "usd"})).json
    answer = await client("GET", f"/v1/payment_intents/{made['id']}", {"client_secret": "é"})
    assert (answer.status, answer.json["error"]["code"]) == (400, "client_secret_invalid")


@pytest.mark.parametrize("line", ['{"reference": "a\\u0000b"}', '{"metadata": {"\\u0000": "b"}}', '{"kind": "\0"}'])
async def test_a_nul_byte_does_not_come_in_by_bulk(client: Client, line: str) -> None:
    answer = await client("POST", "/v1/ledger/entries/bulk", lines=line)
    assert b"Invalid NUL byte" in answer.body


async def test_a_nul_byte_does_not_come_in_by_the_path(client: Client) -> None:
    assert (await client("GET", "/v1/customers/cus_\0")).status == 400


@pytest.mark.parametrize("head", ["debit,credit,amount,amount", "debit,credit,amount,metadata.a,metadata.a"])
async def test_a_column_that_is_named_twice_is_refused(client: Client, head: str) -> None:
    """Its first value was lost."""
    answer = await client("POST", "/v1/ledger/entries/bulk", lines=f"{head}\n", kind="text/csv")
    assert "twice" in answer.json["error"]["message"]


async def test_too_many_lines_are_refused_before_they_are_read(client: Client) -> None:
    before = process_time()
    answer = await client("POST", "/v1/ledger/entries/bulk", lines="{}\n" * 3_000_000)
    assert (answer.status, process_time() - before < 2) == (400, True)


KIND = b"multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nlogo'


def test_an_upload_that_is_cut_off_is_not_taken_for_a_short_one() -> None:
    assert decode_multipart(KIND, FIELD + b"\r\n--x--") == {"purpose": "logo"}
    for cut in (FIELD, FIELD + b"\r\n--x", FIELD + b"\r\n--"):
        with pytest.raises(FormError, match="closing boundary"):
            decode_multipart(KIND, cut)


def test_a_transfer_encoding_is_refused_rather_than_undone() -> None:
    encoded = FIELD.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n") + b"\r\n--x--"
    with pytest.raises(FormError, match="Content-Transfer-Encoding"):
        decode_multipart(KIND, encoded)


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(FormError, match="UTF-8"):
        decode_multipart(KIND, FIELD.replace(b"purpose", b"\xff") + b"\r\n--x--")
