"""A model's words as they may be shown: no control or direction characters, bounded length."""

from __future__ import annotations

import unicodedata

_LONGEST_LINE = 160
_LONGEST_TEXT = 4_000


def clean(text: str) -> str:
    """Drop control and direction characters from a model's text, keep line breaks and tabs, bound its length."""
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    return kept if len(kept) <= _LONGEST_TEXT else f"{kept[:_LONGEST_TEXT]} …"


def one_line(text: str, most: int = _LONGEST_LINE) -> str:
    """Return `text` cleaned, on one line, at most so many characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
