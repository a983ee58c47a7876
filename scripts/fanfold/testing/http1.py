"""An HTTP/1.1 server on asyncio and h11 that plays responses piece by piece, and can break them off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl

import h11

from fanfold.testing.rejections import MOST_BODY_BYTES
from fanfold.testing.wire import Ending, Piece, Playback

# A thousand clients may connect at once; one that does not fit in the queue tries again a second later.
BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request; header names are in lower case, a body that is too large ends a byte over the limit."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Exchange(Protocol):
    """A response, and who is told how far it got."""

    playback: Playback

    def began(self) -> None:
        """The status line is about to go out."""

    def sent(self, piece: Piece) -> None:
        """What goes up to the end of a piece is about to go out."""

    def ended(self, ending: str) -> None:
        """Nothing more is going out; may be said again."""


class Service(Protocol):
    """Who answers."""

    def connected(self) -> None:
        """A client connected."""

    def handle(self, request: HttpRequest) -> Exchange:
        """Return the response to a request."""


class Connection(asyncio.Protocol):
    """One client; requests on it are answered one after the other."""

    def __init__(self, service: Service, open_connections: set[Connection]) -> None:
        self._service = service
        self._open = open_connections
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._playing: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 — asyncio's promise, for the type checker
        self.transport = transport
        self._open.add(self)
        self._service.connected()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — why it is gone makes no difference
        self._open.discard(self)
        if self._playing:
            self._playing.cancel()

    def stop(self) -> asyncio.Task[None] | None:
        """Drop the client; returns the task that served it, which is being cancelled."""
        self.transport.abort()
        if self._playing:
            self._playing.cancel()
        return self._playing

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._advance()

    def _advance(self) -> None:
        """Take what has arrived, until a request is complete."""
        try:
            while self._playing is None and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError:
            self.transport.abort()

    def _take(self, event: object) -> bool:
        """Handle one event; tell whether there may be more."""
        match event:
            case h11.Request():
                self._request = event
                self._body.clear()
                if self._http.they_are_waiting_for_100_continue:
                    self.transport.write(self._send(h11.InformationalResponse(status_code=100, headers=[])))
            case h11.Data():
                self._body += event.data[: max(0, MOST_BODY_BYTES + 1 - len(self._body))]
            case h11.EndOfMessage():
                self._playing = asyncio.get_running_loop().create_task(self._answer())
            case h11.ConnectionClosed():
                self.transport.close()
                return False
            case _:
                return event is not h11.NEED_DATA and event is not h11.PAUSED
        return True

    async def _answer(self) -> None:
        assert self._request is not None  # noqa: S101 — its end came after it
        try:
            exchange = self._service.handle(_parse(self._request, bytes(self._body)))
            await self._play_out(exchange)
        except BaseException:
            self.transport.abort()
            raise
        self._playing = None
        self._next_request()

    async def _play_out(self, exchange: Exchange) -> None:
        hangs = exchange.playback.ending is Ending.HANG
        try:
            await self._play(exchange)
        finally:
            exchange.ended("hung" if hangs else "abandoned")

    async def _play(self, exchange: Exchange) -> None:
        playback = exchange.playback
        due_s = asyncio.get_running_loop().time() + playback.wait_s
        await _sleep_until(due_s)
        out = b""
        if playback.status is not None:
            exchange.began()
            out = self._send(h11.Response(status_code=playback.status, headers=list(playback.headers)))
            for delay_s, pieces in _by_time(() if self._is_head else playback.pieces):
                if delay_s > 0:
                    self.transport.write(out)
                    out = b""
                    due_s += delay_s
                    await _sleep_until(due_s)
                exchange.sent(pieces[-1])
                out += self._send(h11.Data(data=b"".join(piece.data for piece in pieces)))
        await self._finish(exchange, out)

    async def _finish(self, exchange: Exchange, out: bytes) -> None:
        """Send the last bytes; the books are closed before them, so that who has the answer finds it there."""
        match exchange.playback.ending:
            case Ending.WHOLE:
                out += self._send(h11.EndOfMessage())
                exchange.ended("answered")
                self.transport.write(out)
            case Ending.CLOSE:
                exchange.ended("cut")
                self.transport.write(out)
                self.transport.close()
            case Ending.RESET:
                exchange.ended("reset")
                _reset(self.transport)
            case Ending.HANG:
                self.transport.write(out)
                await asyncio.Event().wait()

    @property
    def _is_head(self) -> bool:
        """Tell whether the answer must not have a body."""
        return self._request is not None and self._request.method == b"HEAD"

    def _send(self, event: h11.Event) -> bytes:
        return self._http.send(event) or b""

    def _next_request(self) -> None:
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self.transport.close()


def _by_time(pieces: Sequence[Piece]) -> Iterator[tuple[float, list[Piece]]]:
    """Group pieces that go out together; yields the seconds to wait before each group."""
    group: list[Piece] = []
    for piece in pieces:
        if group and piece.delay_s > 0:
            yield group[0].delay_s, group
            group = []
        group.append(piece)
    if group:
        yield group[0].delay_s, group


def _parse(request: h11.Request, body: bytes) -> HttpRequest:
    path, _, query = request.target.decode("latin-1").partition("?")
    return HttpRequest(
        method=request.method.decode("latin-1"),
        path=path,
        query=dict(parse_qsl(query)),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers},
        body=body,
    )


def _reset(transport: asyncio.Transport) -> None:
    """Close with RST: a linger time of 0 drops what is unsent."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _sleep_until(due_s: float) -> None:
    wait_s = due_s - asyncio.get_running_loop().time()
    if wait_s > 0:
        await asyncio.sleep(wait_s)


@contextlib.asynccontextmanager
async def serving(service: Service, port: int) -> AsyncIterator[int]:
    """Serve on 127.0.0.1 until the end of the block; port 0 takes a free one. Yields the port."""
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service, connections), "127.0.0.1", port, backlog=BACKLOG)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        playing = [connection.stop() for connection in list(connections)]
        await asyncio.gather(*filter(None, playing), return_exceptions=True)
        await server.wait_closed()
