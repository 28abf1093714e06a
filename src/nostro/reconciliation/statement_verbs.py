"""The verbs of statements: a file in, its statements out."""

from __future__ import annotations

import hashlib
import io

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Filter, Params, Resource, Verb, Wire, listing, retrieve
from nostro.ledger.chart import CASH
from nostro.networks.csv_statement import Mapping
from nostro.storage.unit import Scope
from nostro.storage.world import World

from .importing import About, imported
from .reading import Format, pieces
from .statement import Record, Statement


class Upload(Params, frozen=True, kw_only=True):
    name: str
    content_type: str
    content: bytes


class CreateParams(Params, frozen=True, kw_only=True):
    """`account` is the ledger account that stands for the one at the bank. `mapping` says how to read a CSV.
    `another_bank_account`: the statement may be of an account at a bank that the ledger account does not stand for
    yet."""

    file: Upload
    format: Format
    account: str = CASH
    another_bank_account: bool = False
    mapping: Mapping | None = None


async def create(world: World, scope: Scope, params: CreateParams) -> Wire:
    content = params.file.content
    if not content:
        raise invalid("The file is empty.", "file")
    about = About(
        ledger_account=params.account, format=params.format, file=hashlib.sha256(content).hexdigest(),
        file_name=params.file.name, another=params.another_bank_account,
    )  # fmt: skip
    made = await imported(world, scope, pieces(io.BytesIO(content), params.format, params.mapping), about)
    data = [one.statement for one in made]
    return {"object": "list", "data": data, "has_more": False, "url": "/v1/reconciliation/statements"}


def example() -> Record:
    return Record(
        id="bst_1", created=0, account="racct_1", closed_on="2026-11-20", closing_balance=150, content="",
        currency="usd", file="", format="csv", lines=1, number="1", opened_on="2026-11-20", opening_balance=100,
        place=1, found_by="1-1", numbered="1:2026-11-20:1",
    )  # fmt: skip


BY_ACCOUNT, BY_FILE, BY_PLACE = Filter("account", wide=True), Filter("file"), Filter("found_by")
BY_NUMBER = Filter("numbered")
STATEMENT: Resource[Record] = Resource(
    object="reconciliation.statement",
    noun="bank statement",
    prefix="bst",
    record=Record,
    shape=Statement,
    example=example,
    doc="What a bank has said of an account for some days, imported whole or not at all. Beyond Stripe's API.",
    filters=(BY_ACCOUNT, BY_FILE, BY_PLACE, BY_NUMBER),
    expands=("account",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/reconciliation/statements", run=create, params=CreateParams,
             kind="system", body="multipart", answers=list[Statement],
             summary="Import the statements of a file; those that are there already are answered as they are."),
        listing("/v1/reconciliation/statements", BY_ACCOUNT, BY_FILE),
        retrieve("/v1/reconciliation/statements/{id}"),
    ),
    errors=("bank_statement_invalid", "bank_statement_gap", "bank_statement_overlap"),
)  # fmt: skip
RESOURCE = STATEMENT
