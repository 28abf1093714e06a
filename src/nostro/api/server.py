"""The API as an ASGI application: one request in, one reply out.

    authenticate -> find the route -> decode -> idempotency -> verb in a unit -> commit -> answer

Pages, docs and health answer before authentication, from `extra`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nostro.controls.api_key import Caller, Keys, on_behalf
from nostro.events.work import perform
from nostro.kernel.clock import SECOND, elapsed
from nostro.kernel.errors import ApiError, Refused, invalid, no_such, refused
from nostro.kernel.form import FormError, decode
from nostro.kernel.http import Incoming, Reply
from nostro.kernel.ids import time_code
from nostro.kernel.params import convert
from nostro.kernel.resource import Params, Stored
from nostro.storage.scope import load_scope
from nostro.storage.tx import Request, Tx
from nostro.storage.world import World

from . import log_lines, versions
from .admission import Admission
from .browser import check_expand, narrowed
from .credentials import given_key
from .expand import MOST_PATHS, expand
from .idempotency import Answered, Idempotency, fingerprint, keep
from .log import POLL, Recorder
from .multipart import decode_multipart
from .pagination import SearchParams, list_page, list_params, search_page
from .reply import JSON, encode, error_wire, internal_error, rendered, success
from .router import Route, Router

logger = logging.getLogger("nostro.api")
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Page = Callable[[Incoming], Awaitable[Reply]]
# A body of lines arrives as the parameter `lines`, and its content type as `format`.
METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"))
LINES = {b"application/x-ndjson": "ndjson", b"text/csv": "csv"}


class Api:
    """`pages` maps a path's first segment to what answers it without a key: hosted pages, docs, health."""

    def __init__(self, world: World, pages: Mapping[str, Page] | None = None) -> None:
        self.world = world
        self.keys = Keys(world)
        self.log = Recorder(world, self._form)
        self.admission = Admission(world.settings)
        self._pages = dict(pages or {})
        self._router = Router(world.registry.resources)
        self._idempotency = Idempotency(world)
        self._list_params: dict[str, type[Params]] = {
            verb.path + verb.name: list_params(verb)
            for resource in world.registry.resources
            for verb in resource.verbs
            if verb.kind == "list"
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        started = elapsed()
        headers = dict(scope["headers"])
        request_id = f"req_{time_code(self.world.clock.micros())}{self.world.ids.word(9)}"
        incoming = Incoming(scope["method"], scope["path"], scope["query_string"], headers)
        self.admission.in_flight += 1
        try:
            reply, caller = await self._answer(incoming, receive, request_id)
        finally:
            self.admission.in_flight -= 1
        out = list(reply.headers) if _has_type(reply) else [JSON, *reply.headers]
        out.append((b"content-length", str(len(reply.body)).encode()))
        out.append((b"request-id", request_id.encode()))
        out.append((b"stripe-version", versions.CURRENT.encode()))
        if key := headers.get(b"idempotency-key"):
            out.append((b"idempotency-key", key))
        if self.world.leaving:
            out.append((b"connection", b"close"))
        if POLL not in headers and incoming.path[1:].partition("/")[0] not in self._pages:
            self.log.add(incoming, scope.get("client"), reply, caller, request_id, elapsed() - started)
        scope["route"] = incoming.route
        self._count(incoming, reply, elapsed() - started)
        log_lines.say(incoming, reply, caller, request_id, elapsed() - started)
        await send({"type": "http.response.start", "status": reply.status, "headers": out})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, incoming: Incoming, receive: Receive, request_id: str) -> tuple[Reply, Caller | None]:
        caller: Caller | None = None
        try:
            incoming.body = await self._body(incoming.headers, receive)
            first = incoming.path.split("/", 2)[1]
            page = self._pages.get(first)
            if page is not None:
                incoming.route = f"/{first}"
                return await page(incoming), None
            self.admission.check_room()
            caller = await self.keys.accept(given_key(incoming.header(b"authorization") or ""))
            self.admission.enter(caller, incoming.method)
            try:
                return await self._serve(incoming, caller, request_id), caller
            finally:
                self.admission.leave(caller)
        except ApiError as error:
            return self._error(error, request_id, caller), caller
        except Refused as refusal:
            return self._error(refused(refusal), request_id, caller), caller
        except Exception:
            logger.exception("%s %s failed (%s)", incoming.method, incoming.route, request_id)
            return self._error(internal_error(request_id), request_id), caller

    async def _serve(self, incoming: Incoming, caller: Caller, request_id: str) -> Reply:
        if "\0" in incoming.path:
            raise invalid("Invalid NUL byte in the path.")
        versions.check(incoming.header(b"stripe-version"))
        if account := incoming.header(b"stripe-account"):
            caller = await on_behalf(self.world, caller, account)
        found = self._router.find(incoming.method, incoming.path)
        if found is None or (found[0].verb.dev_only and caller.scope.livemode):
            raise ApiError(
                f"Unrecognized request URL ({incoming.method}: {incoming.path[:200]}). "
                f"See {self.world.settings.public_url}/docs for what there is.", status=404,
            )  # fmt: skip
        route, values = found
        incoming.route = route.verb.path
        _check_access(route, caller)
        form = self._form(incoming)
        paths = _expand_paths(form)
        if caller.kind == "publishable":
            check_expand(paths)
        ids = dict(zip(route.names, values, strict=True))
        key = incoming.header(b"idempotency-key") if incoming.method == "POST" else None
        request = Request(
            request_id, key, incoming.header(b"stripe-version"), caller.kind == "publishable", caller.key, caller.hint
        )
        if key is None:
            return await self._perform(route, caller, ids, form, paths, request, None)
        print = fingerprint(incoming.method, incoming.path, incoming.body)
        stored = await self._idempotency.begin(caller.scope, key, print, route.verb.kind == "system")
        if stored is not None:
            return stored
        try:
            return await self._perform(route, caller, ids, form, paths, request, print)
        finally:
            self._idempotency.end(caller.scope, key)

    async def _perform(
        self, route: Route, caller: Caller, ids: dict[str, str], form: dict[str, Any], paths: list[str],
        request: Request, print: str | None,
    ) -> Reply:  # fmt: skip
        reply, runs = Reply(200, b""), 0
        outside = await self._run_outside(route, caller, ids, form) if route.verb.kind == "system" else None

        async def run(tx: Tx) -> Any:
            nonlocal runs
            runs += 1
            if runs > 1 and print and (stored := await self._stored(caller, request, print)):
                raise Answered(stored)
            answer = outside or await self._run(tx, route, caller, dict(ids), dict(form))
            wire = rendered(tx.view, answer)
            if paths and tx.outcome is None:
                wire = await expand(tx, wire, paths)
            return narrowed(tx.registry, wire) if caller.kind == "publishable" else wire

        def seal(tx: Tx, wire: Any) -> None:
            made = self._error(tx.outcome, request.id or "", caller) if tx.outcome else success(wire)
            reply.status, reply.body, reply.headers, reply.code = made.status, made.body, made.headers, made.code
            if request.idempotency_key and print:
                keep(tx, caller.scope, request.idempotency_key, print, made)

        try:
            await perform(self.world, caller.scope, run, request, seal)
        except Answered as answered:
            return answered.reply
        except Exception:  # whatever a second run meets, the first one has the word
            if print and (stored := await self._stored(caller, request, print)):
                return stored
            raise
        return reply

    async def _stored(self, caller: Caller, request: Request, print: str) -> Reply | None:
        return await self._idempotency.stored(caller.scope, request.idempotency_key or "", print)

    async def _run_outside(self, route: Route, caller: Caller, ids: dict[str, str], form: dict[str, Any]) -> Any:
        """A verb that acts through many units; the one that follows only keeps its answer."""
        assert route.verb.run is not None, f"{route.verb.path} does nothing"
        scope = await load_scope(self.world, caller.scope.number)
        return await route.verb.run(self.world, scope, convert({**form, **ids}, route.verb.params))

    async def _run(self, tx: Tx, route: Route, caller: Caller, ids: dict[str, str], form: dict[str, Any]) -> Any:
        resource, verb = route.resource, route.verb
        url = verb.path
        for name, value in ids.items():
            url = url.replace(f"{{{name}}}", value)
        own = ids.pop("id", None)
        form.update(ids)
        if verb.within is not None:
            await verb.within(tx, ids["account"])
        elif verb.kind == "list":
            await _check_owner(tx, ids)
        if verb.kind == "list" and verb.run is None:
            page = await list_page(tx, resource, verb, convert(form, self._list_params[verb.path + verb.name]), url)
            if resource.complete:
                page["data"] = await resource.complete(tx, page["data"])
            return page
        if verb.kind == "search":
            return await search_page(tx, resource, convert(form, SearchParams), url)
        secret = form.pop("client_secret", None) if verb.access == "client_secret" else None
        if own is None:
            params = convert(form, verb.params)
            assert verb.run is not None, f"{verb.path} does nothing"
            return await verb.run(tx, params)
        record = await tx.find(resource, own)
        hidden = record is not None and resource.visible and not resource.visible(record)
        if record is None or (hidden and verb.kind != "retrieve"):
            error = no_such(resource.noun or resource.object, own, resource.id_param)
            error.status = 404  # the path names it
            raise error
        _check_secret(record, caller, secret, resource.noun or resource.object, resource.id_param)
        params = convert(form, verb.params)
        if verb.run is not None:
            return await verb.run(tx, record, params)
        return (await resource.complete(tx, [record]))[0] if resource.complete else record

    def _form(self, incoming: Incoming) -> dict[str, Any]:
        try:
            form = decode(incoming.query) if incoming.query else {}
            kind = incoming.headers.get(b"content-type", b"")
            if incoming.body and incoming.method == "POST":
                if kind.startswith(b"multipart/form-data"):
                    form.update(decode_multipart(kind, incoming.body))
                elif kind.startswith(b"application/json"):
                    raise invalid("Send parameters as application/x-www-form-urlencoded, not as JSON.")
                elif format := LINES.get(_plain(kind)):
                    form |= {"lines": incoming.body.decode(), "format": format}
                else:
                    form.update(decode(incoming.body))
            return form
        except FormError as error:
            raise invalid(str(error), error.param) from None
        except UnicodeDecodeError:
            raise invalid("The body is not UTF-8.") from None

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        kind = headers.get(b"content-type", b"")
        large = kind.startswith(b"multipart/") or _plain(kind) in LINES
        most = self.world.settings.max_file if large else self.world.settings.max_body
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body") and size <= most:
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            body = b"".join(parts)
        if len(body) > most:
            raise ApiError(f"Request body too large: the limit is {most} bytes.", status=413)
        return body

    def _error(self, error: ApiError, request_id: str, caller: Caller | None = None) -> Reply:
        view = self.world.view(self.world.clock.micros() // SECOND)
        wire = error_wire(error, view, self.world.settings.public_url)
        if self.world.settings.dev and caller is not None and caller.kind == "secret":
            wire["request_log_url"] = f"{self.world.settings.public_url}/logs/{request_id}"
        if caller is not None and caller.kind == "publishable":
            wire = narrowed(self.world.registry, wire)
        reply = Reply(error.status, encode({"error": wire}), code=error.decline_code or error.code)
        if error.status in (409, 429, 503):
            reply.headers.append((b"stripe-should-retry", b"true"))
        if error.status in (429, 503):
            reply.headers.append((b"retry-after", b"1"))
        if error.reason is not None:
            self.world.meter.turned_away.labels(*error.reason).inc()
            if error.status == 429:
                reply.headers.append((b"stripe-rate-limited-reason", error.reason[1].encode()))
        return reply

    def _count(self, incoming: Incoming, reply: Reply, micros: int) -> None:
        method = incoming.method if incoming.method in METHODS else "other"
        self.world.meter.answered(incoming.route or "none", method, reply.status, micros)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _check_access(route: Route, caller: Caller) -> None:
    if caller.kind == "publishable" and route.verb.access == "secret":
        raise ApiError(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            status=403, code="secret_key_required",
        )  # fmt: skip


def _check_secret(record: Stored, caller: Caller, secret: Any, noun: str, param: str) -> None:
    """A publishable key sees an object only with its client secret."""
    own = getattr(record, "client_secret", None)
    if caller.kind == "secret" and secret is None:
        return
    if own is None and caller.kind == "secret":
        return
    if not isinstance(secret, str) or own is None or not secrets.compare_digest(secret.encode(), own.encode()):
        raise ApiError(
            f"No such {noun}: '{record.id}'" if secret is None else
            "The client_secret provided does not match the client_secret of this object.",
            status=404 if secret is None else 400,
            code="resource_missing" if secret is None else "client_secret_invalid", param=param,
        )  # fmt: skip


async def _check_owner(tx: Tx, ids: dict[str, str]) -> None:
    """What a nested list's path names is there: the customer of `/v1/customers/{customer}/sources`."""
    for name, id in ids.items():
        resource = tx.registry.by_object.get(name)
        if resource is not None and resource.stored:
            try:
                await tx.get(resource, id, name)
            except ApiError as error:
                error.status = 404  # the path names it
                raise


def _expand_paths(form: dict[str, Any]) -> list[str]:
    paths = form.pop("expand", None)
    if paths is None:
        return []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise invalid("Invalid array", "expand")
    if len(paths) > MOST_PATHS:
        raise invalid(f"You can expand up to {MOST_PATHS} properties in one request.", "expand")
    return paths


def _plain(kind: bytes) -> bytes:
    """A content type without its parameters."""
    return kind.partition(b";")[0].strip().lower()


def _has_type(reply: Reply) -> bool:
    return any(name == b"content-type" for name, _ in reply.headers)
