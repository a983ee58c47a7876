"""Tests that listen on a port of their own choosing: of the workers of a run, one at a time does.

A server that a session's fixture starts on port 8000 would find it taken in each worker but the first, and whoever
waits for that server would wait for ever. So who finds a port taken by another worker waits until that one lets it go,
at the latest as it ends.
"""

from __future__ import annotations

import errno
import os
import socket
import time
import weakref
from typing import Any, Callable

_LOOK_S = 0.1
_MOST_S = 600.0
_PID_BYTES = 4

Wait = Callable[[float], object]


class Ports:
    """Who listens on what; in a file in `folder` the workers of a run write down who has bound a port last."""

    def __init__(self, folder: str) -> None:
        self._file = os.path.join(folder, "ports")  # noqa: PTH118  text
        self._bound: dict[int, weakref.WeakSet[socket.socket]] = {}
        self._pid = 0
        self._wait: Wait = _ignore

    def watch(self, wait: Wait) -> None:
        """From now on wait for ports that other workers have; `wait` hears every so often, with the seconds since.

        Processes that a test forks are not watched: what they want is often what their parent has.
        """
        watched, self._pid, self._wait = self._pid, os.getpid(), wait
        self._bound.clear()
        if not watched:
            self._patch()

    def _patch(self) -> None:
        bind: Any = socket.socket.bind
        listen: Any = socket.socket.listen

        def patient_bind(end: socket.socket, address: Any, *rest: Any) -> None:
            port = address[1] if isinstance(address, tuple) and len(address) > 1 else None
            if isinstance(port, int) and port and self._counts(end):
                self._patiently(lambda: bind(end, address, *rest), end, port)
            else:
                bind(end, address, *rest)

        def patient_listen(end: socket.socket, *rest: Any) -> None:
            if self._counts(end):
                # With SO_REUSEADDR several may bind a port before one of them listens, and are refused when they do.
                self._patiently(lambda: listen(end, *rest), end, end.getsockname()[1])
            else:
                listen(end, *rest)

        socket.socket.bind = patient_bind  # type: ignore[assignment, method-assign, unused-ignore]
        socket.socket.listen = patient_listen  # type: ignore[assignment, method-assign, unused-ignore]

    def _counts(self, end: socket.socket) -> bool:
        ours = os.getpid() == self._pid
        return ours and end.type == socket.SOCK_STREAM and end.family in {socket.AF_INET, socket.AF_INET6}

    def _patiently(self, call: Callable[[], object], end: socket.socket, port: int) -> None:
        """Call until the port is no more another worker's; one that is taken by anybody else is an error."""
        until = time.monotonic() + _MOST_S
        while True:
            refused = _refused(call)
            if refused is None:
                break
            if not self._is_anothers(end, port) or time.monotonic() > until:
                raise refused
            time.sleep(_LOOK_S)
            self._wait(_LOOK_S)
        self._bound.setdefault(port, weakref.WeakSet()).add(end)
        self._last_to_bind(port, os.getpid())

    def _is_anothers(self, end: socket.socket, port: int) -> bool:
        own = self._bound.get(port, ())
        if any(one is not end and one.fileno() >= 0 for one in own):
            return False
        return end in own or self._last_to_bind(port) not in {0, os.getpid()}

    def _last_to_bind(self, port: int, pid: int | None = None) -> int:
        """Return the process of this run that was the last to bind a port, 0 for none; or write it down."""
        try:
            descriptor = os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError:
            return 0  # and nobody can be waited for
        try:
            if pid is not None:
                os.pwrite(descriptor, pid.to_bytes(_PID_BYTES, "little"), port * _PID_BYTES)
            return int.from_bytes(os.pread(descriptor, _PID_BYTES, port * _PID_BYTES), "little")
        finally:
            os.close(descriptor)


def _refused(call: Callable[[], object]) -> OSError | None:
    """Call; return the error when an address is in use."""
    try:
        call()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return error
    return None


def _ignore(_seconds: float) -> None:
    """Hear of nothing."""
