"""Which Python and which uv this machine has, wherever they are."""

from __future__ import annotations

import glob
import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST = (3, 11)
NEWEST = (3, 14)  # the newest that every pinned package has wheels for

# Run by a candidate: a shim that fails, or a build without what the pack imports, is no interpreter for it.
_PROBE = """
import json, ssl, sqlite3, sys, venv, zlib
free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
final = sys.version_info.releaselevel == "final" and sys.implementation.name == "cpython" and not free_threaded
print(json.dumps([getattr(sys, "_base_executable", None) or sys.executable, list(sys.version_info[:2]), final]))
"""
_PROBE_S = 30

# Where installers put a Python, or uv, that need not be on PATH.
_FOLDERS = (
    "~/.local/bin",
    "~/.cargo/bin",
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/opt/local/bin",
    "/Library/Frameworks/Python.framework/Versions/3.*/bin",
    "~/.pyenv/versions/3.*/bin",
    "~/.asdf/installs/python/3.*/bin",
    "~/.local/share/mise/installs/python/3.*/bin",
    "~/.local/share/uv/python/cpython-3.*/bin",
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that was seen to run: the path of its own executable, not of a venv's or a shim, and its version."""

    path: str
    version: tuple[int, int]


def find() -> Interpreter | None:
    """Return the Python to build on: this one when it will do, else the newest that is known to, else any newer one."""
    newer = None
    for candidate in _candidates():
        found = probe(candidate)
        if found is None or found.version < OLDEST:
            continue
        if found.version <= NEWEST:
            return found
        newer = newer or found
    return newer


def probe(candidate: str) -> Interpreter | None:
    """Run the candidate and return what it says of itself; None when it fails, or is no final CPython with a GIL."""
    try:
        answer = subprocess.run(
            [candidate, "-I", "-c", _PROBE], stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_S, check=True
        )
        path, (major, minor), final = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    # The real path names the version: when an upgrade moves `python3` on, this environment's link breaks and is seen.
    path = path if sys.platform == "win32" else os.path.realpath(path)
    return Interpreter(path, (major, minor)) if final else None


def find_uv() -> str | None:
    """Return the path of uv, None when it is nowhere."""
    return next(programs("uv"), None)


def programs(name: str) -> Iterator[str]:
    """Yield every executable of that name: on PATH first, then in the usual folders.

    A relative entry of PATH is passed over: it may lead into the code under review.
    """
    suffix = ".exe" if sys.platform == "win32" else ""
    for folder in [*os.get_exec_path(), *_usual_folders()]:
        path = os.path.join(folder, name + suffix)
        if os.path.isabs(folder) and os.path.isfile(path) and os.access(path, os.X_OK):
            yield path


def _usual_folders() -> Iterator[str]:
    for pattern in _FOLDERS:
        yield from sorted(glob.glob(os.path.expanduser(pattern)), reverse=True)


def _candidates() -> Iterator[str]:
    """Yield what may be a Python, the likeliest first, each path once: behind one link a shim may hide several."""
    seen = {""}
    versioned = [f"python{OLDEST[0]}.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    named = (path for name in [*versioned, "python3", "python"] for path in programs(name))
    for path in itertools.chain([sys.executable or ""], named):
        if path not in seen:
            seen.add(path)
            yield path
