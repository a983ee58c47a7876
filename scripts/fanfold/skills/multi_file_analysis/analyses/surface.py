"""Security surface: where a program meets what it can't trust. Places to look at, not faults."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.pythons import Names, nodes
from fanfold.skills.multi_file_analysis.analyses.sources import (
    Definitions,
    LineNumbers,
    Sources,
    limited,
    row,
    table,
    texts_of,
)
from fanfold.skills.multi_file_analysis.analyses.surface_rules import (
    COMMENT,
    CRYPTO,
    FILES,
    KINDS,
    OBJECTS,
    PATTERNS,
    PROGRAM,
    PYTHON_CALLS,
    PYTHON_HINT,
    PYTHON_SQL,
    SQL,
    SQL_WORDS,
    WRITERS,
)
from fanfold.sources.beside import beside
from fanfold.sources.garbage import uncollected
from fanfold.sources.outline.python import dotted
from fanfold.sources.repo_map.values import MappedFile, RepoMap

_WRITING = re.compile(r"[rbt]*[wax+][rwaxbt+]*")
_SAFE_YAML = re.compile(r"\b(?:C?SafeLoader|CBaseLoader|BaseLoader)\b")
_LONGEST = 100  # characters of a line
# Where the tree has a method of that name as well, what is called so is a file.
_PATH = re.compile(r"path|file|folder|dir|dest|out", re.IGNORECASE)
_IMPORT = re.compile(r"^\s*(?:import|using)\s+(?:static\s+)?[\w.]+\s*;")
_LANGUAGES = frozenset({"python", *PATTERNS})
_QUOTE = re.compile(r"(?<![\\'])\"")
_PROCESS = re.compile(r"\bprocess::")  # Rust's command line parsers have commands as well


def surface(tree: RepoMap, sources: Sources) -> Table:
    """Return the places, those kinds first that do most harm when they are reached."""
    with uncollected():
        rows = list(dict.fromkeys(_rows(tree, sources)))
    rows.sort(key=lambda found: (KINDS.index(str(found.cells[0])), bool(beside(found.path)), found.path, found.line))
    found = table(
        "surface",
        "Security surface",
        "Where text becomes code, a program, a query or a file, and where the network comes in. Each is a place to ask "
        "what reaches it, no fault by itself. Test code is left out.",
        ("what", "how", "in"),
        rows,
    )
    return limited(found, tree, _LANGUAGES)


def _rows(tree: RepoMap, sources: Sources) -> Iterator[Row]:
    own_writers = WRITERS.intersection(s.name for file in tree.files.values() for s in file.facts.symbols)
    for path, file, text in texts_of(tree, sources, _LANGUAGES):
        if file.facts.language in PATTERNS:
            yield from _elsewhere(path, file, text)
        elif PYTHON_HINT.search(text):
            yield from _python(path, file, text, own_writers)


def _python(path: str, file: MappedFile, text: str, own_methods: Collection[str]) -> Iterator[Row]:
    names = Names(file.facts)
    own = {symbol.name for symbol in file.facts.symbols if "." not in symbol.qualified}
    for node, around in nodes(text):
        if isinstance(node, ast.Call):
            full = names.full(node.func)
            on, _, name = full.rpartition(".")
            mine = full in own or (name in own_methods and not _PATH.search(on))
            if full and not mine and (kind := _kind(node, full)):
                yield row(path, node.lineno, kind, _how(node, full), around.name)


def _kind(call: ast.Call, full: str) -> str:
    kind = next((kind for kind, pattern in PYTHON_CALLS if pattern.fullmatch(full)), "")
    if kind == OBJECTS and full.startswith("yaml.") and any(_SAFE_YAML.search(dotted(one)) for one in _arguments(call)):
        return ""
    if not kind and PYTHON_SQL.fullmatch(full) and call.args and _is_put_together(call.args[0]):
        return SQL
    if (
        not kind
        and (full in {"open", "io.open", "codecs.open", "os.fdopen"} or full.endswith(".open"))
        and _writes(call)
    ):
        return FILES
    if not kind and any(one.arg == "verify" and _is(one.value, value=False) for one in call.keywords):
        return CRYPTO
    return kind


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(one.value for one in call.keywords)]


def _is(node: ast.expr, *, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_put_together(node: ast.expr) -> bool:
    """Tell whether a text that begins like a statement of SQL has something put into it."""
    if isinstance(node, ast.JoinedStr):
        holes = any(isinstance(part, ast.FormattedValue) for part in node.values)
        first = node.values[0] if node.values else None
        return holes and isinstance(first, ast.Constant) and _is_sql(first)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        while isinstance(node, ast.BinOp):
            node = node.left
        return _is_sql(node) or (isinstance(node, ast.JoinedStr | ast.Call) and _is_put_together(node))
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and _is_sql(node.func.value)
    )


def _is_sql(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL_WORDS.match(node.value) is not None


def _writes(call: ast.Call) -> bool:
    """Tell whether a file is opened for writing, as far as its mode is written out."""
    modes = [*call.args[:2], *(one.value for one in call.keywords if one.arg == "mode")]
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and _WRITING.fullmatch(one.value) for one in modes
    )


def _how(call: ast.Call, full: str) -> str:
    shell = any(one.arg == "shell" and not _is(one.value, value=False) for one in call.keywords)
    return f"{full}, through a shell" if shell else full


def _elsewhere(path: str, file: MappedFile, text: str) -> Iterator[Row]:
    numbers, inside = LineNumbers(text), Definitions(file)
    for kind, pattern in PATTERNS[file.facts.language]:
        for match in pattern.finditer(text):
            line = numbers.of(match.start())
            said = numbers.line(line)
            if COMMENT.match(said) or _IMPORT.match(said) or _in_string(text, match.start(), said):
                continue
            if kind != PROGRAM or file.facts.language != "rust" or _PROCESS.search(text):
                yield row(path, line, kind, " ".join(said.split())[:_LONGEST], inside.around(line))


def _in_string(text: str, at: int, line: str) -> bool:
    """Tell whether a place is within a string of double quotes, which only speaks of it; one may run code in Ruby."""
    before = line[: at - text.rfind("\n", 0, at) - 1]
    return len(_QUOTE.findall(before)) % 2 == 1 and "#{" not in before
