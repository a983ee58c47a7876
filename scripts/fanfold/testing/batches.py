"""Message Batches of the stand-in API: created, asked for, ended, and their results in no order."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fanfold.testing.books import Recorded
from fanfold.testing.prompt import compact
from fanfold.testing.rejections import Rejection, parse_body
from fanfold.testing.wire import Piece, Playback, json_playback

if TYPE_CHECKING:
    from fanfold.testing.exchange import Exchange

_OK = 200
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST = 100_000
# What each route is called among the methods of `Batches`.
BATCH_ROUTES = (
    ("create", "POST", "/v1/messages/batches"),
    ("retrieve", "GET", "/v1/messages/batches/(?P<id>[^/]+)"),
    ("results", "GET", "/v1/messages/batches/(?P<id>[^/]+)/results"),
)
_MOMENT = "2026-11-01T00:00:00Z"


@dataclass
class Batch:
    """One batch: its results by custom id, and when it ends, in the server's seconds."""

    id: str
    ends_s: float
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self, host: str, *, ended: bool) -> dict[str, Any]:
        """Return the batch as the API shows it."""
        kinds = [result["type"] for result in self.results.values()]
        counts = {kind: kinds.count(kind) if ended else 0 for kind in ("succeeded", "errored", "expired", "canceled")}
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {"processing": 0 if ended else len(kinds), **counts},
            "created_at": _MOMENT,
            "expires_at": "2026-11-02T00:00:00Z",
            "ended_at": _MOMENT if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"http://{host}/v1/messages/batches/{self.id}/results" if ended else None,
        }


@dataclass
class Batches:
    """All batches of a server."""

    takes_s: float
    accepts_s: float
    clock: Callable[[], float]
    held: dict[str, Batch] = field(default_factory=dict)

    def create(self, exchange: Exchange, _parts: Mapping[str, str]) -> Playback:
        """Take a batch in; each request is answered at once, and shown when the batch has ended."""
        exchange.record.body = body = parse_body(exchange.request.body)
        requests = _checked(body)
        batch = Batch(f"msgbatch_{len(self.held) + 1:024d}", ends_s=self.clock() + self.takes_s)
        batch.results = {entry["custom_id"]: _result(exchange, entry["params"]) for entry in requests}
        self.held[batch.id] = batch
        return replace(json_playback(_OK, batch.document(_host(exchange), ended=False)), wait_s=self.accepts_s)

    def retrieve(self, exchange: Exchange, parts: Mapping[str, str]) -> Playback:
        """Show a batch."""
        batch = self._find(parts["id"])
        return json_playback(_OK, batch.document(_host(exchange), ended=batch.ends_s <= self.clock()))

    def results(self, _exchange: Exchange, parts: Mapping[str, str]) -> Playback:
        """Give the results, one JSON object a line, in another order than they were asked in."""
        batch = self._find(parts["id"])
        if batch.ends_s > self.clock():
            raise Rejection(404, f"{batch.id}: has not ended")
        lines = [compact({"custom_id": name, "result": result}) for name, result in batch.results.items()]
        random.Random(batch.id).shuffle(lines)  # noqa: S311  an order, not a secret
        text = "".join(f"{line}\n" for line in lines)
        return Playback(_OK, (("content-type", "application/x-jsonl"),), (Piece(text.encode()),))

    def _find(self, name: str) -> Batch:
        if name not in self.held:
            raise Rejection(404, f"message batch {name}: Not found")
        return self.held[name]


def _host(exchange: Exchange) -> str:
    return exchange.request.headers.get("host", "127.0.0.1")


def _checked(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a batch. Raises Rejection for what the API does not take."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not 1 <= len(requests) <= _MOST:
        raise Rejection(400, f"requests: a list of 1 to {_MOST} is expected")
    seen: set[str] = set()
    for place, entry in enumerate(requests):
        name = entry.get("custom_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not _CUSTOM_ID.fullmatch(name) or name in seen:
            raise Rejection(400, f"requests.{place}.custom_id: a unique name of 1 to 64 letters, digits, - or _")
        if "stream" in entry.get("params", {}):
            raise Rejection(400, f"requests.{place}.params.stream: not supported in a batch")
        seen.add(name)
    return requests


def _result(exchange: Exchange, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one request as a batch does: a rejection is an error of this request alone, what broke off has expired."""
    record = Recorded("POST", "/v1/messages", {}, {}, 0.0)
    try:
        call = exchange.calls.answer(compact(params).encode(), record)
    except Rejection as rejection:
        return {"type": "errored", "error": rejection.body("req_in_a_batch")}
    if call.use is None:
        return {"type": "expired"}
    exchange.calls.begin_answer(call.use, 0.0)
    return {"type": "succeeded", "message": parse_body(b"".join(piece.data for piece in call.playback.pieces))}
