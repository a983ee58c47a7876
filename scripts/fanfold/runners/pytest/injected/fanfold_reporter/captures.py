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
        with suppress(OSError):
            path.unlink()
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return self._usual(*arguments, **options)
        return CaptureFile(descriptor, "rb+")

    def disarm(self) -> None:
        """Leave the files of `capfd` and others alone."""
        self._module.TemporaryFile = self._usual


def redirect(config: pytest.Config, output: int, stem: str) -> None:
    """Send what a forked worker prints to `output`, and capture it in files of its own."""
    manager: Any = config.pluginmanager.getplugin("capturemanager")
    captures = bool(manager and manager.is_globally_capturing())
    if captures:
        manager.stop_global_capturing()
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(output, 1)
    os.dup2(output, 2)
    if captures:
        files = Captures(stem)
        manager.start_global_capturing()
        manager.suspend_global_capture(in_=False)
        files.disarm()
    if faulthandler.is_enabled():
        faulthandler.enable(file=output)
