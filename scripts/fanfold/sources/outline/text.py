"""Signatures and docs, shortened the same way for every language."""

from __future__ import annotations

import re
from collections.abc import Sequence

SIGNATURE, DOC = 300, 200  # characters
_SPACE = re.compile(r"\s+")
_COMMENT_LINES = 60  # above a definition: a longer one says what it is in its first lines, but where are they?
_COMMENT = {
    "slashes": re.compile(r"\s*(?://[/!]?|/\*+!?|\*/|\*)\s?(.*?)\s*(?:\*/)?\s*$"),
    "hash": re.compile(r"\s*#(?!\[|!)\s?(.*?)\s*$"),
    "other": re.compile(r"\s*(?://[/!]?|/\*+!?|\*/|\*|--|;+|%+|#)\s?(.*?)\s*(?:\*/)?\s*$"),
}
_TAG = re.compile(r"\s*[@\\]\w+|\s*<(?:summary|remarks|param|returns)\b|\s*[-=*~#]{3,}\s*$")
# What underlines or frames a title in reStructuredText and Markdown.
_ADORNMENT = re.compile(r"[ \t]*([=\-`:.'\"~^_*+#<>])\1{2,}[ \t]*", re.MULTILINE)
_ADORNED = re.compile(rf"^(?:{_ADORNMENT.pattern}$|[ \t]*\.\. )", re.MULTILINE)
_APART = re.compile(r"\n[ \t]*\n")
_LICENCE = re.compile(r"copyright|licen[cs]e|SPDX-|all rights reserved|\(c\)\s*\d{4}", re.IGNORECASE)
# Comments that compilers and editors read.
_FOR_TOOLS = re.compile(
    r"\s*(?://\s*\+build\b|//go:\w+|#\s*(?:frozen_string_literal|warn_indent|encoding|typed)\s*:|#.{0,5}-\*-.*-\*-"
    r"|#\s*(?:pylint|flake8|ruff|mypy|pyright|isort|type|vim?|cython|distutils|fmt|noqa|pragma)\s*[:=]|#\s*noqa\b"
    r"|//\s*@(?:flow|ts-\w+)\b|/\*\s*(?:eslint|global)\b)"
)
_IMPORTS = re.compile(r"\s*(?:pub\s+)?(?:use|import|from|#\s*include|require|using)\b")
_MARKUP = re.compile(r"</?\w+(?:\s[^<>]*)?/?>")


def one_line(text: str, limit: int) -> str:
    """Return text on one line, cut with an ellipsis."""
    clean = _SPACE.sub(" ", text[: 4 * limit]).strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 1].rstrip()}…"


def doc_head(text: str) -> str:
    """Return the first paragraph of a docstring that is no adorned title; the title where nothing is said below it."""
    begin = text[: 20 * DOC].strip()
    head, _, _ = begin.partition("\n\n")
    return one_line(_below_title(begin) if _ADORNED.search(head) else head, DOC)


def _below_title(text: str) -> str:
    first = ""
    for paragraph in _APART.split(text):
        title, prose = _titled(paragraph.split("\n"))
        if title and first:
            break  # what stands in the next section says nothing of the whole
        first = first or title
        if prose and not prose.lstrip().startswith((".. ", ":")):
            return prose
    return first


def _titled(lines: Sequence[str]) -> tuple[str, str]:
    """Return the title of a paragraph, "" without one, and what stands below it."""
    adorned = [at for at, line in enumerate(lines) if _ADORNMENT.fullmatch(line)]
    title = next((lines[at - 1] for at in adorned if at and at - 1 not in adorned), "")
    rest = lines[adorned[-1] + 1 :] if adorned else lines
    return title.strip(), "\n".join(rest)


def comment_above(lines: Sequence[str], line: int, style: str) -> str:
    """Return the head of the comment that ends right above `line`, its markers and markup taken off."""
    pattern = _COMMENT[style]
    said: list[str] = []
    for number in range(line - 1, max(0, line - 1 - _COMMENT_LINES), -1):
        match = pattern.match(lines[number - 1][: 4 * DOC])
        if match is None:
            break
        said.append(match[1])
    return _first_paragraph(said[::-1])


def comment_on_top(lines: Sequence[str], style: str, *, apart: bool = False) -> str:
    """Return the head of the first comment of a file that is neither `#!` nor a licence; "" once code has begun.

    With `apart` a comment right above code is about that.
    """
    pattern = _COMMENT[style]
    said: list[str] = []
    for text in [*lines[:_COMMENT_LINES], ""]:
        if _FOR_TOOLS.match(text):
            continue
        match = None if text.startswith("#!") else pattern.match(text[: 4 * DOC])
        if match is not None:
            said.append(match[1])
            continue
        if said and not _LICENCE.search("\n".join(said)):
            # A heading of the imports below it, as `// Std`, says nothing of the file.
            said = [] if apart and text.strip() else said
            said = [] if len(said) == 1 and len(said[0].split()) == 1 and _IMPORTS.match(text) else said
            break
        said = []
        if text.strip() and not text.startswith(("#!", "<?php")):
            break
    return _first_paragraph(said)


def _first_paragraph(said: Sequence[str]) -> str:
    words: list[str] = []
    for text in said:
        plain = _MARKUP.sub("", text).strip()
        if _TAG.match(text) and not (plain and text.lstrip().startswith("<summary")):
            if words:
                break
            continue
        if not plain and words:
            break
        if plain:
            words.append(plain)
    return one_line(" ".join(words), DOC)


def lines_above(lines: Sequence[str], line: int, leading: re.Pattern[str] | None) -> int:
    """Return the first of the lines right above `line` that belong to it: attributes, decorators, a template head."""
    while leading and line > 1 and leading.match(lines[line - 2]):
        line -= 1
    return line
