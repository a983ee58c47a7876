"""Security surface: where a program meets what it can't trust. Places to look at, not faults."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.pythons import Names, nodes
from fanfold.skills.multi_file_analysis.analyses.sources import LineNumbers, Sources, production, row, table
from fanfold.skills.multi_file_analysis.analyses.surface_rules import (
    COMMENT,
    CRYPTO,
    FILES,
    KINDS,
    OBJECTS,
    PATTERNS,
    PYTHON_CALLS,
    PYTHON_HINT,
    PYTHON_SQL,
    SQL,
    SQL_WORDS,
)
from fanfold.sources.outline.python import dotted, uncollected
from fanfold.sources.repo_map.values import FileFacts, RepoMap

_WRITING = re.compile(r"[rbt]*[wax+][rwaxbt+]*")
_SAFE_YAML = re.compile(r"\b(?:C?SafeLoader|CBaseLoader|BaseLoader)\b")
_LONGEST = 100  # characters of a line


def surface(tree: RepoMap, sources: Sources) -> Table:
    """Return the places, those kinds first that do most harm when they are reached."""
    with uncollected():
        rows = list(dict.fromkeys(_rows(tree, sources)))
    rows.sort(key=lambda found: (KINDS.index(str(found.cells[0])), found.path, found.line))
    return table(
        "surface",
        "Security surface",
        "Where text becomes code, a program, a query or a file, and where the network comes in. Each is a place to ask "
        "what reaches it, no fault by itself. Test code is left out.",
        ("what", "how", "where"),
        rows,
    )


def _rows(tree: RepoMap, sources: Sources) -> Iterator[Row]:
    for path, file in production(tree):
        language = file.facts.language
        if language == "python" and (text := sources.read(path)) and PYTHON_HINT.search(text):
            yield from _python(path, file.facts, text)
        elif language in PATTERNS and (text := sources.read(path)):
            yield from _elsewhere(path, language, text)


def _python(path: str, facts: FileFacts, text: str) -> Iterator[Row]:
    names = Names(facts)
    own = {symbol.name for symbol in facts.symbols if "." not in symbol.qualified}
    for node, within in nodes(text):
        if isinstance(node, ast.Call):
            full = names.full(node.func)
            if full and full not in own and (kind := _kind(node, full)):
                yield row(path, node.lineno, kind, _how(node, full), within.name)


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


def _elsewhere(path: str, language: str, text: str) -> Iterator[Row]:
    numbers = LineNumbers(text)
    for kind, pattern in PATTERNS[language]:
        for match in pattern.finditer(text):
            line = numbers.of(match.start())
            said = numbers.line(line)
            if not COMMENT.match(said):
                yield row(path, line, kind, " ".join(said.split())[:_LONGEST], "")
