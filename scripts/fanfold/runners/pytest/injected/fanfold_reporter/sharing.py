"""What collecting has done that workers made by fork would share and must not.

A forked worker has everything imported and collected when it begins, which is the better part of what a worker costs.
But a lock that another thread holds stays locked in it; sockets, databases and temporary files are the same in all of
them; and what was made of the worker's own number or folder, the others have to have their own of.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

_EVENTS = {
    "socket.bind": "a socket was bound",
    "socket.connect": "a connection was made",
    "sqlite3.connect": "a database was opened",
    "os.fork": "a process was forked",
    "os.forkpty": "a process was forked",
}
_TEMPORARY = frozenset({"tempfile.mkdtemp", "tempfile.mkstemp"})
# Variables that are a worker's own, and tell the workers apart.
_OWN = ("FANFOLD_", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID")


class Watch:
    """Sees what happens from its making to `stop`."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self._temporary: list[str] = []
        self._looks = True
        # os.environ asks this of every name that is looked up in it.
        self._environment: Any = os.environ
        self._encode = self._environment.encodekey
        self._last: Any = None
        self._environment.encodekey = self._looked_up
        sys.addaudithook(self._heard)

    def stop(self) -> None:
        """See no more; what is called from now on costs next to nothing."""
        self._looks = False
        self._environment.encodekey = self._encode

    def verdict(self) -> str | None:
        """Return why workers can't be made by fork, None when they can."""
        if sys.platform == "darwin":  # its own libraries may hold threads and ports that don't survive a fork
            return "macOS can't fork a running interpreter safely"
        if self._seen:
            return f"{self._seen[0]} while tests were collected"
        if any(os.path.lexists(path) for path in self._temporary):
            return "a temporary file was made while tests were collected, and is still there"
        return _shared_already()

    def _looked_up(self, key: Any) -> Any:
        encoded = self._encode(key)
        if self._looks:
            if isinstance(key, str) and key.startswith(_OWN) and not self._is_one_of_all(encoded):
                self._seen.append(f"the worker's own {key} was read{_reader()}")
            self._last = encoded
        return encoded

    def _is_one_of_all(self, encoded: Any) -> bool:
        """Tell whether all variables are gone through, as `dict(os.environ)` does: then nobody asks for this one."""
        names = list(self._environment._data)  # noqa: SLF001  as they follow each other
        return self._last in names and names[names.index(self._last) + 1 :][:1] == [encoded]

    def _heard(self, event: str, arguments: Any) -> None:
        if not self._looks:
            return
        if event in _EVENTS and arguments[-1:] != (":memory:",):
            self._seen.append(_EVENTS[event])
        elif event in _TEMPORARY:
            self._temporary.append(os.fspath(arguments[0]))


def _reader() -> str:
    """Name the file that looks the variable up, the first that is not of the standard library."""
    library = f"{Path(os.__file__).parent}{os.sep}"
    frame = sys._getframe(2)  # noqa: SLF001  the one way to see a caller
    while frame.f_back is not None:
        name = frame.f_code.co_filename
        packages = name.partition("site-packages" + os.sep)[2]
        if packages or not name.startswith((library, "<")):
            return f" by {packages or name}"
        frame = frame.f_back
    return ""


def _shared_already() -> str | None:
    """Return what this process has that a fork would break."""
    if threading.active_count() > 1:
        return "a thread was started while tests were collected"
    try:
        tasks = list(Path("/proc/self/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return None
    if len(tasks) > 1:
        return "a library started threads of its own while tests were collected"
    return "a child process still runs that was started while tests were collected" if children else None
