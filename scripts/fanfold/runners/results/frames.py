"""Frames in a stack that a tool printed: which file, which line, which function, in nine languages' spellings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fanfold.runners.results.place import Place
from fanfold.suites import INSTALLED, Frame

_MOST = 100
# What a language puts around every test of its own accord.
_SCAFFOLD = re.compile(r"^/rustc/|/src/(?:testing|runtime)/[a-z_]+\.go$|^/usr/lib/ruby/|/gems/(?:minitest|rspec)-")
_LONGEST = 2_000  # characters of a line: a longer one is data

# `file`, `line`, and `function` where the language prints it; the first that fits a line counts. Innermost first
# is how most languages print a stack, innermost last is Python's.
_OUTERMOST_FIRST = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>\S+))?')
_INNERMOST_FIRST = tuple(
    map(
        re.compile,
        (
            # JavaScript: at f (file:///a/b.js:1:2), at async a/b.js:1:2
            r"^\s*at (?:async )?(?:(?P<function>[^()]+?) \()?(?P<file>(?:file://)?[^()\s:][^():]*):(?P<line>\d+):\d+\)?$",
            # vitest: f src/a.ts:1:2 behind a heavy angle
            r"^\s*\u276f (?:(?P<function>\S.*?) )?(?P<file>[^\s:]+):(?P<line>\d+):\d+$",
            # Java: at org.a.B.f(B.java:12)
            r"^\s*at (?P<function>[\w.$/<>]+)\((?P<file>[\w$]+\.(?:java|kt|groovy|scala)):(?P<line>\d+)\)",
            # .NET: at A.B.F() in /a/B.cs:line 12
            r"^\s*at (?P<function>.+?)(?:\(.*\))? in (?P<file>.+):line (?P<line>\d+)$",
            # Rust: thread 't' panicked at src/lib.rs:5:9, and `at src/lib.rs:5:9` in its backtrace
            r"panicked at (?:'.*', )?(?P<file>[^\s:]+\.rs):(?P<line>\d+):\d+",
            r"^\s*at (?P<file>[^\s:]+\.rs):(?P<line>\d+)(?::\d+)?$",
            # Ruby: a/b.rb:5:in 'f', and # ./a/b.rb:5:in `f'
            r"^\s*(?:# )?(?P<file>[^\s:]+\.rb):(?P<line>\d+)(?::in [`'](?P<function>[^']+)')?",
            # PHP: /a/BTest.php:12
            r"^\s*(?:#\d+ )?(?P<file>[^\s:()]+\.php)[:(](?P<line>\d+)\)?",
            # Go: b_test.go:12: text, and the tab-indented /a/b.go:12 +0x1f of a panic
            r"^\s*(?P<file>[^\s:]+\.go):(?P<line>\d+)(?::| \+0x|$)",
            # bats: (in test file a.bats, line 5)
            (
                r"^\s*(?:# )?\(?(?:from function `(?P<function>[^']+)' )?in (?:test )?file (?P<file>[^,]+)"
                r", line (?P<line>\d+)"
            ),
            # pytest, compilers, C and C++: a/b.c:12: text
            r"^\s*(?P<file>[^\s:]+\.(?:py|c|cc|cpp|cxx|h|hpp|rs|ts|js|sh)):(?P<line>\d+)(?::|$)",
        ),
    )
)


def frames_of(text: str | None, place: Place) -> tuple[Frame, ...]:
    """Return the frames in a stack, the outermost first."""
    lines = (line for line in (text or "").splitlines() if len(line) <= _LONGEST)
    found = [frame for line in lines if (frame := _frame(line, place))]
    if any(outermost_first for outermost_first, _ in found):
        return tuple(frame for outermost_first, frame in found if outermost_first)[-_MOST:]
    return tuple(frame for _, frame in found[:_MOST])[::-1]


def _frame(line: str, place: Place) -> tuple[bool, Frame] | None:
    for outermost_first, match in _matches(line):
        number = int(match["line"][:9])
        if number and not (_SCAFFOLD.search(match["file"]) or INSTALLED.search(match["file"])):
            named = match.groupdict().get("function") or ""
            return outermost_first, Frame(path=place.file(match["file"]), line=number, function=named.strip())
    return None


def _matches(line: str) -> Iterator[tuple[bool, re.Match[str]]]:
    if match := _OUTERMOST_FIRST.match(line):
        yield True, match
    for pattern in _INNERMOST_FIRST:
        if match := pattern.search(line):
            yield False, match
