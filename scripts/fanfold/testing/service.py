"""The stand-in Messages API without its socket: routes, and what becomes of each request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from fanfold.testing.batches import BATCH_ROUTES, Batches
from fanfold.testing.books import Books, Recorded, Stats, masked
from fanfold.testing.exchange import OK, Exchange
from fanfold.testing.http1 import HttpRequest
from fanfold.testing.model_calls import ModelCalls, ScriptError
from fanfold.testing.options import ServerOptions
from fanfold.testing.rejections import MODELS, Model, Rejection, check_caller
from fanfold.testing.replies import Script, answer_of
from fanfold.testing.wire import Playback, json_playback

RECORDS = TypeAdapter(tuple[Recorded, ...])

Handler: TypeAlias = Callable[[Exchange, Mapping[str, str]], Playback]


class MessagesService:
    """Answers requests of the Messages API by a script.

    `clock` gives steady seconds; cache entries and rate limits live on it. Errors that the script raises are
    kept in `script_errors`; the request that met one is answered with 400, which no client tries again.
    """

    def __init__(
        self,
        script: Script = None,
        options: ServerOptions = ServerOptions(),  # noqa: B008 — frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._script = script
        self._clock = clock
        self._requests = 0
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self.options = options
        self.script_errors: list[ScriptError] = []
        self.route("POST", "/v1/messages", _messages)
        self.route("POST", "/v1/messages/count_tokens", _count_tokens)
        for name, method, pattern in BATCH_ROUTES:
            self.route(method, pattern, partial(self._batched, name))
        self.route("GET", "/v1/models", _models)
        self.route("GET", "/v1/models/(?P<id>[^/]+)", _model)
        self.reset()

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        """Add a route: a method, a regular expression for the whole path, and who answers."""
        self._routes.append((method, re.compile(pattern), handler))

    def _batched(self, name: str, exchange: Exchange, parts: Mapping[str, str]) -> Playback:
        """Answer a request about batches; a reset has replaced them."""
        answer: Handler = getattr(self.batches, name)
        return answer(exchange, parts)

    def reset(self, options: ServerOptions | None = None) -> None:
        """Forget requests, counters, cache, limits and the script's turns; take new options if given."""
        self.options = options or self.options
        self._origin_s = self._clock()
        self.books = Books(self.options.keep_requests)
        self.calls = ModelCalls(answer_of(self._script), self.options, self.now_s)
        self.batches = Batches(self.options.batch_s, self.options.batch_accept_s, self.now_s)

    def advance(self, seconds: float) -> None:
        """Let that much time pass for the cache and the limits."""
        self._origin_s -= seconds

    def now_s(self) -> float:
        """Seconds since the start or the last reset."""
        return self._clock() - self._origin_s

    def stats(self) -> Stats:
        """Return the counters."""
        return self.books.stats()

    def requests(self) -> tuple[Recorded, ...]:
        """Return what was asked, oldest first; at most the last `keep_requests`."""
        return tuple(self.books.requests)

    def connected(self) -> None:
        """Count a connection."""
        self.books.connect()

    def handle(self, request: HttpRequest) -> Exchange:
        """Turn a request into its response."""
        if request.path in _CONTROLS:
            return self._control(request)
        self._requests += 1
        request_id = f"req_{self._requests:024d}"
        exchange = self._open(request)
        self.books.open(exchange.record)
        playback = self._respond(exchange, request_id)
        exchange.playback = replace(playback, headers=(*playback.headers, ("request-id", request_id)))
        return exchange

    def _open(self, request: HttpRequest) -> Exchange:
        record = Recorded(request.method, request.path, masked(request.headers), {}, self.now_s())
        return Exchange(request, record, self.books, self.calls, self.now_s)

    def _respond(self, exchange: Exchange, request_id: str) -> Playback:
        try:
            handler, parts = self._find(exchange.request)
            check_caller(exchange.request.headers, self.options.api_key)
            return handler(exchange, parts)
        except ScriptError as error:
            self.script_errors.append(error)
            rejection = Rejection(400, str(error))
        except RecursionError:
            rejection = Rejection(400, "The request body is nested too deeply")
        except Rejection as raised:
            rejection = raised
        return json_playback(rejection.status, rejection.body(request_id), *rejection.headers)

    def _find(self, request: HttpRequest) -> tuple[Handler, Mapping[str, str]]:
        found = [
            (method, handler, match.groupdict())
            for method, pattern, handler in self._routes
            if (match := pattern.fullmatch(request.path))
        ]
        for method, handler, parts in found:
            if method == request.method:
                return handler, parts
        raise Rejection(405 if found else 404, f"{request.method} {request.path}: Not found")

    def _control(self, request: HttpRequest) -> Exchange:
        """Answer a request that is about the server itself; it is in no book."""
        exchange = replace(self._open(request), books=Books(0))
        exchange.books.open(exchange.record)
        exchange.playback = _CONTROLS[request.path](self, request)
        return exchange


def _messages(exchange: Exchange, _parts: Mapping[str, str]) -> Playback:
    call = exchange.calls.answer(exchange.request.body, exchange.record)
    exchange.use = call.use
    return call.playback


def _count_tokens(exchange: Exchange, _parts: Mapping[str, str]) -> Playback:
    return json_playback(OK, {"input_tokens": exchange.calls.count(exchange.request.body, exchange.record)})


def _models(exchange: Exchange, _parts: Mapping[str, str]) -> Playback:
    """Return a page of models; the cursor is the id of the last one of the page before."""
    ids = list(MODELS)
    after = exchange.request.query.get("after_id")
    start = ids.index(after) + 1 if after in ids else 0
    page = ids[start : start + _page_size(exchange.request)]
    document = {
        "data": [_model_info(MODELS[name]) for name in page],
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
        "has_more": start + len(page) < len(ids),
    }
    return json_playback(OK, document)


def _page_size(request: HttpRequest) -> int:
    limit = request.query.get("limit", "20")
    if not (limit.isdecimal() and 1 <= int(limit) <= 1000):  # noqa: PLR2004 — the API's own bound
        raise Rejection(400, "limit: Input should be a whole number from 1 to 1000")
    return int(limit)


def _model(_exchange: Exchange, parts: Mapping[str, str]) -> Playback:
    if parts["id"] not in MODELS:
        raise Rejection(404, f"model: {parts['id']}")
    return json_playback(OK, _model_info(MODELS[parts["id"]]))


def _model_info(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name,
        "created_at": "2026-10-01T00:00:00Z",
        "lifecycle": model.lifecycle,
        "retires_at": None if model.lifecycle == "active" else "2027-02-01T00:00:00Z",
        "max_input_tokens": model.context,
        "max_tokens": model.most_output,
        "capabilities": {
            "effort": {
                "supported": model.current,
                **{level: {"supported": model.current} for level in ("low", "medium", "high", "xhigh", "max")},
            }
        },
    }


def _stats(service: MessagesService, _request: HttpRequest) -> Playback:
    return json_playback(OK, service.stats().model_dump(mode="json"))


def _requests(service: MessagesService, _request: HttpRequest) -> Playback:
    return json_playback(OK, RECORDS.dump_python(service.requests(), mode="json"))


def _reset(service: MessagesService, request: HttpRequest) -> Playback:
    """Reset; a body replaces the options."""
    try:
        options = ServerOptions.model_validate_json(request.body) if request.body else None
    except ValueError as error:
        return json_playback(400, {"error": str(error)})
    service.reset(options)
    return json_playback(OK, {})


_CONTROLS: Mapping[str, Callable[[MessagesService, HttpRequest], Playback]] = {
    "/__stats": _stats,
    "/__requests": _requests,
    "/__reset": _reset,
}
