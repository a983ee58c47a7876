"""What faults make of a response on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from fanfold.testing.options import Fault, FaultKind
from fanfold.testing.wire import STREAM_TYPE, Ending, Piece, Playback, event

Pieces = tuple[Piece, ...]

_HTML_TYPE = ("content-type", "text/html; charset=utf-8")
_PAGE = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>Try again.</body></html>"
_ERROR = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
_BROKEN_EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type\n\n'
_BROKEN_BODY = b"\x00<"


def with_fault(playback: Playback, fault: Fault) -> Playback:
    """Return a whole answer as the fault leaves it; kinds that are not of the wire change nothing."""
    change = _CHANGES.get(fault.kind)
    return change(playback, fault) if change else playback


def _reset(playback: Playback, _fault: Fault) -> Playback:
    return Playback(None, ending=Ending.RESET, wait_s=playback.wait_s)


def _hang(playback: Playback, fault: Fault) -> Playback:
    if fault.seconds is None:
        return Playback(None, ending=Ending.HANG)
    return replace(playback, wait_s=playback.wait_s + fault.seconds)


def _stall(playback: Playback, fault: Fault) -> Playback:
    sent, rest = _split(playback.pieces, fault.at)
    if fault.seconds is None:
        return replace(playback, pieces=sent, ending=Ending.HANG)
    late = replace(rest[0], delay_s=rest[0].delay_s + fault.seconds)
    return replace(playback, pieces=(*sent, late, *rest[1:]))


def _cut(playback: Playback, fault: Fault) -> Playback:
    return replace(playback, pieces=_split(playback.pieces, fault.at)[0], ending=Ending.CLOSE)


def _early_end(playback: Playback, fault: Fault) -> Playback:
    return replace(playback, pieces=_split(playback.pieces, fault.at)[0])


def _error_event(playback: Playback, fault: Fault) -> Playback:
    return _ends_with(_ERROR, playback, fault)


def _malformed_json(playback: Playback, fault: Fault) -> Playback:
    streams = STREAM_TYPE in playback.headers
    return _ends_with(_BROKEN_EVENT if streams else _BROKEN_BODY, playback, fault)


def _html(playback: Playback, _fault: Fault) -> Playback:
    others = [header for header in playback.headers if header[0] != "content-type"]
    return replace(playback, headers=(_HTML_TYPE, *others), pieces=(Piece(_PAGE),))


def _ends_with(data: bytes, playback: Playback, fault: Fault) -> Playback:
    sent, _ = _split(playback.pieces, fault.at)
    return replace(playback, pieces=(*sent, Piece(data, 0.0, sent[-1].tokens if sent else 0)))


def _split(pieces: Pieces, share: float) -> tuple[Pieces, Pieces]:
    """Split where that share of the pieces is sent; the second part is never empty."""
    place = min(int(share * len(pieces)), len(pieces) - 1)
    return pieces[:place], pieces[place:]


_CHANGES: Mapping[FaultKind, Callable[[Playback, Fault], Playback]] = {
    FaultKind.RESET: _reset,
    FaultKind.HANG: _hang,
    FaultKind.STALL: _stall,
    FaultKind.CUT: _cut,
    FaultKind.EARLY_END: _early_end,
    FaultKind.ERROR_EVENT: _error_event,
    FaultKind.MALFORMED_JSON: _malformed_json,
    FaultKind.HTML: _html,
}
