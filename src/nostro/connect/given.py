"""What a caller may give of an account, and in which form: by parameters, or by a token made ahead.

Once an account's holder was shown a page of ours, and we collect what is asked, the platform cannot change who the
account is any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import ApiError, invalid, no_such
from nostro.kernel.params import convert
from nostro.kernel.resource import Params, Unset
from nostro.storage.tx import Tx

from .account_params import CompanyParams, SharedParams, TosParams
from .person_params import PersonParams
from .profile import BusinessType, Record
from .scope import platform_of
from .values import DocumentParams, FilesParams

Kind = Literal["account", "bank_account", "card", "person"]
FIND = 'SELECT version, id, created, body FROM "token" WHERE scope=? AND id=?'
THEIRS = ("business_type", "company", "documents", "external_account", "individual", "tos_acceptance")
"""What only the holder says of an account whose requirements we collect."""
PURPOSES = ("identity_document", "additional_verification", "account_requirement")
TEST_FILES = "file_identity_document_"


class AccountForm(Params, frozen=True, kw_only=True):
    """What an account token holds."""

    business_type: BusinessType | Unset = UNSET
    company: CompanyParams | Unset = UNSET
    individual: PersonParams | Unset = UNSET
    tos_shown_and_accepted: bool = False


async def spend(tx: Tx, id: str, param: str, *kinds: Kind) -> Any:
    """The record of a token, marked as used. It is the account's own, or its platform's."""
    resource = tx.registry.by_object["token"]
    holder: Tx = tx
    token: Any = await tx.find(resource, id)
    if token is None and tx.scope.connected:
        holder = await platform_of(tx)
        token = await holder.find(resource, id)
    if token is None or token.type not in kinds:
        raise no_such("token", id, param)
    if token.used:
        raise invalid(f"You cannot use a token more than once: {id}.", param, "token_already_used")
    return holder.save(msgspec.structs.replace(token, used=True))


async def with_token(tx: Tx, params: SharedParams) -> SharedParams:
    """The parameters with what their account token holds."""
    if params.account_token is UNSET:
        return params
    for name in ("business_type", "company", "individual"):
        if getattr(params, name) is not UNSET:
            raise invalid(f"Give `{name}` by the account token or as a parameter, not both.", name,
                          "parameters_exclusive")  # fmt: skip
    token = await spend(tx, params.account_token, "account_token", "account")
    form = convert(token.data or {}, AccountForm, "account_token")
    tos: Any = params.tos_acceptance
    if form.tos_shown_and_accepted:
        agreement = tos.service_agreement if tos is not UNSET else UNSET
        tos = TosParams(date=tx.now, ip=token.client_ip or "0.0.0.0", service_agreement=agreement)
    return msgspec.structs.replace(
        params, business_type=form.business_type, company=form.company, individual=form.individual, tos_acceptance=tos
    )


async def person_of(tx: Tx, params: PersonParams, token: str | Unset) -> PersonParams:
    """A person's parameters with what a person token holds."""
    if token is UNSET:
        return params
    held = await spend(tx, token, "person_token", "person")
    form = convert(held.data or {}, PersonParams, "person_token")
    both = {name: getattr(params, name) for name in PersonParams.__struct_fields__}
    given = {name: value for name, value in both.items() if value is not UNSET}
    return msgspec.structs.replace(form, **given)


def _files(given: Any, path: str) -> Iterator[tuple[str, str]]:
    """Each file that the parameters name, with its parameter."""
    for name in given.__struct_fields__ if isinstance(given, Params) else ():
        value, here = getattr(given, name), f"{path}[{name}]" if path else name
        if isinstance(given, DocumentParams) and isinstance(value, str):
            yield here, value
        elif isinstance(given, FilesParams) and isinstance(value, list):
            yield from ((f"{here}[{place}]", id) for place, id in enumerate(value))
        else:
            yield from _files(value, here)


async def check_files(tx: Tx, given: Params) -> None:
    """Documents are uploaded files, the account's or its platform's, or the published test ones."""
    for param, id in _files(given, ""):
        if id.startswith(TEST_FILES) and not tx.scope.livemode:
            continue
        resource = tx.registry.by_object["file"]
        found = await tx.find(resource, id)
        if found is None and tx.scope.connected:
            found = await (await platform_of(tx)).find(resource, id)
        if found is None:
            raise no_such("file upload", id, param)
        if found.purpose not in PURPOSES:
            raise invalid(f"The file {id} was uploaded for another purpose: use one of {', '.join(PURPOSES)}.", param)


def check_theirs(account: Record, *names: str) -> None:
    """Raises 403 if only the holder may say this of the account."""
    if account.claimed and account.collected_here and names:
        raise ApiError(
            f"This application does not have the required permissions for the parameter '{names[0]}' on account "
            f"'{account.id}': its holder has begun to onboard, and tells us who it is.",
            status=403, code="oauth_not_supported", param=names[0],
        )  # fmt: skip


def check_terms(account: Record, tos: TosParams | Unset, now: int) -> None:
    """Who accepted the terms, and when: not in the future, and from an address that is one."""
    if tos is UNSET:
        return
    accepted = tos.date is not UNSET or tos.ip is not UNSET
    if accepted and account.collected_here:
        raise invalid("You cannot accept the Terms of Service on behalf of Standard and Express connected accounts.",
                      "tos_acceptance")  # fmt: skip
    if tos.date is not UNSET and tos.date > now + 86_400:
        raise invalid("The terms cannot have been accepted in the future.", "tos_acceptance[date]")
    if tos.ip is not UNSET:
        try:
            ip_address(tos.ip)
        except ValueError:
            raise invalid(f"Invalid IP address: {tos.ip[:60]}", "tos_acceptance[ip]") from None
    if tos.service_agreement == "recipient" and account.country == "US":
        raise invalid("The recipient agreement is for accounts outside of the platform's country.",
                      "tos_acceptance[service_agreement]")  # fmt: skip
