"""The documentation at /docs: the reference as pages a person reads in a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from nostro.kernel.http import Incoming, Reply

STYLE = """
:root{--ink:#1b2430;--soft:#5b6676;--line:#e3e7ee;--accent:#3b5bdb;--paper:#fff;--tint:#f6f8fb}
@media(prefers-color-scheme:dark){:root{--ink:#e7ebf2;--soft:#9aa6b8;--line:#2c3644;--accent:#8ea6ff;
--paper:#12171e;--tint:#1a212b}}
*{box-sizing:border-box}body{margin:0;font:16px/1.6 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
.house{display:flex;min-height:100vh}nav{width:250px;flex:none;padding:24px 20px;background:var(--tint);
border-right:1px solid var(--line);font-size:14px;height:100vh;position:sticky;top:0;overflow:hidden auto}
nav b{display:block;font-size:18px;margin-bottom:12px}nav a{display:block;padding:2px 0;color:var(--soft);
text-decoration:none}nav a:hover,nav a.here{color:var(--accent)}nav h4{margin:18px 0 4px;font-size:12px;
text-transform:uppercase;letter-spacing:.06em;color:var(--soft)}main{flex:1;min-width:0;max-width:1240px;
padding:32px 48px}h1{font-size:30px;margin:0 0 12px}h2{font-size:20px;margin:36px 0 10px;scroll-margin-top:12px}
a{color:var(--accent)}code{font:13px/1.5 ui-monospace,monospace;background:var(--tint);padding:1px 5px;
border-radius:4px;overflow-wrap:anywhere}pre{background:var(--tint);border:1px solid var(--line);border-radius:8px;
padding:14px;overflow:auto}pre code{background:none;padding:0}td code,th code{white-space:nowrap;overflow-wrap:normal}
nav a{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
table{border-collapse:collapse;width:100%;font-size:14px;display:block;overflow-x:auto}
th,td{text-align:left;padding:7px 10px;border-bottom:1px solid var(--line);
vertical-align:top}th{color:var(--soft);font-weight:600}
@media(max-width:800px){.house{display:block}nav{width:auto;height:auto;position:static;border:0}main{padding:20px}}
"""
HOME = """# Nostro

Payments infrastructure that you run yourself, behind Stripe's wire format. Point an official SDK at
`{url}` and use any key that starts with `sk_test_`: each key is a sandbox of its own.

```python
import stripe

client = stripe.StripeClient("sk_test_mine", base_addresses={{"api": "{url}"}})
intent = client.v1.payment_intents.create(
    {{"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}}
)
print(intent.status)
```

* [API reference](/docs/api): every object, its fields and operations.
* [Lives](/docs/lives): which states an object goes through, and what each step does.
* [Posting rules](/docs/posting-rules): how each movement of money is booked, and the chart of accounts.
* [Error codes](/docs/error-codes): what each means, and what to do.
* [OpenAPI document](/openapi.json): all of it for programs.
"""


def docs_page(pages: Mapping[str, str], url: str) -> Callable[[Incoming], Awaitable[Reply]]:
    """What answers under /docs; each page is made into HTML when it is first asked for."""
    ready: dict[str, bytes] = {}
    sources = {"": HOME.format(url=url), **pages}

    async def page(incoming: Incoming) -> Reply:
        name = incoming.path.removeprefix("/docs").strip("/")
        if name not in sources:
            return Reply(404, _html("Not found", "# There is no such page\n\n[All pages](/docs)", sources, name), HTML)
        if name not in ready:
            ready[name] = _html(name or "Nostro", sources[name], sources, name)
        return Reply(200, ready[name], HTML)

    return page


def redirect(path: str) -> Callable[[Incoming], Awaitable[Reply]]:
    """A page that sends the reader on to another."""

    async def page(_: Incoming) -> Reply:
        return Reply(302, b"", [(b"location", path.encode())])

    return page


HTML = [(b"content-type", b"text/html; charset=utf-8")]


def _html(title: str, markdown: str, sources: Mapping[str, str], here: str) -> bytes:
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    body = body.replace('href="api/', 'href="/docs/api/')
    for code in [line[3:] for line in markdown.splitlines() if line.startswith("## ")]:
        body = body.replace(f"<h2>{code}</h2>", f'<h2 id="{code}">{code}</h2>', 1)
    top = [("", "Start"), ("api", "API reference"), ("lives", "Lives"), ("posting-rules", "Posting rules"),
           ("error-codes", "Error codes")]  # fmt: skip
    objects = [(name, name.removeprefix("api/")) for name in sorted(sources) if name.startswith("api/")]
    links = "".join(_link(*entry, here) for entry in top) + "<h4>Objects</h4>"
    links += "".join(_link(*entry, here) for entry in objects)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} · Nostro</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<div class="house"><nav><b>Nostro</b>{links}</nav><main>{body}</main></div></body></html>'
    ).encode()


def _link(name: str, title: str, here: str) -> str:
    mark = ' class="here"' if name == here else ""
    return f'<a{mark} href="/docs{"/" + name if name else ""}">{title}</a>'
