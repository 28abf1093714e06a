"""What may stand in a log and what not."""

import pytest

from nostro.kernel.redaction import redacted

SECRETS = {
    "key sk_live_" + "a1B2" * 10 + " refused": "key sk_live_**** refused",
    "pk_test_abcd1234": "pk_test_****",
    "whsec_abcdef123": "whsec_****",
    "GET ?client_secret=pi_1Abc_secret_9xyZ&a=b": "GET ?client_secret=pi_1Abc_secret_****&a=b",
    "postgresql://nostro:hunter2@db/books is away": "postgresql://nostro:****@db/books is away",
    "card 4242424242424242!": "card ****4242!",
    "4000 0566 5566 5556, 3782-822463-10005": "****5556, ****0005",
}
PLAIN = (
    "req_4242424242424242 took 12.5 ms",
    "sk_test_********abcd",
    "order 4242424242424241 of 2026-11-21 12:30:00",
    "a seti_1Abc of acct_1XyZ",
    "http://127.0.0.1:12111/v1/customers",
)


@pytest.mark.parametrize(("text", "wanted"), SECRETS.items())
def test_secrets_are_taken_out(text: str, wanted: str) -> None:
    assert redacted(text) == wanted


@pytest.mark.parametrize("text", PLAIN)
def test_the_rest_stays(text: str) -> None:
    assert redacted(text) == text
