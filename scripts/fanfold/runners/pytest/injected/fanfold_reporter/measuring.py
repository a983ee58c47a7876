"""Coverage of what this process runs, by the project's own coverage.py, with the project's own settings for it.

It begins before the first conftest is imported. A worker made by fork begins anew with a file of its own: what was
imported before is in the file of the process that it was made from.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

MISSING = "missing"
TAKEN = "taken"
_OWN = str(Path(__file__).parent / "*")


class Measure:
    """Measures, once begun; `unmeasured` says why it does not, None when it does."""

    def __init__(self, data_file: str | None) -> None:
        self._data_file = data_file
        self._coverage: Any = None
        self.unmeasured: str | None = None
        if data_file is not None:
            self._begin()

    def _begin(self) -> None:
        try:
            module: Any = importlib.import_module("coverage")
        except ImportError:
            self.unmeasured = MISSING
            return
        if module.Coverage.current() is not None:  # the suite's own command measures
            self.unmeasured = TAKEN
            return
        with _unheard():
            self._coverage = module.Coverage(data_file=self._data_file, data_suffix=True)
            left_out = self._coverage.get_option("run:omit") or []
            self._coverage.set_option("run:omit", [*left_out, _OWN])
            self._coverage.start()

    def again(self) -> None:
        """Begin anew, in a process that was forked."""
        if self._coverage is not None:
            with _unheard():
                self._coverage.stop()
            self._coverage = None
            self._begin()

    def save(self) -> None:
        """Write what is known so far: a process that is ended later keeps it."""
        if self._coverage is not None:
            with _unheard():
                self._coverage.save()

    def end(self) -> None:
        """Measure no more, and write what is known."""
        if self._coverage is not None:
            with _unheard():
                self._coverage.stop()
                self._coverage.save()


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep coverage.py's warnings from the tests: some projects make errors of all warnings.

    What goes wrong with it costs what it has measured, and is said among the output, but no test.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever it is, the tests have not failed
            sys.stderr.write(f"fanfold: coverage is not measured: {type(error).__name__}: {error}\n")
