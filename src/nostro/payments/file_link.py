"""File link: an address that shows a file to anyone who has it, until it expires.

The address ends in a token that carries the sandbox, the link and a secret of its own, so no key is needed.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.resource import (
    Download,
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Stored,
    Unset,
    Verb,
    View,
    Wire,
    listing,
    merge_metadata,
    public,
    retrieve,
)  # fmt: skip
from nostro.storage.body import whole
from nostro.storage.scope import load_scope
from nostro.storage.tx import Tx
from nostro.storage.world import World

if TYPE_CHECKING:
    from .file import Record as File

JOB = "file_link.expire"
FIND_CONTENT = "SELECT content FROM file_content WHERE scope=? AND id=?"
CONTENT_TYPES = {"csv": "text/csv", "gif": "image/gif", "jpg": "image/jpeg", "pdf": "application/pdf",
                 "png": "image/png"}  # fmt: skip
LINKABLE = (
    "business_icon", "business_logo", "customer_signature", "dispute_evidence", "finance_report_run",
    "financial_account_statement", "identity_document_downloadable", "issuing_regulatory_reporting",
    "pci_document", "selfie", "sigma_scheduled_query", "tax_document_user_upload", "terminal_android_apk",
    "terminal_reader_splashscreen",
)  # fmt: skip


class FileLink(Stored, frozen=True, kw_only=True):
    object: Literal["file_link"] = "file_link"
    expired: bool = False
    expires_at: int | None = None
    file: str
    livemode: bool = False
    metadata: Metadata = {}
    url: str | None = None


class Record(FileLink, frozen=True, kw_only=True, omit_defaults=True):
    """`secret` is the part of the url that cannot be guessed."""

    secret: str


class CreateParams(Params, frozen=True, kw_only=True):
    file: str
    expires_at: int | None = None
    metadata: dict[str, str | None] | None = None


class UpdateParams(Params, frozen=True, kw_only=True):
    expires_at: Literal["now"] | int | None | Unset = UNSET
    metadata: MetadataParam = UNSET


def render(view: View, link: Record) -> Wire:
    """Whether it has expired is told by the clock."""
    return {**public(FileLink, link), "expired": _is_over(link, view.now)}


def _is_over(link: Record, now: int) -> bool:
    return link.expired or (link.expires_at is not None and link.expires_at <= now)


def make(tx: Tx, file: File, expires_at: int | None, metadata: Metadata, param: str = "expires_at") -> Record:
    """A new link. Raises for a file whose purpose does not allow any."""
    if file.purpose not in LINKABLE:
        raise invalid(f"Files with the purpose {file.purpose} cannot have links.", "file")
    id, secret = tx.new_id("link"), tx.world.ids.word(32)
    token = base64.urlsafe_b64encode(f"{tx.scope.number}|{id}|{secret}".encode()).decode().rstrip("=")
    link = Record(
        id=id,
        created=tx.now,
        livemode=tx.scope.livemode,
        expires_at=_future(tx, expires_at, param),
        file=file.id,
        metadata=metadata,
        url=f"{tx.world.settings.public_url}/links/{token}",
        secret=secret,
    )
    if expires_at is not None:
        tx.schedule(JOB, id, expires_at)
    return tx.save(link)


def _future(tx: Tx, at: int | None, param: str) -> int | None:
    if at is not None and at <= tx.now:
        raise invalid("The expiration must be in the future.", param)
    return at


async def create(tx: Tx, params: CreateParams) -> Record:
    file = await tx.get(tx.registry.by_object["file"], params.file, "file")
    return make(tx, file, params.expires_at, merge_metadata({}, params.metadata))


async def update(tx: Tx, link: Record, params: UpdateParams) -> Record:
    metadata = merge_metadata(link.metadata, params.metadata)
    changed = msgspec.structs.replace(link, metadata=metadata)
    if params.expires_at is not UNSET:
        if _is_over(link, tx.now):
            raise invalid("This link has expired. Create a new one.", "expires_at")
        changed = _expiring(tx, changed, params.expires_at)
    return tx.save(changed)


def _expiring(tx: Tx, link: Record, at: Literal["now"] | int | None) -> Record:
    tx.unschedule(JOB, link.id)
    if at == "now":
        return msgspec.structs.replace(link, expires_at=tx.now, expired=True)
    if at is not None:
        tx.schedule(JOB, link.id, _future(tx, at, "expires_at") or at)
    return msgspec.structs.replace(link, expires_at=at)


async def expire_job(tx: Tx, ref: str) -> None:
    """Job `file_link.expire`: so that lists can be filtered by `expired`."""
    link = await tx.find(FILE_LINK, ref)
    if link is not None and _is_over(link, tx.now):
        tx.save(msgspec.structs.replace(link, expired=True))


# What the address answers ----------------------------------------------------


async def opened(world: World, token: str) -> Download:
    """The file behind `/links/{token}`. Raises 404 for a token that is not known, or whose link has expired."""
    gone = ApiError("This link does not exist, or has expired.", status=404)
    try:
        number, id, secret = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().split("|")
        scope = int(number)
    except ValueError:
        raise gone from None
    rows = await world.engine.rows('SELECT id, created, body FROM "file_link" WHERE scope=? AND id=?', (scope, id))
    if not rows:
        raise gone
    link = msgspec.json.decode(whole(*rows[0]), type=Record)
    now = world.clock.micros() // SECOND + (await load_scope(world, scope)).offset
    if not secrets.compare_digest(secret, link.secret) or _is_over(link, now):
        raise gone
    kept = await world.engine.rows('SELECT id, created, body FROM "file" WHERE scope=? AND id=?', (scope, link.file))
    file = msgspec.json.decode(whole(*kept[0]), type=world.registry.by_object["file"].record)
    content = (await world.engine.rows(FIND_CONTENT, (scope, link.file)))[0][0]
    return download(bytes(content), file)


def download(content: bytes, file: File) -> Download:
    type = CONTENT_TYPES.get(file.type or "", "application/octet-stream")
    return Download(content, type, file.filename or file.id)


FILE, EXPIRED = Filter("file"), Filter("expired", kind="bool", wide=True)
FILE_LINK: Resource[Record] = Resource(
    object="file_link",
    prefix="link",
    noun="file link",
    record=Record,
    shape=FileLink,
    present=render,
    doc="An address that shows a file to anyone, until it expires.",
    filters=(FILE, EXPIRED),
    expands=("file",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/file_links", run=create, params=CreateParams, kind="create"),
        listing("/v1/file_links", FILE, EXPIRED),
        retrieve("/v1/file_links/{id}"),
        Verb(name="update", method="POST", path="/v1/file_links/{id}", run=update, params=UpdateParams),
    ),
)
RESOURCE = FILE_LINK
