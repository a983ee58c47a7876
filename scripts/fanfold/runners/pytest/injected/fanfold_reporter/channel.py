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
    """The socket that fanfold listens to."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = out_of_the_way(descriptor)

    def say(self, event: str, **said: object) -> None:
        """Write a message; it is on its way when this returns, whatever happens to this process then."""
        line = memoryview((json.dumps(dict(said, event=event), separators=(",", ":")) + "\n").encode())
        while line:
            line = line[os.write(self.descriptor, line) :]
