"""Where messages go, and how what tests hold is put into words of a bounded length."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress

_HIGH_DESCRIPTOR = 200
_MOST_KEPT = 100
_encoded = json.JSONEncoder(separators=(",", ":")).encode


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
    """The socket that fanfold listens to."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = out_of_the_way(descriptor)
        self._kept: list[str] = []

    def say(self, event: str, **said: object) -> None:
        """Write a message and all that were kept; they are on their way when this returns, whatever happens then."""
        self.keep(event, **said)
        self._write()

    def keep(self, event: str, **said: object) -> None:
        """Write a message with the next one: each write wakes fanfold, which takes time from the tests."""
        said["event"] = event
        self._kept.append(_encoded(said))
        if len(self._kept) >= _MOST_KEPT:
            self._write()

    def say_at_once(self, event: str, **said: object) -> None:
        """Write a message before those that are kept, from any thread."""
        os.write(self.descriptor, (_encoded({**said, "event": event}) + "\n").encode())

    def _write(self) -> None:
        lines = memoryview(("\n".join(self._kept) + "\n").encode())
        self._kept.clear()
        while lines:
            lines = lines[os.write(self.descriptor, lines) :]
