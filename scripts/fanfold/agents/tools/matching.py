"""Lines of a text that match a pattern, in time linear in the text whatever the pattern: by RE2, or literally.

RE2 (https://github.com/google/re2) never backtracks. Where it isn't installed a pattern is taken literally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Protocol

from fanfold.agents.tools.watch import ToolError

_MEMORY = 8 * 2**20  # bytes that RE2 may use for one pattern
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


class Matcher(Protocol):
    """Finds lines."""

    literally: bool  # RE2 was wanted and isn't here

    def lines(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield each line that matches, by its 1-based number, with the offset of the first match in it."""
        ...


class Literal:
    """Finds lines that hold a string."""

    def __init__(self, wanted: str, *, ignore_case: bool = False, literally: bool = False) -> None:
        self._wanted = wanted.lower() if ignore_case else wanted
        self._ignore_case = ignore_case
        self.literally = literally

    def lines(self, text: str) -> Iterator[tuple[int, int]]:
        text = text.lower() if self._ignore_case else text
        number = 1
        counted = 0
        at = text.find(self._wanted)
        while at >= 0:
            number += text.count("\n", counted, at)
            counted = at
            yield number, at - text.rfind("\n", 0, at) - 1
            end = text.find("\n", at)
            at = text.find(self._wanted, end + 1) if end >= 0 else -1


class Expression:
    """Finds lines that a regular expression matches."""

    literally = False

    def __init__(self, pattern: str, *, ignore_case: bool) -> None:
        re2 = import_module("re2")  # it has no types
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        options.never_nl = True
        options.case_sensitive = not ignore_case
        try:
            self._found = re2.compile(f"(?m){pattern}".encode(), options)
        except (re2.error, UnicodeEncodeError) as error:
            said = error.args[0] if error.args else ""
            reason = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise ToolError(
                f"RE2 can't take the pattern ({reason[:100]}): set literal, or write it another way"
            ) from error
        finally:
            re2.purge()  # its cache would keep 128 patterns, and what memory each has taken

    def lines(self, text: str) -> Iterator[tuple[int, int]]:
        data = text.encode("utf-8", "replace")
        number, counted, at = 1, 0, 0
        while at < len(data) and (match := self._found.search(data, at)):
            begin = match.start()
            if begin == len(data) and data.endswith(b"\n"):
                return  # what follows the last newline is no line
            start = data.rfind(b"\n", 0, begin) + 1
            number += data.count(b"\n", counted, start)
            counted = start
            yield number, len(data[start:begin].decode("utf-8", "replace"))
            end = data.find(b"\n", begin)
            at = end + 1 if end >= 0 else len(data)


def matcher(pattern: str, *, literal: bool, ignore_case: bool) -> Matcher:
    """Return what finds the lines. Raises ToolError for a pattern that can't be used."""
    if "\n" in pattern:
        raise ToolError("a pattern is matched with single lines: leave the newline out")
    if literal or not _SPECIAL.search(pattern):
        return Literal(pattern, ignore_case=ignore_case)
    try:
        return Expression(pattern, ignore_case=ignore_case)
    except ImportError:
        return Literal(pattern, ignore_case=ignore_case, literally=True)
