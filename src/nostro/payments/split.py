"""How a payment is shared between a platform and a connected account: what may be asked for, and what it comes to.

    direct        made in the account's own scope (`Stripe-Account`); an application fee goes to the platform
    destination   made by the platform; a transfer to `transfer_data[destination]` comes with it
    separate      made by the platform, which makes the transfers itself

A plain payment passes here without a read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct

from nostro.balances import balance_transaction
from nostro.balances.balance_transaction import FeeDetail, Line
from nostro.balances.fx import Settle
from nostro.connect import standing
from nostro.connect.profile import Fees
from nostro.connect.scope import part_of, platform_of
from nostro.kernel.errors import ApiError, invalid, no_such
from nostro.kernel.resource import Amount, MetadataParam, Params, Unset, merge_metadata
from nostro.storage.tx import Tx

from . import application_fee, settlement

if TYPE_CHECKING:
    from .charge import Record as Charge

FeeAmount = Annotated[int, Meta(ge=0)]
Data = dict[str, Any]
CAN_RECEIVE = "transfers, crypto_transfers, legacy_payments"


class PaymentDataParams(Params, frozen=True, kw_only=True):
    description: str | None = None
    metadata: MetadataParam = UNSET


class TransferAmountParams(Params, frozen=True, kw_only=True):
    """What a capture may still change."""

    amount: Amount | None | Unset = UNSET


class TransferChangeParams(TransferAmountParams, frozen=True, kw_only=True):
    description: str | None | Unset = UNSET
    metadata: MetadataParam = UNSET
    payment_data: PaymentDataParams | Unset = UNSET


class TransferDataParams(TransferChangeParams, frozen=True, kw_only=True):
    destination: str


def data_of(given: TransferAmountParams | None | Unset, before: Data | None = None) -> Data | None:
    """`transfer_data` as an intent shows it: what was there, with what is given now."""
    if given is UNSET or given is None:
        return before
    if before is None and not isinstance(given, TransferDataParams):
        raise invalid("`transfer_data` needs a destination, which can only be given at creation.",
                      "transfer_data[destination]", "parameter_missing")  # fmt: skip
    return {"amount": None, **_merged(before or {}, msgspec.to_builtins(given))}


def _merged(old: Data, given: Data) -> Data:
    made = old | {name: value for name, value in given.items() if value is not None}
    if "metadata" in given:
        made["metadata"] = merge_metadata(old.get("metadata", {}), given["metadata"])
    if "payment_data" in given:
        made["payment_data"] = _merged(old.get("payment_data", {}), given["payment_data"])
    return made


def shown(data: Data) -> Data:
    """`transfer_data` as a charge shows it."""
    return {"amount": data.get("amount"), "destination": data["destination"]}


def told(data: Data) -> Data:
    """What `transfer_data` says of the transfer and of the account's payment."""
    said = {name: data[name] for name in ("description", "metadata") if data.get(name)}
    payment = data.get("payment_data", {})
    return said | {f"payment_{name}": payment[name] for name in ("description", "metadata") if payment.get(name)}


def asked(params: Any, before: Data | None = None) -> tuple[int | None, Data | None]:
    """A charge's application fee and `transfer_data`, by their own names or the older ones."""
    fee = params.application_fee if params.application_fee_amount is None else params.application_fee_amount
    given = getattr(params, "destination", None)
    if given is None or params.transfer_data is not None:
        return fee, data_of(params.transfer_data, before)
    account, amount = (given, None) if isinstance(given, str) else (given.account, given.amount)
    return fee, {"amount": amount, "destination": account}


# Whether it may be ---------------------------------------------------------------


async def check(tx: Tx, amount: int, fee: int | None, data: Data | None, on_behalf_of: str | None) -> None:
    """Raises for what a platform may not ask for, and for accounts that may not take part."""
    if fee is None and data is None and on_behalf_of is None and not tx.scope.connected:
        return
    if tx.scope.connected:
        await check_charges_enabled(tx)
    _check_fee(tx, amount, fee, data)
    if data is not None:
        await check_destination(tx, data["destination"], "transfer_data[destination]")
        if (data.get("amount") or 0) > amount:
            raise invalid(f"The amount to transfer ({data['amount']}) cannot be greater than the amount of the "
                          f"charge ({amount}).", "transfer_data[amount]", "amount_too_large")  # fmt: skip
    if on_behalf_of is not None:
        await check_on_behalf_of(tx, on_behalf_of)


def _check_fee(tx: Tx, amount: int, fee: int | None, data: Data | None) -> None:
    if fee is None:
        return
    name = "application_fee_amount"
    if data is None and not tx.scope.connected:
        raise invalid(
            "Can only apply an application_fee_amount when the payment is a direct one (made with the Stripe-Account "
            "header) or a destination one (made with `transfer_data[destination]`).", name,
        )  # fmt: skip
    if data is not None and data.get("amount") is not None:
        raise invalid("You may only specify one of these parameters: application_fee_amount, transfer_data[amount].",
                      name, "parameters_exclusive")  # fmt: skip
    if fee > amount:
        raise invalid(f"The application fee ({fee}) cannot be greater than the amount of the charge ({amount}).",
                      name, "amount_too_large")  # fmt: skip


async def application(tx: Tx) -> str | None:
    """Whose application acts for the account whose scope this is."""
    return application_fee.application_of(await platform_of(tx)) if tx.scope.connected else None


async def check_charges_enabled(tx: Tx) -> None:
    """For the connected account whose scope this is."""
    account = await standing.recall_own(tx)
    if account is not None and not account.charges_enabled:
        raise invalid(
            "Your account cannot currently make charges: look at its `requirements`, and ask for the capability "
            "card_payments if it has not.", code="charges_not_enabled",
        )  # fmt: skip


async def check_destination(tx: Tx, id: str, param: str) -> Tx:
    """The unit's part in the scope of an account that may receive transfers."""
    if id == tx.merchant:
        raise invalid(f"`{param}` cannot be your own account.", param)
    part = await part_of(tx, id)
    if part is None:
        raise no_such("destination", id, param)
    account = await standing.recall_own(part)
    if account is None or not _active(account, "transfers"):
        raise ApiError(
            "Your destination account needs to have at least one of the following capabilities enabled: "
            f"{CAN_RECEIVE}", code="insufficient_capabilities_for_transfer", param=param,
        )  # fmt: skip
    return part


async def check_on_behalf_of(tx: Tx, id: str) -> None:
    part = await part_of(tx, id) if id != tx.merchant else None
    if part is None:
        raise no_such("account", id, "on_behalf_of")
    account = await standing.recall_own(part)
    if account is None or not account.charges_enabled or not _active(account, "card_payments"):
        raise invalid(
            "The account referenced in the 'on_behalf_of' parameter is missing the required capabilities: "
            "card_payments.", "on_behalf_of", "charges_not_enabled",
        )  # fmt: skip


async def seller_of(tx: Tx, on_behalf_of: str | None) -> str | None:
    """The descriptor of the connected account that sells, which stands on the cardholder's statement."""
    if on_behalf_of is None and not tx.scope.connected:
        return None
    part = tx if on_behalf_of is None else await part_of(tx, on_behalf_of)
    account = await standing.recall_own(part) if part is not None else None
    return account.settings.payments.statement_descriptor if account is not None else None


def _active(account: Any, capability: str) -> bool:
    one = account.has.get(capability)
    return one is not None and one.status == "active"


# What it comes to ------------------------------------------------------------------


class Shared(Struct, frozen=True):
    """What of a charge is not the merchant's: the fees on its statement line, and what the charge keeps of it."""

    fees: tuple[FeeDetail, ...]
    changes: dict[str, Any] = {}


async def of_charge(
    tx: Tx, charge: Charge, captured: int, fee: FeeDetail, on: int, settle: Settle | None
) -> Shared:  # fmt: skip
    """`fee` is our own, `on` when the captured amount becomes available, `settle` how it is converted."""
    if charge.transfer_data is not None:
        return _of_destination(tx, charge, captured, fee)
    return await _of_direct(tx, charge, captured, fee, on, settle) if tx.scope.connected else Shared((fee,))


def _of_destination(tx: Tx, charge: Charge, captured: int, fee: FeeDetail) -> Shared:
    """The charge's own entry is a plain one: it only names the transfer and the application fee that come with it."""
    changes = {"transfer": tx.new_id("tr")}
    if min(charge.application_fee_amount or 0, captured):
        changes |= {"application_fee": tx.new_id("fee"), "application": application_fee.application_of(tx)}
    return Shared((fee,), changes)


async def _of_direct(
    tx: Tx, charge: Charge, captured: int, fee: FeeDetail, on: int, settle: Settle | None
) -> Shared:  # fmt: skip
    """A charge in an account's own scope: the application fee goes to the platform, available when the rest is, in the
    currency that the account is paid in unless the platform converts it to its own.

    Our own fee is the account's, or its platform's if `controller.fees.payer` is the application.
    """
    account, platform = await standing.recall_own(tx), await platform_of(tx)
    pays = account is not None and account.controller.fees == Fees(payer="application")
    cut = min(charge.application_fee_amount or 0, captured)
    changes: dict[str, Any] = {
        "application": application_fee.application_of(platform), "collector": platform.merchant, "cut": cut,
        "collector_pays": pays,
    }  # fmt: skip
    fees = () if pays else (fee,)
    theirs = (await settlement.settled_in(platform, charge.currency) or settle) if cut or pays else None
    if cut:
        made = application_fee.collect(
            platform, account=tx.merchant, charge=charge.id, amount=cut, currency=charge.currency, on=on,
            booked=charge.id, settle=theirs, given_settle=settle,
        )  # fmt: skip
        changes["application_fee"] = made.id
        fees = (application_fee.detail(made), *fees)
    if pays and fee.amount:
        balance_transaction.write(
            platform,
            Line(type="stripe_fee", amount=-fee.amount, currency=charge.currency, source=None, available_on=on,
                 booked=charge.id, description=f"{fee.description} ({charge.id} of {tx.merchant})", settle=theirs),
        )  # fmt: skip
    return Shared(fees, changes)


async def shared_anew(tx: Tx, charge: Charge, amount: int, fee: int | None, data: Any) -> dict[str, Any]:
    """What a capture of `amount` changes of the sharing, if it may."""
    if fee is None and data == charge.transfer_data:
        return {}
    await check(tx, amount, fee, data, None)
    data = shown(data) if data else None
    return {"application_fee_amount": charge.application_fee_amount if fee is None else fee, "transfer_data": data}


def given_before(charge: Charge) -> int:
    """What was refunded of the captured amount; what a capture left of the hold shows as refunded too."""
    return charge.amount_refunded - (charge.amount - charge.amount_captured)


def proportional(whole: int, before: int, amount: int, of: int) -> int:
    """Of `whole`, the part that goes with `amount` of `of` when `before` went already.

    However `of` is cut into pieces, their parts add up to `whole`.
    """
    assert 0 <= before <= before + amount <= of, f"{amount} after {before} of {of}"
    return whole * (before + amount) // of - whole * before // of
