"""Names, words and lines as replies of tools show them: short, and on one line."""

from __future__ import annotations

import json

LONGEST_LINE = 600
"""Characters of a line that are shown."""

_LONGEST_ECHO = 200


def named(path: str) -> str:
    """Return a file's name on one line, as a JSON string when it isn't plain text."""
    plain = path.isprintable() and path == path.strip() and not path.startswith('"')
    return path if plain else json.dumps(path)


def echo(text: str) -> str:
    """Return what a model said, short and on one line, for an error."""
    short = text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"
    return json.dumps(short)


def clipped(line: str, at: int = 0) -> str:
    """Return a line without a carriage return at its end, of a very long one the part around the offset `at`."""
    line = line.removesuffix("\r")
    if len(line) <= LONGEST_LINE:
        return line
    start = min(max(0, at - LONGEST_LINE // 3), len(line) - LONGEST_LINE)
    before = f"[{start} characters] …" if start else ""
    after = len(line) - start - LONGEST_LINE
    return f"{before}{line[start : start + LONGEST_LINE]}{f'… [{after} more characters]' if after else ''}"
