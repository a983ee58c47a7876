"""What a file defines, imports and uses, without running it and without a model.

Python is read by its own parser, eleven languages by their tree-sitter grammars (the extra `grammars`), anything else
by its indentation. `Outline.method` says which it was; `Outline.note` why a weaker one had to do.
"""

from __future__ import annotations

from fanfold.sources.outline.grammar import outline_grammar
from fanfold.sources.outline.indentation import outline_indentation
from fanfold.sources.outline.languages import BY_NAME, language_of
from fanfold.sources.outline.python import outline_python
from fanfold.sources.outline.values import SCOPES, Definition, Import, Kind, Outline, Reference, enclosing

__all__ = [
    "SCOPES",
    "VERSION",
    "Definition",
    "Import",
    "Kind",
    "Outline",
    "Reference",
    "enclosing",
    "language_of",
    "outline",
]

VERSION = "1"
"""Part of the content key of whatever is made of outlines: another one for another outline of the same text."""

LARGEST = 2_000_000
"""Characters. A larger file is data or generated: it is searched for names, and not parsed."""


def outline(path: str, text: str) -> Outline:
    """Return the outline of a file; its language is told by `path`, and by its first line where that says nothing.

    Pure and total: whatever the text is, there is an outline, after a number of steps that its length bounds.
    """
    text = text.removeprefix("\ufeff")
    language = language_of(path, text)
    if len(text) > LARGEST:
        note = f"it is larger than {LARGEST:,} characters, so it was not parsed"
        return outline_indentation(path, text, language, note, reading=False)
    made = outline_python(path, text) if language == "python" else ""
    if isinstance(made, Outline):
        return made
    why = made
    if grammar := BY_NAME.get(language):
        made = outline_grammar(path, text, grammar)
        if isinstance(made, Outline):
            return made.model_copy(update={"note": why}) if why else made
        why = why or made
    return outline_indentation(path, text, language, why)
