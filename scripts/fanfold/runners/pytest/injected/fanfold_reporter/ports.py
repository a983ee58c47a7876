"""Tests that listen on a port of their own choosing: of the workers of a run, one at a time does.

A server that a session's fixture starts on port 8000 would find it taken in each worker but the first, and whoever
waits for that server would wait for ever. So who finds a port taken by another worker waits until that one has ended.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from typing import Any, Callable

_LOOK_S = 0.1
_MOST_S = 600.0


class Ports:
    """The ports that this process listens on; `folder` is where the workers of a run lock them, file by file."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._held: dict[int, int] = {}
        self._watches = False

    def watch(self, wait: Callable[[float], object]) -> None:
        """From now on wait for ports that other workers hold; `wait` hears every so often, with the seconds since."""
        if self._watches:
            return
        self._watches = True
        bind: Any = socket.socket.bind

        def patient(end: socket.socket, address: Any, *rest: Any) -> None:
            port = address[1] if isinstance(address, tuple) and len(address) > 1 else None
            if not isinstance(port, int) or not port or end.type != socket.SOCK_STREAM:
                bind(end, address, *rest)
                return
            try:
                bind(end, address, *rest)
                self._take(port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or port in self._held or not self._wait(port, wait):
                    raise
                bind(end, address, *rest)

        socket.socket.bind = patient  # type: ignore[assignment, method-assign, unused-ignore]

    def _wait(self, port: int, wait: Callable[[float], object]) -> bool:
        """Wait until no other worker has the port; tells whether one had it, and has it no more."""
        until, waited = time.monotonic() + _MOST_S, False
        while time.monotonic() < until:
            if self._take(port):
                return waited
            time.sleep(_LOOK_S)
            wait(_LOOK_S)
            waited = True
        return False

    def _take(self, port: int) -> bool:
        """Lock a port for as long as this process lives; False when another worker has it."""
        if port in self._held:
            return True
        try:
            descriptor = os.open(os.path.join(self._folder, f"port-{port}"), os.O_CREAT | os.O_RDWR, 0o600)  # noqa: PTH118  text
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._held[port] = descriptor
        return True
