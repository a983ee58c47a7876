"""Where messages go, and how what tests hold is put into words of a bounded length."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress

_HIGH_DESCRIPTOR = 200
_MOST_KEPT = 100
_READ = b"\n"
# Held here, where a test that replaces `os.write` and doesn't take that back does not find it.
_write = os.write
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
    """The file of messages that fanfold reads, and the socket by which it is told to."""

    def __init__(self, messages: int, descriptor: int) -> None:
        self.descriptor = out_of_the_way(descriptor)
        self._messages = out_of_the_way(messages)
        self._kept: list[str] = []

    def say(self, event: str, **said: object) -> None:
        """Write a message and all that were kept, and have fanfold read them."""
        self.note(event, **said)
        _write(self.descriptor, _READ)

    def note(self, event: str, **said: object) -> None:
        """Write a message and all that were kept; whatever happens then, fanfold reads them sooner or later."""
        self._keep(event, said)
        lines = memoryview(("\n".join(self._kept) + "\n").encode())
        self._kept.clear()
        try:
            while lines:
                lines = lines[_write(self._messages, lines) :]
        except OSError:  # there is no memory left for it, or a test has limited how long files may be
            while lines:
                lines = lines[_write(self.descriptor, lines) :]

    def keep(self, event: str, **said: object) -> None:
        """Write a message with the next one."""
        if len(self._kept) >= _MOST_KEPT:
            self.say(event, **said)
        else:
            self._keep(event, said)

    def _keep(self, event: str, said: dict[str, object]) -> None:
        said["event"] = event
        self._kept.append(_encoded(said))

    def say_at_once(self, event: str, **said: object) -> None:
        """Write a message before those that are kept, from any thread."""
        _write(self.descriptor, (_encoded({**said, "event": event}) + "\n").encode())

    def close(self) -> None:
        """Let go of both: they are another process's."""
        os.close(self._messages)
        os.close(self.descriptor)
