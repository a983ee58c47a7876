"""What a part of a file leaves out: a string or comment that began before it, by what ends it inside."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKS = re.compile(r'"""|\'\'\'')
_STATEMENT = re.compile(
    r"\s*(?:@\w|(?:async def|class|def|import|from|raise|return)\b|(?:if|elif|for|while|with|except|try|else)\b.*:$"
    r"|[\w.\[\]]+ [-+*/|]?= |\w[\w.]*\()"
)
_END_OF_COMMENT = re.compile(r"^\s*(?:\*/|\*\s.*\*/)", re.MULTILINE)


def docstring_before(text: str) -> str:
    """Return the marks of a docstring of Python in whose middle a text seems to begin, "" when it begins with code.

    An odd number of marks says that one end of the text is inside of a docstring: it is the end that looks less like
    code.
    """
    marks = list(_MARKS.finditer(text))
    if len(marks) % 2 == 0 or len({mark[0] for mark in marks}) > 1:
        return ""
    head, tail = text[: marks[0].start()], text[marks[-1].end() :]
    return marks[0][0] if _share_of_code(tail.split("\n")) > _share_of_code(head.split("\n")) else ""


def comment_before(text: str) -> str:
    """Return `/*` when a text ends such a comment before it begins one, else ""."""
    end = _END_OF_COMMENT.search(text)
    return "/*" if end and "/*" not in text[: end.end()] else ""


def _share_of_code(lines: Sequence[str]) -> float:
    told = [bool(_STATEMENT.match(line)) for line in lines if line.strip()]
    return sum(told) / len(told) if told else 0.0
