"""What `nostro dev` says when it is ready: where it is, the keys, and the line that points each SDK at it."""

from __future__ import annotations

from urllib.parse import urlsplit

# One line for each official SDK. `{base}`, `{key}`, `{host}` and `{port}` are filled in.
SDKS = {
    "Python": 'client = stripe.StripeClient("{key}", base_addresses={{"api": "{base}", "files": "{base}"}})',
    "Node": "const stripe = new Stripe('{key}', {{protocol: 'http', host: '{host}', port: {port}}})",
    "Go": 'client := stripe.NewClient("{key}", stripe.WithBackends(stripe.NewBackendsWithConfig('
    '&stripe.BackendConfig{{URL: stripe.String("{base}")}})))',
    "Java": 'StripeClient client = StripeClient.builder().setApiKey("{key}").setApiBase("{base}")'
    '.setFilesBase("{base}").build();',
    "Ruby": 'client = Stripe::StripeClient.new("{key}", api_base: "{base}", uploads_base: "{base}")',
    "PHP": "$stripe = new \\Stripe\\StripeClient(['api_key' => '{key}', 'api_base' => '{base}', "
    "'files_base' => '{base}']);",
}
DEV = """\
Nostro is ready at {base}   (data: {data})

  secret key       {key}
  publishable key  {publishable}
  Any other sk_test_... key works too: each is a sandbox of its own.

Point your SDK at it:
{sdks}

  docs    {base}/docs
  try     nostro trigger payment_intent.succeeded
  watch   nostro logs tail
  books   nostro ledger trial-balance
  bank    {bank}
  stop    Ctrl-C   (the data stays; `nostro reset` deletes it)
"""
NO_BANK = "nostro dev --bank   (payouts through bank files, to a simulated bank)"
BANK = """\
payouts and top-ups in usd, eur and gbp go to a simulated bank, in bank files
          they move with the sandbox's time; let ten days pass:
          curl {base}/v1/test_helpers/sandbox/advance -u {key}: -d seconds=864000"""


def sdk_lines(base: str, key: str) -> dict[str, str]:
    at = urlsplit(base)
    return {name: line.format(base=base, key=key, host=at.hostname, port=at.port) for name, line in SDKS.items()}


def welcome(base: str, key: str, publishable: str, data: str, bank: bool = False) -> str:
    sdks = "\n".join(f"  {name:<7} {line}" for name, line in sdk_lines(base, key).items())
    at_bank = BANK.format(base=base, key=key) if bank else NO_BANK
    return DEV.format(base=base, key=key, publishable=publishable, data=data, sdks=sdks, bank=at_bank)
