"""After every test of the engine nothing may be left: no thread, no child process, no socket, no pipe."""

from __future__ import annotations

import gc
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Compare threads, children and descriptors with those before; `run_virtual` looks at tasks itself."""
    threads, children, descriptors = set(threading.enumerate()), child_processes(), channels()
    yield
    if not (set(threading.enumerate()) <= threads and channels() <= descriptors):
        gc.collect()  # what only a cycle holds is not left, but it takes long to collect after every test
    assert set(threading.enumerate()) <= threads
    assert child_processes() <= children
    assert channels() <= descriptors


def child_processes() -> set[int]:
    """Return the process ids of this process's children."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    if listed.exists():
        return set(map(int, listed.read_text().split()))
    answer = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False)
    return set(map(int, answer.stdout.split()))


def channels() -> set[str]:
    """Return what the open descriptors of this process are, those of plain files aside."""
    found = set()
    for descriptor in list(Path("/dev/fd").iterdir()):
        with suppress(OSError):
            found.add(str(descriptor.readlink()))
    return {name for name in found if not name.startswith("/")}
