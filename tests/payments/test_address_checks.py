"""The published ids that fail an address check do so by themselves; numbers do where an address came along."""

import pytest
import stripe

IDS = {
    "avsFail": ("fail", "fail"),
    "avsZipFail": ("pass", "fail"),
    "avsLine1Fail": ("fail", "pass"),
    "avsUnchecked": ("unavailable", "unavailable"),
    "visa": (None, None),
}


@pytest.mark.parametrize(("name", "expected"), IDS.items())
def test_by_id(client: stripe.StripeClient, name: str, expected: tuple[str | None, str | None]) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "payment_method": f"pm_card_{name}", "confirm": True}
    )
    paid = client.v1.charges.retrieve(str(intent.latest_charge))
    direct = client.v1.charges.create({"amount": 500, "currency": "usd", "source": f"tok_{name}"})
    for charge in (paid, direct):
        checks = charge.payment_method_details.card.checks  # type: ignore[union-attr]
        assert (checks.address_line1_check, checks.address_postal_code_check) == expected  # type: ignore[union-attr]
