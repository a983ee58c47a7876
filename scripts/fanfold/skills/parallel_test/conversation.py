"""Lines of JSON to and from the reporter inside a pytest process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self, TypeAlias, cast

Message: TypeAlias = Mapping[str, Any]
Hear: TypeAlias = Callable[[Message], object]

_CHUNK = 1 << 20


def _nobody(_message: Message) -> None:
    """Hear what nobody waits for."""


class Conversation(asyncio.Protocol):
    """This end of a socket pair, and a file in memory that the other end writes its messages to.

    `hear` is called with each message, in their order: when the other end asks for it on the socket, and on `read`.
    `ended` is set at the end. The file keeps what a process has said that is not there any more.
    """

    def __init__(self, hear: Hear = _nobody) -> None:
        self.hear = hear
        self.ended = asyncio.Event()
        self.messages = _file_in_memory()
        self._place = 0
        self._begun = b""
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None

    @classmethod
    async def open(cls, hear: Hear = _nobody) -> tuple[Self, socket.socket]:
        """Return a conversation and the other end of it, which is to be handed to a process and closed here.

        That process needs the descriptor `messages` as well.
        """
        mine, theirs = socket.socketpair()
        mine.setblocking(False)  # noqa: FBT003  the standard library's
        talk = cls(hear)
        talk._socket = mine
        await asyncio.get_running_loop().create_connection(lambda: talk, sock=mine)
        return talk, theirs

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.read()
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._tell(lines)

    def read(self) -> None:
        """Hear what the file has by now."""
        while self.messages >= 0 and (data := os.pread(self.messages, _CHUNK, self._place)):
            self._place += len(data)
            *lines, self._begun = (self._begun + data).split(b"\n")
            self._tell(lines)

    def _tell(self, lines: Sequence[bytes]) -> None:
        for line in filter(None, lines):
            # A test that writes to a descriptor which is not its own must not bring the run down.
            with suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict) and isinstance(message.get("event"), str):
                    self.hear(message)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # a process that dies resets the connection, or does not
        self.read()
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
        """Hang up, having heard all that was said."""
        if self._transport:
            self._transport.close()
        if self.messages >= 0:
            self.read()
            os.close(self.messages)
            self.messages = -1


def _file_in_memory() -> int:
    """Return the descriptor of a file without a name: it needs no folder that a test might remove."""
    with suppress(AttributeError, OSError):  # Linux alone has it, and not in every sandbox
        return os.memfd_create("fanfold")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
