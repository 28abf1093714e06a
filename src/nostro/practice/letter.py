"""A letter from the simulated bank: what it says of payments and files is an answer, of a closed day a statement."""

from __future__ import annotations

from nostro.networks.bank.answer import ANSWERS, STATEMENTS
from nostro.networks.bank.post import Letter
from nostro.payouts import bank_answer
from nostro.reconciliation import statement_verbs
from nostro.storage.tx import Tx


def _kind(letter: Letter) -> str:
    return letter.name.partition("-")[2]


def wanted(letter: Letter) -> bool:
    """Receipts are read where the file was handed over."""
    return _kind(letter) in ANSWERS or _kind(letter) in STATEMENTS


async def deliver(tx: Tx, letter: Letter) -> None:
    """It is taken. Raises the API's error for what is refused.

    An answer is taken in the unit `tx`. A statement is imported in units of its own, once for its content.
    """
    if _kind(letter) in STATEMENTS:
        upload = statement_verbs.Upload(name=letter.name, content_type="application/xml", content=letter.content)
        params = statement_verbs.CreateParams(file=upload, format=STATEMENTS[_kind(letter)])
        await statement_verbs.create(tx.world, tx.scope, params)
    else:
        sent = bank_answer.Upload(name=letter.name, content_type="application/octet-stream", content=letter.content)
        await bank_answer.create(tx, bank_answer.CreateParams(file=sent))
