"""One reading of one file: what its text says, as light values, and as bytes that can be kept or sent. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from sys import intern

from fanfold.sources.outline import VERSION as OUTLINES
from fanfold.sources.outline import language_of, skim
from fanfold.sources.outline.text import DOC, one_line
from fanfold.sources.repo_map.values import FileFacts, Imported, Symbol
from fanfold.sources.setaside import by_text
from fanfold.sources.text import SNIFFED
from fanfold.sources.text import decode as text_of

VERSION = f"8.{OUTLINES}"
"""Part of the key under which facts are kept: another one for other facts of the same file."""

_CHARACTERS_A_TOKEN = 3.0
_AS_JAVA = frozenset({"kt", "kts", "scala", "groovy"})
_IMPORT = re.compile(r"^import[ \t]+(?:static[ \t]+)?([\w.]+\.(?:\w+|\*))(?:[ \t]+as[ \t]+(\w+))?", re.MULTILINE)
_PROSE = frozenset({"adoc", "man", "md", "mdx", "org", "rst", "txt"})
_DATA = (
    "atom bib cfg conf css csv dectest dtd eml geojson htm html ini ipynb json json5 jsonl less lock log ndjson pem"
    " plist po pot properties rtf sass scss svg tex toml tsv wsdl xml xsd xsl xslt yaml yml"
)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = bytes({*range(32), 127} - set(b"\t\n\f\r\x1b\b"))
_NOISE = 0.03  # of bytes by chance, one in nine is a control character
_LEAST_NOISE = 64
_POINTER = re.compile(r"version https://git-lfs\.github\.com/spec/v1\noid sha|(?:\.\./)*(?:\.git)?/annex/objects/")
_QUOTE = ord('"')  # begins a string of JSON; facts begin with another sign
_NO_CODE = _PROSE.union(_DATA.split())
"""Text of which no line defines anything: prose, markup, and data."""
_DATA_LANGUAGES = frozenset([*_DATA.split(), "sql"])


def is_data(facts: FileFacts) -> bool:
    """Tell whether a file is data or markup, and defines nothing that code could name: a dump of SQL is."""
    return not facts.symbols and facts.language in _DATA_LANGUAGES


def read_facts(path: str, data: bytes, *, named: bool = False) -> FileFacts | str:
    """Return what a file's bytes say, or why nobody reads it; a file that was `named` is read whoever wrote it.

    Whether its place says that nobody reads it has been decided before: facts are kept by content, wherever it lies.
    """
    text = text_of(data)
    if text is None:
        return "UTF-16, which git takes for binary" if data.startswith(_UTF_16) else "binary"
    if _is_noise(data):
        return "binary"
    if _POINTER.match(text):
        return "a pointer to a large file that is elsewhere"
    why = None if named else by_text(path, text)
    return why or facts_of(path, text)


def _is_noise(data: bytes) -> bool:
    """Tell bytes that are no text from text in any encoding, which has next to no control characters."""
    head = data[:SNIFFED]
    return len(head) >= _LEAST_NOISE and len(head) - len(head.translate(None, _CONTROLS)) > _NOISE * len(head)


def facts_of(path: str, text: str) -> FileFacts:
    """Return what a text says."""
    bare = bare_facts(path, text)
    language = bare.language
    if language in _NO_CODE or (not language and not PurePosixPath(path).suffix):
        return bare
    found = skim(path, text)
    imports = [Imported(i.module, i.name, i.bound, i.line) for i in found.imports]
    return FileFacts(
        language=found.language,
        lines=bare.lines,
        tokens=bare.tokens,
        symbols=tuple([Symbol(d.name, d.qualified, d.kind, d.line, d.end_line, d.doc) for d in found.definitions]),
        imports=tuple(imports or _imports_in(text, language)),
        uses=found.uses,
        complexity=found.branches,
        doc=found.doc,
        note=found.note,
    )


def _imports_in(text: str, language: str) -> Iterator[Imported]:
    """Yield the imports of languages that have no grammar here and write them as Java does."""
    if language not in _AS_JAVA:
        return
    for match in _IMPORT.finditer(text):
        module, _, name = match[1].rpartition(".")
        every = name in {"*", "_"}  # the latter in Scala
        line = text.count("\n", 0, match.start()) + 1
        yield Imported(module, "*" if every else name, "" if every else match[2] or name, line)


def bare_facts(path: str, text: str, note: str = "") -> FileFacts:
    """Return what can be said of a text without reading it as code; of prose, its first line as well."""
    language = language_of(path, text)
    return FileFacts(
        language=language,
        lines=text.count("\n") + (not text.endswith("\n") and bool(text)),
        tokens=math.ceil(len(text) / _CHARACTERS_A_TOKEN),
        doc=one_line(text.lstrip("\n#=*- ").partition("\n")[0], DOC) if language in _PROSE else "",
        note=note,
    )


def encode(facts: FileFacts | str) -> bytes:
    """Return facts, or why there are none, as JSON."""
    row: object = facts
    if isinstance(facts, FileFacts):
        head = (facts.language, facts.lines, facts.tokens, facts.complexity, facts.doc, facts.note)
        row = (*head, facts.symbols, facts.imports, facts.uses)
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def decode(data: bytes | memoryview) -> FileFacts | str:
    """Return what `encode` was given. Names are shared between files, since there are many of few."""
    row = json.loads(str(data, "utf-8", "surrogatepass"))
    if isinstance(row, str):
        return row
    language, lines, tokens, complexity, doc, note, symbols, imports, uses = row
    return FileFacts(
        language=intern(language),
        lines=lines,
        tokens=tokens,
        symbols=tuple(
            [Symbol(intern(n), intern(q), intern(k), line, end, said) for n, q, k, line, end, said in symbols]
        ),
        imports=tuple([Imported(intern(m), n and intern(n), intern(b), line) for m, n, b, line in imports]),
        uses={intern(name): count for name, count in uses.items()},
        complexity=complexity,
        doc=doc,
        note=note,
    )


def is_reason(data: bytes | memoryview) -> bool:
    """Tell whether it is no facts that were encoded, but why there are none."""
    return data[0] == _QUOTE
