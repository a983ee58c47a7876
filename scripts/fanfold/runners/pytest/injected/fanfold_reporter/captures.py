"""Captured output in files with names, in place of pytest's nameless ones.

They are there when the process is not any more, so that a crash keeps what the test had printed. Whoever looks after
the process may cut them when they grow, since writers append at whatever is their end.
"""

from __future__ import annotations

import faulthandler
import importlib
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pytest

_KEPT_IN_MEMORY = 256 * 1024


class CaptureFile(io.FileIO):
    """Reads no more than the beginning and the end of a flood."""

    def read(self, size: int = -1) -> bytes:  # type: ignore[override]  # a file that blocks never gives None
        length = os.fstat(self.fileno()).st_size
        if size != -1 or length <= _KEPT_IN_MEMORY:
            return super().read(size) or b""
        half = _KEPT_IN_MEMORY // 2
        head = super().read(half) or b""
        self.seek(length - half)
        return head + b"\n[... %d bytes ...]\n" % (length - 2 * half) + (super().read(half) or b"")


class Captures:
    """Gives pytest's global capture its files; pytest makes two, for stdout and for stderr, in this order."""

    def __init__(self, stem: str) -> None:
        self._module = cast("Any", importlib.import_module("_pytest.capture"))
        self._usual = self._module.TemporaryFile
        self._paths = [Path(stem + ".out"), Path(stem + ".err")]
        self._module.TemporaryFile = self._next

    def _next(self, *arguments: Any, **options: Any) -> Any:
        path = self._paths.pop(0)
        if not self._paths:
            self.disarm()
        try:
            descriptor = _opened(path)
        except OSError:
            return self._usual(*arguments, **options)
        return CaptureFile(descriptor, "rb+")

    def disarm(self) -> None:
        """Leave the files of `capfd` and others alone."""
        self._module.TemporaryFile = self._usual


def redirect(config: pytest.Config, output: int, stem: str) -> None:
    """Send what a forked worker prints to `output`, and capture it in files of its own.

    Tests may hold `sys.stdout` since they were imported, and so do handlers of logging. So pytest's capture stays what
    it is, and its descriptors alone become those of other files.
    """
    manager: Any = config.pluginmanager.getplugin("capturemanager")
    capture: Any = getattr(manager, "_global_capturing", None)
    sys.stdout.flush()
    sys.stderr.flush()
    ends: list[Any] = [getattr(capture, "out", None), getattr(capture, "err", None)]
    for end, suffix in zip(ends, (".out", ".err")):
        # Only pytest's capture of descriptors has these: where it captures otherwise, or not at all, nothing is shared.
        if hasattr(end, "targetfd_save"):
            os.dup2(output, end.targetfd_save, inheritable=False)
            with suppress(OSError):  # as when it was made: without a name it is in nobody's way
                _become(end.tmpfile.fileno(), Path(stem + suffix))
    os.dup2(output, 1)
    os.dup2(output, 2)
    if faulthandler.is_enabled():
        faulthandler.enable(file=output)


def _become(descriptor: int, path: Path) -> None:
    new = _opened(path)
    os.dup2(new, descriptor, inheritable=False)
    os.close(new)


def _opened(path: Path) -> int:
    """Open a file that was not there, whose writers append to it."""
    with suppress(OSError):
        path.unlink()
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
