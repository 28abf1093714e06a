"""An intent that is refused while it is created does not exist, so the error does not show one."""

from typing import Any

import pytest
import stripe


@pytest.mark.parametrize("noun", ["payment_intent", "setup_intent"])
def test_no_method_to_confirm_with(client: stripe.StripeClient, noun: str) -> None:
    service: Any = getattr(client.v1, f"{noun}s")
    form: Any = {"amount": 500, "currency": "usd"} if noun == "payment_intent" else {}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.create({**form, "confirm": True})
    assert refused.value.code == f"{noun}_unexpected_state" and noun not in refused.value.json_body["error"]
    assert service.list().data == []
    made = service.create(form)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.confirm(made.id)
    assert refused.value.json_body["error"][noun]["id"] == made.id
