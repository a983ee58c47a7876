"""One reading of one file: what its text says, as light values. Pure."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import PurePosixPath

from fanfold.sources.outline import language_of, read
from fanfold.sources.repo_map.values import FileFacts, Imported, Symbol
from fanfold.sources.setaside import set_aside
from fanfold.sources.text import decode

_CHARACTERS_A_TOKEN = 3.0
# Text of which no line defines anything: prose, markup, and data.
_NO_CODE = frozenset(
    [
        "adoc",
        "atom",
        "bib",
        "cfg",
        "conf",
        "css",
        "csv",
        "dtd",
        "eml",
        "geojson",
        "htm",
        "html",
        "ini",
        "ipynb",
        "json",
        "json5",
        "jsonl",
        "less",
        "lock",
        "log",
        "md",
        "mdx",
        "ndjson",
        "org",
        "pem",
        "plist",
        "po",
        "pot",
        "properties",
        "rst",
        "rtf",
        "sass",
        "scss",
        "svg",
        "tex",
        "toml",
        "tsv",
        "txt",
        "wsdl",
        "xml",
        "xsd",
        "xsl",
        "xslt",
        "yaml",
        "yml",
    ]
)


def read_facts(path: str, data: bytes, *, named: bool = False) -> FileFacts | str:
    """Return what a file's bytes say, or why nobody reads it; a file that was `named` is read whoever wrote it."""
    text = decode(data)
    if text is None:
        return "binary"
    why = None if named else set_aside(path, text)
    return why or facts_of(path, text)


def facts_of(path: str, text: str) -> FileFacts:
    """Return what a text says."""
    language = language_of(path, text)
    tokens = math.ceil(len(text) / _CHARACTERS_A_TOKEN)
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    if language in _NO_CODE or (not language and not PurePosixPath(path).suffix):
        return FileFacts(language=language, lines=lines, tokens=tokens)
    found = read(path, text)
    return FileFacts(
        language=found.language,
        lines=lines,
        tokens=tokens,
        symbols=tuple(Symbol(d.name, d.qualified, d.kind, d.line, d.end_line, d.doc) for d in found.definitions),
        imports=tuple(Imported(i.module, i.name, i.bound, i.line) for i in found.imports),
        uses=dict(Counter(use[0] for use in found.uses)),
        complexity=found.branches,
        doc=found.doc,
        note=found.note,
    )
