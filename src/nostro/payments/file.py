"""File: an upload, such as the evidence in a dispute. The bytes are kept beside the record, in a table of their own.

What a file is, its first bytes say, not its name. Each purpose has its kinds and its largest size.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from nostro.kernel.errors import invalid
from nostro.kernel.resource import (
    Download,
    Filter,
    NoParams,
    Params,
    Resource,
    Stored,
    Verb,
    View,
    Wire,
    listing,
    merge_metadata,
    public,
    retrieve,
)  # fmt: skip
from nostro.storage.tx import Tx

from . import file_link

PUT_CONTENT = "INSERT INTO file_content (scope,id,content) VALUES (?,?,?)"
MOST_LINKS = 10
KILOBYTE, MEGABYTE = 1_024, 1_048_576
LARGEST = 16 * MEGABYTE
Purpose = Literal[
    "account_requirement", "additional_verification", "business_icon", "business_logo", "customer_signature",
    "dispute_evidence", "identity_document", "issuing_regulatory_reporting", "pci_document",
    "platform_terms_of_service", "tax_document_user_upload", "terminal_android_apk", "terminal_reader_splashscreen",
    "terminal_wifi_certificate", "terminal_wifi_private_key",
]  # fmt: skip


class Rule(Struct, frozen=True):
    """What a purpose accepts: kinds by their bytes, none for any, and the largest size."""

    types: tuple[str, ...] = ()
    largest: int = LARGEST


DOCUMENT, IMAGE = ("pdf", "jpg", "png"), ("jpg", "png", "gif")
RULES: dict[str, Rule] = {
    "account_requirement": Rule(DOCUMENT, 10 * MEGABYTE),
    "additional_verification": Rule(DOCUMENT, 10 * MEGABYTE),
    "business_icon": Rule(IMAGE, 512 * KILOBYTE),
    "business_logo": Rule(IMAGE, 512 * KILOBYTE),
    "customer_signature": Rule(IMAGE, 4 * MEGABYTE),
    "dispute_evidence": Rule(DOCUMENT, 5 * MEGABYTE),
    "identity_document": Rule(DOCUMENT, 16 * MEGABYTE),
    "pci_document": Rule(("pdf",), 16 * MEGABYTE),
    "terminal_reader_splashscreen": Rule(IMAGE, 2 * MEGABYTE),
}
MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)


class File(Stored, frozen=True, kw_only=True):
    """`links` are added when it is rendered."""

    object: Literal["file"] = "file"
    expires_at: int | None = None
    filename: str | None = None
    purpose: str
    size: int
    title: str | None = None
    type: str | None = None
    url: str | None = None


class Record(File, frozen=True, kw_only=True, omit_defaults=True):
    """`link` is the link that was made with the file, as it was then."""

    link: file_link.Record | None = None


class Upload(Params, frozen=True, kw_only=True):
    """The multipart body's file."""

    name: str
    content_type: str
    content: bytes


class LinkParams(Params, frozen=True, kw_only=True):
    create: bool
    expires_at: int | None = None
    metadata: dict[str, str | None] | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    file: Upload
    purpose: Purpose
    file_link_data: LinkParams | None = None


def sniff(content: bytes, name: str) -> str | None:
    """The kind of a file by its first bytes; `csv` is text whose name says so, as it has no mark of its own."""
    for magic, type in MAGIC:
        if content.startswith(magic):
            return type
    if name.lower().endswith(".csv"):
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return None
        return None if "\0" in text else "csv"
    return None


def _check(upload: Upload, purpose: str, type: str | None) -> None:
    rule = RULES.get(purpose, Rule())
    if not upload.content:
        raise invalid("The file is empty.", "file")
    if len(upload.content) > rule.largest:
        raise invalid(
            f"The file is too large: files with the purpose {purpose} can have up to {rule.largest} bytes, "
            f"and this one has {len(upload.content)}.", "file",
        )  # fmt: skip
    if rule.types and type not in rule.types:
        raise invalid(
            f"The file's type is not supported: files with the purpose {purpose} have to be "
            f"{', '.join(rule.types)}, told by the content, not by the name.", "file",
        )  # fmt: skip


async def create(tx: Tx, params: CreateParams) -> Record:
    upload = params.file
    type = sniff(upload.content, upload.name)
    _check(upload, params.purpose, type)
    file = _made(tx, upload.name[:255] or None, params.purpose, type, upload.content)
    wanted = params.file_link_data
    if wanted is not None and wanted.create:
        metadata = merge_metadata({}, wanted.metadata)
        link = file_link.make(tx, file, wanted.expires_at, metadata, "file_link_data[expires_at]")
        file = msgspec.structs.replace(file, link=link)
    return tx.save(file, "file.created")


def keep(tx: Tx, name: str, purpose: str, type: str, content: bytes) -> Record:
    """A file that we have made ourselves."""
    return tx.save(_made(tx, name, purpose, type, content), "file.created")


def _made(tx: Tx, name: str | None, purpose: str, type: str | None, content: bytes) -> Record:
    id = tx.new_id("file")
    url = f"{tx.world.settings.public_url}/v1/files/{id}/contents"
    tx.write_row(PUT_CONTENT, (tx.scope.number, id, content))
    return Record(id=id, created=tx.now, filename=name, purpose=purpose, size=len(content), type=type, url=url)


async def contents(tx: Tx, file: Record, params: NoParams) -> Download:
    rows = await tx.world.engine.rows(file_link.FIND_CONTENT, (tx.scope.number, file.id))
    assert rows, f"{file.id} has no content"
    return file_link.download(bytes(rows[0][0]), file)


async def _links(tx: Tx, id: str) -> Wire:
    """`file.links` as they are now, when they are expanded."""
    links = await tx.all(file_link.FILE_LINK, {"file": id}, limit=MOST_LINKS + 1)
    shown = [tx.view.render(link) for link in links[:MOST_LINKS]]
    return {"object": "list", "data": shown, "has_more": len(links) > MOST_LINKS, "url": f"/v1/file_links?file={id}"}


def render(view: View, file: Record) -> Wire:
    """With the link that was made with it; `expand[]=links` answers all."""
    made = [view.render(file.link)] if file.link else []
    links = {"object": "list", "data": made, "has_more": False, "url": f"/v1/file_links?file={file.id}"}
    return {**public(File, file), "links": links}


PURPOSE = Filter("purpose", wide=True)
FILE: Resource[Record] = Resource(
    object="file",
    prefix="file",
    noun="file upload",
    record=Record,
    shape=File,
    present=render,
    doc="An upload: evidence, a document, a logo.",
    filters=(PURPOSE,),
    on_demand={"links": _links},
    verbs=(
        Verb(name="create", method="POST", path="/v1/files", run=create, params=CreateParams, kind="create",
             body="multipart"),
        listing("/v1/files", PURPOSE),
        retrieve("/v1/files/{id}"),
        Verb(name="contents", method="GET", path="/v1/files/{id}/contents", run=contents, answers=Download,
             summary="The file's bytes, as they were uploaded."),
    ),
)  # fmt: skip
RESOURCE = FILE
