"""What a project offers to others: names that its languages or its packages make public, with their signatures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.sources import (
    MOST_ROWS,
    Sources,
    limited,
    of_symbol,
    production,
    table,
)
from fanfold.sources.outline import outline
from fanfold.sources.repo_map.values import MappedFile, RepoMap, Symbol

_KINDS = frozenset({"function", "class", "struct", "enum", "interface", "type", "macro", "constant"})
_ALL = re.compile(r"^__all__\s*(?::[^=\n]+)?\+?=\s*[\[(]([^\])]{0,8000})[\])]", re.MULTILINE)
_HEAD = 200_000  # characters in which `__all__` is looked for
_NAMES = re.compile(r"[\"'](\w+)[\"']")
_TOOLS = re.compile(
    r"(^|/)(setup|noxfile|conftest|manage|conf|gulpfile|gruntfile|[\w-]+\.config)\.\w+$"
    r"|(^|/)(docs?|examples?|benchmarks?)/",
    re.IGNORECASE,
)


class _Public(NamedTuple):
    rank: int
    path: str
    symbol: Symbol


def public_api(tree: RepoMap, sources: Sources) -> Table:
    """Return the public definitions: what packages export first, then by file."""
    once = {_said_once(one, tree): one for one in _public(tree, sources)}
    found = sorted(once.values(), key=lambda one: (one.rank, one.path.count("/"), one.path, one.symbol.line))
    signatures = _signatures({one.path for one in found[:MOST_ROWS]}, sources)
    made = table(
        "api",
        "Public API",
        "What the packages export (`__all__` and the imports of `__init__.py`, `export`, `exports`, capital letters in "
        "Go, `pub` in Rust, `public` in Java and C#, headers below `include` in C), then what is public by its name "
        "alone.",
        ("name", "kind", "signature", "what it is"),
        (_row(one, signatures) for one in found),
    )
    return limited(made, tree, _RULES)


def _said_once(one: _Public, tree: RepoMap) -> tuple[str, str, int]:
    """Return what rows about the same share: the overloads of a name in Python, and `typedef struct a {…} a`."""
    symbol = one.symbol
    line = 0 if tree.files[one.path].facts.language == "python" else symbol.line
    return one.path, symbol.qualified, line


def _row(one: _Public, signatures: Mapping[tuple[str, str], str]) -> Row:
    symbol = one.symbol
    signature = signatures.get((one.path, symbol.qualified)) or None
    return of_symbol(one.path, symbol, symbol.qualified, symbol.kind, signature, symbol.doc or None)


def _signatures(paths: set[str], sources: Sources) -> dict[tuple[str, str], str]:
    return {
        (path, found.qualified): found.signature
        for path in sorted(paths)
        for found in outline(path, sources.read(path) or "").definitions
    }


def _public(tree: RepoMap, sources: Sources) -> Iterator[_Public]:
    exported = _exported_by_packages(tree, sources)
    for path, file in production(tree):
        is_public = _RULES.get(file.facts.language)
        if is_public is None or _TOOLS.search(path):
            continue
        lines = (sources.read(path) or "").split("\n")
        for symbol in file.facts.symbols:
            if symbol.kind in _KINDS and _on_top(symbol, file) and symbol.line <= len(lines):
                rank = 0 if symbol.name in exported.get(path, ()) else is_public(path, symbol, lines)
                if rank is not None:
                    yield _Public(rank, path, symbol)


def _on_top(symbol: Symbol, file: MappedFile) -> bool:
    return symbol.qualified == symbol.name or file.facts.language in {"java", "c-sharp", "rust", "php", "cpp"}


def _exported_by_packages(tree: RepoMap, sources: Sources) -> dict[str, set[str]]:
    """Return, by file, the names that `__all__` or an import of a package's `__init__.py` passes on."""
    found: dict[str, set[str]] = {}
    for path, file in production(tree):
        if file.facts.language != "python":
            continue
        listed = {name for said in _ALL.findall((sources.read(path) or "")[:_HEAD]) for name in _NAMES.findall(said)}
        found.setdefault(path, set()).update(listed)
        if path.endswith("__init__.py") and not _TOOLS.search(path):
            passed = {one.name for one in file.facts.imports if one.name and not one.bound.startswith("_")}
            for other in tree.imports.get(path, ()):
                defined = {symbol.name for symbol in tree.files[other].facts.symbols} if other in tree.files else set()
                found.setdefault(other, set()).update(passed & defined)
    return found


def _in_python(path: str, symbol: Symbol, _lines: list[str]) -> int | None:
    parts = path.removesuffix(".py").split("/")
    hidden = symbol.name.startswith("_") or any(part.startswith("_") and part != "__init__" for part in parts)
    return None if hidden or symbol.kind == "constant" else 1


def _in_go(path: str, symbol: Symbol, _lines: list[str]) -> int | None:
    return 0 if symbol.name[:1].isupper() and "/internal/" not in f"/{path}" else None


def _by_word(pattern: str) -> Callable[[str, Symbol, list[str]], int | None]:
    word = re.compile(pattern)

    def rule(_path: str, symbol: Symbol, lines: list[str]) -> int | None:
        head = "\n".join(lines[symbol.line - 1 : min(symbol.end_line, symbol.line + 4)])
        return 0 if word.search(head.partition("{")[0]) else None

    return rule


def _in_header(path: str, symbol: Symbol, lines: list[str]) -> int | None:
    """What is in a folder `include` is for others; other headers are for the project's own files as well."""
    if path.rpartition(".")[2].lower() not in {"h", "hh", "hpp", "hxx"} or _is_guard(symbol, lines):
        return None
    folders = path.split("/")[:-1]
    return 0 if "include" in folders and not _INTERNAL.intersection(folders) else 1


def _is_guard(symbol: Symbol, lines: list[str]) -> bool:
    """Tell whether a macro is there so that a header is included once."""
    if symbol.kind != "macro":
        return False
    name = re.escape(symbol.name)
    above = next((line for line in reversed(lines[max(0, symbol.line - 4) : symbol.line - 1]) if line.strip()), "")
    asked = re.fullmatch(rf"\s*#\s*if(?:ndef\s+|\s*!\s*defined\s*\(?\s*){name}\b\)?.*", above)
    plain = re.fullmatch(rf"\s*#\s*define\s+{name}\s*(?:1\s*)?(?:/[/*].*)?", lines[symbol.line - 1])
    return asked is not None and plain is not None


def _in_php(_path: str, symbol: Symbol, _lines: list[str]) -> int | None:
    return 1 if symbol.kind in {"class", "interface", "enum", "function"} else None


_INTERNAL = frozenset({"internal", "detail", "details", "impl", "private"})
_EXPORT = _by_word(r"\bexport\b|^\s*(?:module\.)?exports\b")
_RULES: Mapping[str, Callable[[str, Symbol, list[str]], int | None]] = {
    "python": _in_python,
    "javascript": _EXPORT,
    "typescript": _EXPORT,
    "tsx": _EXPORT,
    "go": _in_go,
    "rust": _by_word(r"\bpub\b(?!\s*\()"),
    "java": _by_word(r"\bpublic\b"),
    "c-sharp": _by_word(r"\bpublic\b"),
    "c": _in_header,
    "cpp": _in_header,
    "php": _in_php,
}
