"""Standard streams that fail in one way: stdout by OutputError, stderr by falling silent."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from fanfold.errors import OutputError
from fanfold.sources.text import visible

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD = (0, 1, 2)
_CLOSED = "stdout: it is closed"


def guard_streams() -> None:
    """Replace `sys.stdout` and `sys.stderr` by streams whose failures this command line knows.

    What can't be written to stdout raises OutputError, once. A reader that has gone away wants no more, which is no
    failure: the command goes on without it, to its own exit code. Whatever fails on stderr costs nothing.
    """
    _hold_descriptors()
    sys.stdout = _guarded(sys.stdout, _refuse) if sys.stdout else io.TextIOWrapper(_Closed(), write_through=True)
    sys.stderr = _guarded(sys.stderr, _ignore) if sys.stderr else _nowhere()


def check_stdout() -> None:
    """Raise OutputError when stdout was closed before this process began."""
    if sys.stdout is None or isinstance(getattr(sys.stdout, "buffer", None), _Closed):
        raise OutputError(_CLOSED)


def printable(text: str) -> str:
    """Make text that may come from anybody fit for a terminal, on one line."""
    return visible(text)


class _Guarded(io.RawIOBase):
    """Writes to `raw` until that fails; then tells `failed`, and takes everything and forgets it."""

    def __init__(self, raw: io.RawIOBase, failed: Callable[[OSError], None]) -> None:
        self._raw = raw
        self._failed = failed
        self._works = True

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        if self._works:
            try:
                return self._write(data)
            except OSError as error:
                # What is left in buffers must not fail once more when the interpreter ends.
                self._works = False
                self._failed(error)
        return memoryview(data).nbytes

    def _write(self, data: ReadableBuffer) -> int:
        while (written := self._raw.write(data)) is None:
            # Somebody who shares the pipe has set it not to block.
            select.select([], [self], [])
        return written


class _Closed(io.BytesIO):
    """What stands for a stdout that was closed before this process began."""

    def write(self, data: ReadableBuffer, /) -> int:
        if memoryview(data).nbytes:
            raise OutputError(_CLOSED)
        return 0


def _guarded(stream: TextIO, failed: Callable[[OSError], None]) -> TextIO:
    buffer: Any = getattr(stream, "buffer", None)
    if buffer is None:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Guarded(getattr(buffer, "raw", buffer), failed)),
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors == "strict" else stream.errors,
        line_buffering=stream.isatty() or failed is _ignore,
    )


def _refuse(error: OSError) -> None:
    if not isinstance(error, BrokenPipeError):
        raise OutputError(f"stdout: {error.strerror or error}") from error


def _ignore(_error: OSError) -> None:
    return


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123  open to the end


def _hold_descriptors() -> None:
    """Let no file of this process get the number of a standard stream: what is written there would end up in it."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
