"""Uploads and their links."""

from __future__ import annotations

import io
import time
from typing import Any

import httpx
import pytest
import stripe

from expect import fails, plain, types
from nostro.payments.file import MEGABYTE, sniff

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PDF = b"%PDF-1.7\n\x00\xff"


def upload(sdk: stripe.StripeClient, content: bytes, name: str = "a.png", **more: Any) -> stripe.File:
    file = io.BytesIO(content)
    file.name = name
    params: Any = {"purpose": "dispute_evidence", "file": file, **more}
    return sdk.v1.files.create(params)


def get(live: Any, url: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.get(live.url + httpx.URL(url).path, headers=headers)


def test_bytes_come_back_as_they_went(live: Any, key: str, sdk: stripe.StripeClient) -> None:
    made = upload(sdk, PNG, "scan é.png")
    assert (made.type, made.size, made.purpose) == ("png", len(PNG), "dispute_evidence")
    assert plain(sdk.v1.files.retrieve(made.id)) == plain(made) and types(sdk) == ["file.created"]
    answer = get(live, str(made.url), key)
    assert answer.content == PNG and answer.headers["content-type"] == "image/png"
    assert "attachment" in answer.headers["content-disposition"]
    assert get(live, str(made.url)).status_code == 401
    assert get(live, str(made.url), "sk_test_somebodyelse").status_code == 404


def test_lists_filter_by_purpose(sdk: stripe.StripeClient) -> None:
    evidence = upload(sdk, PDF, "a.pdf")
    logo = upload(sdk, PNG, purpose="business_logo")
    assert [f.id for f in sdk.v1.files.list().data] == [logo.id, evidence.id]
    assert [f.id for f in sdk.v1.files.list({"purpose": "business_logo"}).data] == [logo.id]


@pytest.mark.parametrize(
    ("content", "name", "type"),
    [(PNG, "x", "png"), (PDF, "x.png", "pdf"), (b"\xff\xd8\xff\xe0", "x", "jpg"), (b"GIF89a.", "x", "gif"),
     (b"a,b\n1,2\n", "x.csv", "csv"), (b"a\0b", "x.csv", None), (b"\xff\xfe", "x.csv", None), (b"MZ", "x.png", None)],
)  # fmt: skip
def test_the_content_says_what_it_is(content: bytes, name: str, type: str | None) -> None:
    assert sniff(content, name) == type


def test_what_a_purpose_does_not_take(sdk: stripe.StripeClient) -> None:
    fails(lambda: upload(sdk, b"MZ", "virus.png"), None, "file")
    fails(lambda: upload(sdk, b""), None, "file")
    fails(lambda: upload(sdk, PNG + bytes(5 * MEGABYTE)), None, "file")
    fails(lambda: upload(sdk, PNG, purpose="world_peace"), None, "purpose")
    params: Any = {"purpose": "dispute_evidence"}
    fails(lambda: sdk.v1.files.create(params), "parameter_missing", "file")
    assert sdk.v1.files.list().data == []


def test_a_link_opens_the_file_without_a_key(live: Any, sdk: stripe.StripeClient) -> None:
    made: Any = upload(sdk, PNG, file_link_data={"create": True, "metadata": {"a": "b"}})
    link = made.links.data[0]
    assert get(live, link.url).content == PNG
    assert get(live, link.url[:-4]).status_code == 404 and get(live, "/links/%20").status_code == 404
    second = sdk.v1.file_links.create({"file": made.id, "expires_at": int(time.time()) + 600})
    assert second.expired is False and second.file == made.id
    expanded: Any = sdk.v1.files.retrieve(made.id, {"expand": ["links"]})
    assert [one.id for one in expanded.links.data] == [second.id, link.id]
    opened: Any = sdk.v1.file_links.retrieve(second.id, {"expand": ["file"]})
    assert opened.file.size == len(PNG)


def test_a_link_ends(live: Any, sdk: stripe.StripeClient) -> None:
    made = upload(sdk, PNG)
    link, kept = (sdk.v1.file_links.create({"file": made.id}) for _ in range(2))
    assert link.url is not None
    changed = sdk.v1.file_links.update(link.id, {"expires_at": "now", "metadata": {"why": "done"}})
    assert changed.expired is True and get(live, link.url).status_code == 404
    assert [one.id for one in sdk.v1.file_links.list({"expired": True}).data] == [link.id]
    assert [one.id for one in sdk.v1.file_links.list({"expired": False, "file": made.id}).data] == [kept.id]
    fails(lambda: sdk.v1.file_links.update(link.id, {"expires_at": ""}), None, "expires_at")
    later = int(time.time()) + 60
    assert sdk.v1.file_links.update(kept.id, {"expires_at": later}).expires_at == later
    assert sdk.v1.file_links.update(kept.id, {"expires_at": ""}).expires_at is None


def test_wrong_links(sdk: stripe.StripeClient) -> None:
    hidden = upload(sdk, PDF, purpose="identity_document")
    fails(lambda: sdk.v1.file_links.create({"file": hidden.id}), None, "file")
    fails(lambda: sdk.v1.file_links.create({"file": "file_none"}), "resource_missing", "file")
    made = upload(sdk, PNG)
    fails(lambda: sdk.v1.file_links.create({"file": made.id, "expires_at": 5}), None, "expires_at")
