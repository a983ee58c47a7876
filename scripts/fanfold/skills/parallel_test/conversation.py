"""Lines of JSON to and from the reporter inside a pytest process."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self, TypeAlias, cast

Message: TypeAlias = Mapping[str, Any]
Hear: TypeAlias = Callable[[Message], object]


def _nobody(_message: Message) -> None:
    """Hear what nobody waits for."""


class Conversation(asyncio.Protocol):
    """This end of a socket pair; `hear` is called with each message as it comes, `ended` is set at the end."""

    def __init__(self, hear: Hear = _nobody) -> None:
        self.hear = hear
        self.ended = asyncio.Event()
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None

    @classmethod
    async def open(cls, hear: Hear = _nobody) -> tuple[Self, socket.socket]:
        """Return a conversation and the other end of it, which is to be handed to a process and closed here."""
        mine, theirs = socket.socketpair()
        mine.setblocking(False)  # noqa: FBT003  the standard library's
        talk = cls(hear)
        talk._socket = mine
        await asyncio.get_running_loop().create_connection(lambda: talk, sock=mine)
        return talk, theirs

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            # A test that writes to a descriptor which is not its own must not bring the run down.
            with suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict) and isinstance(message.get("event"), str):
                    self.hear(message)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a process that dies resets the connection, or does not
        self.ended.set()

    def tell(self, command: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a command; to a process that is gone it makes no difference."""
        line = json.dumps(command).encode() + b"\n"
        if not descriptors:
            if self._transport and not self._transport.is_closing():
                self._transport.write(line)
        elif self._socket is not None:
            with suppress(OSError):
                socket.send_fds(self._socket, [line], descriptors)

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.close()
