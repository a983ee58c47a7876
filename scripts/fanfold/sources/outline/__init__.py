"""What a file defines, imports and uses, without running it and without a model.

Python is read by its own parser, eleven languages by their tree-sitter grammars (the extra `grammars`), anything else
by its indentation. `Outline.method` says which it was; `Outline.note` why a weaker one had to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fanfold.sources.outline.grammar import read_grammar
from fanfold.sources.outline.indentation import read_indentation
from fanfold.sources.outline.languages import BY_NAME, language_of
from fanfold.sources.outline.python import read_python, skim_python
from fanfold.sources.outline.values import (
    SCOPES,
    Definition,
    Import,
    Kind,
    Outline,
    Reading,
    Reference,
    Skim,
    enclosing,
)

__all__ = [
    "SCOPES",
    "VERSION",
    "Definition",
    "Import",
    "Kind",
    "Outline",
    "Reading",
    "Reference",
    "Skim",
    "enclosing",
    "language_of",
    "outline",
    "read",
    "skim",
]

T = TypeVar("T")

VERSION = "5"
"""Part of the content key of whatever is made of outlines: another one for another outline of the same text."""

LARGEST = 2_000_000
"""Characters. A larger file is data or generated: it is searched for names, and not parsed."""


def outline(path: str, text: str) -> Outline:
    """Return the outline of a file; its language is told by `path`, and by its first line where that says nothing.

    Pure and total: whatever the text is, there is an outline, after a number of steps that its length bounds.
    """
    return read(path, text).outline(path)


def read(path: str, text: str) -> Reading:
    """Return what `outline` is made of."""
    return _read(path, text, read_python)


def skim(path: str, text: str) -> Skim:
    """Return what `read` finds, without signatures and without where and how names are used; in half the time."""
    made = _read(path, text, skim_python)
    return made if isinstance(made, Skim) else made.skim()


def _read(path: str, text: str, of_python: Callable[[str], T | str]) -> T | Reading:
    """Return what the best reader there is makes of a text; `of_python` returns why it can make nothing of it."""
    text = text.removeprefix("\ufeff")
    language = language_of(path, text)
    if len(text) > LARGEST:
        note = f"it is larger than {LARGEST:,} characters, so it was not parsed"
        return read_indentation(text, language, note, definitions=False)
    made = of_python(text) if language == "python" else ""
    if not isinstance(made, str):
        return made
    why = made
    if grammar := BY_NAME.get(language):
        found = read_grammar(text, grammar)
        if isinstance(found, Reading):
            return found._replace(note=why) if why else found
        why = why or found
    return read_indentation(text, language, why)
