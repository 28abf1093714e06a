"""Checks of what a server has to do, as the database tells it: jobs, deliveries, endpoints, keys, logs."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import msgspec

from .finding import Finding, Ground, note, ok, warning

LATE = 60
MOST = 1_000
SHOWN = 3
PATIENCE = 3
MOST_ENDPOINTS = 30
FAILING = 3  # tries in vain
UNUSED_DAYS = 30
DAY = 86_400


def jobs(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    found: list[Finding] = []
    late = ground.look.rows("SELECT due FROM job WHERE due<? ORDER BY due LIMIT ?", (ground.now - LATE, MOST))
    if late:
        text = f"{_many(len(late))} jobs are overdue, the oldest since {(ground.now - late[0][0]) // 60} minutes."
        found += warning(text, "Is a server running on this database, and does its log complain?")
    failing = ground.look.rows(
        "SELECT kind, ref, attempts, error FROM job WHERE attempts>0 ORDER BY attempts DESC LIMIT ?", (SHOWN,)
    )
    for kind, ref, attempts, error in failing:
        found += warning(f"{kind} about {ref} failed {attempts} times: {error}", "It is tried again by itself.")
    return found or ok("No job is overdue or failing.")


def deliveries(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    late = ground.look.rows(
        "SELECT due, state FROM delivery WHERE due<? ORDER BY due LIMIT ?", (ground.now - LATE, MOST)
    )
    if not late:
        return ok("No webhook is waiting longer than it should.")
    text = f"{_many(len(late))} webhooks are overdue, the oldest since {(ground.now - late[0][0]) // 60} minutes."
    return warning(text, "Is a server running on this database, and does it reach the internet?")


def failing_endpoints(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    rows = ground.look.rows(
        "SELECT endpoint, count(*), max(tries) FROM delivery WHERE due IS NOT NULL GROUP BY endpoint "
        "HAVING max(tries)>=? ORDER BY 2 DESC LIMIT ?", (FAILING, 10),
    )  # fmt: skip
    found: list[Finding] = []
    for endpoint, count, tries in rows:
        text = f"{count} events wait for {endpoint} ({_url(ground, endpoint)}), tried up to {tries} times."
        found += warning(text, "See what it answers: nostro events list, and GET /v1/events/{id}/deliveries")
    return found or ok("No webhook endpoint keeps refusing.")


def reachable_endpoints(ground: Ground) -> list[Finding]:
    """Only whether somebody listens there: nothing is sent."""
    assert ground.look is not None
    rows = ground.look.rows("SELECT id, body FROM webhook_endpoint ORDER BY id DESC LIMIT ?", (MOST_ENDPOINTS,))
    enabled = [(id, body) for id, body in ((id, _decoded(body)) for id, body in rows) if _enabled(body)]
    if not enabled:
        return ok("There is no webhook endpoint that is enabled.")
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda one: _refusal(one[1]["url"]), enabled))
    found: list[Finding] = []
    for (id, body), why in zip(enabled, said, strict=True):
        if why:
            found += warning(
                f"{id} ({body['url']}) is not reached: {why}.", "Is it running? Else disable or delete it."
            )
    return found or ok(f"{len(enabled)} webhook endpoints listen.")


def keys(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    rows = ground.look.rows(
        "SELECT k.hint, k.name FROM api_key k WHERE k.revoked IS NULL AND k.created<? AND NOT EXISTS "
        "(SELECT 1 FROM request_caller c WHERE c.key_hint=k.hint) ORDER BY k.created LIMIT ?",
        (ground.now - UNUSED_DAYS * DAY, 20),
    )
    if not rows:
        return ok("Every key that is older than 30 days was used lately.")
    hints = ", ".join(f"{hint} {name}".strip() for hint, name in rows)
    return warning(
        f"Not used as long as request logs tell: {hints}", "Revoke what nobody needs: nostro keys revoke KEY"
    )


def request_logs(ground: Ground) -> list[Finding]:
    assert ground.look is not None
    lines, oldest = ground.look.rows("SELECT coalesce(sum(lines),0), min(hour) FROM request_hour")[0]
    days = (ground.now - oldest) // DAY if oldest else 0
    if oldest and days > ground.settings.log_days + 1:
        text = f"Request logs reach back {days} days, and should reach back {ground.settings.log_days}."
        return warning(text, "A running server drops them each hour: is there one, with the same settings?")
    return note(f"{int(lines):,} requests are in the log, of {days} days.")


def _enabled(body: dict[str, Any]) -> bool:
    return str(body.get("status", "enabled")) == "enabled"


def _refusal(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), PATIENCE):
            return ""
    except (OSError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _url(ground: Ground, endpoint: str) -> str:
    assert ground.look is not None
    rows = ground.look.rows(
        "SELECT w.body FROM scope s JOIN webhook_endpoint w ON w.scope=s.scope AND w.id=?", (endpoint,)
    )
    return str(_decoded(rows[0][0]).get("url")) if rows else "deleted"


def _decoded(body: Any) -> dict[str, Any]:
    made: dict[str, Any] = body if isinstance(body, dict) else msgspec.json.decode(body)
    return made


def _many(count: int) -> str:
    return f"{count}" if count < MOST else f"{MOST} or more"
