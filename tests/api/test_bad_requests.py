"""What fuzzing has found once, said plainly: each of these was a 500, a hang, or a silent loss."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

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
