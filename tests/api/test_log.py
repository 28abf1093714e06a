"""The request log: each merchant sees its own lines, in order, and asks for what came after the last one seen."""

from __future__ import annotations

from nostro.api.log import Line, RequestLog
from nostro.testing.sandbox import Sandbox


def filled(size: int = 100, count: int = 10) -> RequestLog:
    log = RequestLog(size)
    for n in range(1, count + 1):
        log.add(n, f"req_{n}", "acct_even" if n % 2 == 0 else "acct_odd", "GET", "/v1/x", 200, 5, None)
    return log


def numbers(lines: list[Line]) -> list[int]:
    return [line.number for line in lines]


def test_after_and_latest() -> None:
    log = filled()
    assert numbers(log.after(0, "acct_even")) == [2, 4, 6, 8, 10]
    assert numbers(log.after(4, "acct_even", limit=2)) == [6, 8]
    assert numbers(log.after(10, "acct_even")) == numbers(log.after(99, "acct_even")) == []
    assert numbers(log.latest("acct_odd", limit=2)) == [7, 9]
    assert log.latest("acct_nobody") == []


def test_old_lines_make_room() -> None:
    log = filled(size=4)
    assert numbers(log.after(0, "acct_even")) == [8, 10]
    assert numbers(log.after(8, "acct_even")) == [10]


def test_the_log_over_the_api(nostro: Sandbox) -> None:
    nostro.request("GET", "/v1/events")
    page = nostro.request("GET", "/v1/request_logs")
    (line,) = page["data"]
    assert (line["method"], line["path"], line["status"], line["error_code"]) == ("GET", "/v1/events", 200, None)
    assert line["id"].startswith("req_") and line["object"] == "request_log"
    later = nostro.request("GET", f"/v1/request_logs?after={line['number']}")["data"]
    assert [one["path"] for one in later] == ["/v1/request_logs"]
