"""Where messages go, and how what tests hold is put into words of a bounded length."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress

_HIGH_DESCRIPTOR = 200


def bounded(text: str, limit: int) -> str:
    """Return `text` with its middle left out when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"


def shown(value: object, limit: int) -> str:
    """Return what `value` says of itself, whatever it does when it is asked."""
    try:
        return bounded(str(value), limit)
    except BaseException as error:  # noqa: BLE001  a test's own object
        return f"<{type(value).__name__} that can't be shown: {type(error).__name__}>"


def out_of_the_way(descriptor: int) -> int:
    """Move a descriptor to where `os.closerange(3, 100)` and the like don't reach; children don't inherit it."""
    with suppress(OSError):
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH_DESCRIPTOR)
        os.close(descriptor)
        return high
    return descriptor


class Channel:
    """A file that is opened again when a test has closed it, or a socket."""

    def __init__(self, *, path: str | None = None, descriptor: int | None = None) -> None:
        self._path = path
        self.descriptor = out_of_the_way(self._opened() if descriptor is None else descriptor)

    def say(self, event: str, **said: object) -> None:
        """Write a message; it is with the reader, or in the file, when this returns."""
        line = memoryview((json.dumps(dict(said, event=event), separators=(",", ":")) + "\n").encode())
        while line:
            line = line[self._write(line) :]

    def _write(self, line: memoryview) -> int:
        try:
            return os.write(self.descriptor, line)
        except OSError:
            if self._path is None:
                raise
            self.descriptor = out_of_the_way(self._opened())
            return 0

    def _opened(self) -> int:
        if self._path is None:
            raise ValueError("a channel is a path or a descriptor")
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
