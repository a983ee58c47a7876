"""What a file defines, imports and uses, without running it and without a model.

Python is read by its own parser, eleven languages by their tree-sitter grammars (the extra `grammars`), anything else
by its indentation. `Outline.method` says which it was; `Outline.note` why a weaker one had to do.
"""

from __future__ import annotations

from fanfold.sources.outline.grammar import read_grammar
from fanfold.sources.outline.indentation import read_indentation
from fanfold.sources.outline.languages import BY_NAME, language_of
from fanfold.sources.outline.python import read_python
from fanfold.sources.outline.values import SCOPES, Definition, Import, Kind, Outline, Reading, Reference, enclosing

__all__ = [
    "SCOPES",
    "VERSION",
    "Definition",
    "Import",
    "Kind",
    "Outline",
    "Reading",
    "Reference",
    "enclosing",
    "language_of",
    "outline",
    "read",
]

VERSION = "2"
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
    text = text.removeprefix("\ufeff")
    language = language_of(path, text)
    if len(text) > LARGEST:
        note = f"it is larger than {LARGEST:,} characters, so it was not parsed"
        return read_indentation(text, language, note, definitions=False)
    made = read_python(text) if language == "python" else ""
    if isinstance(made, Reading):
        return made
    why = made
    if grammar := BY_NAME.get(language):
        made = read_grammar(text, grammar)
        if isinstance(made, Reading):
            return made._replace(note=why) if why else made
        why = why or made
    return read_indentation(text, language, why)
