"""Where errors end: handlers that catch everything, and those that do nothing with what they caught."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.pythons import nodes
from fanfold.skills.multi_file_analysis.analyses.sources import LineNumbers, Sources, production, row, table
from fanfold.sources.outline.python import dotted, uncollected
from fanfold.sources.repo_map.values import RepoMap

_BROAD = frozenset({"Exception", "BaseException"})
_TELLING = re.compile(
    r"log|warn|print|exception|error|report|capture|notify|abort|fail|exit|traceback|debug", re.IGNORECASE
)
_ORDER = ("catches everything, does nothing", "catches everything", "error is dropped", "may panic")
# In other languages a handler with nothing in it, comments aside.
_NOTHING = r"\{\s*(?:(?://[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)\s*)*\}"
_EMPTY: Mapping[str, tuple[tuple[str, re.Pattern[str]], ...]] = {
    **dict.fromkeys(
        ("javascript", "typescript", "tsx"),
        (
            ("error is dropped", re.compile(rf"\bcatch\s*(?:\([^()]*\)\s*)?{_NOTHING}", re.DOTALL)),
            (
                "error is dropped",
                re.compile(rf"\.catch\(\s*(?:\(?\w*\)?\s*=>|function\s*\(\w*\))\s*{_NOTHING}\s*\)", re.DOTALL),
            ),
        ),
    ),
    **dict.fromkeys(
        ("java", "c-sharp", "php", "cpp"),
        (("error is dropped", re.compile(rf"\bcatch\s*(?:\([^()]*\)\s*)?{_NOTHING}", re.DOTALL)),),
    ),
    "go": (
        ("error is dropped", re.compile(rf"\bif\s+(?:[^{{}}\n]{{0,200}};\s*)?err\s*!=\s*nil\s*{_NOTHING}", re.DOTALL)),
        ("error is dropped", re.compile(r"^[ \t]*_\s*=\s*[\w.]+\([^\n]*\)[ \t]*$", re.MULTILINE)),
        ("may panic", re.compile(r"^[ \t]*panic\([^\n]*$", re.MULTILINE)),
    ),
    "rust": (
        (
            "may panic",
            re.compile(
                r"^(?![ \t]*//)[^\n]*?(?:\.unwrap\(\)|\.expect\(|\b(?:panic|todo|unimplemented)!)", re.MULTILINE
            ),
        ),
    ),
    "ruby": (("error is dropped", re.compile(r"\brescue\b[^\n]{0,200}\n\s*(?:nil\s*\n\s*)?end\b|\brescue\s+nil\b")),),
}


def swallowed(tree: RepoMap, sources: Sources) -> Table:
    """Return the handlers that drop errors or catch everything, the worst first."""
    with uncollected():
        rows = list(_rows(tree, sources))
    rows.sort(key=lambda found: (_ORDER.index(str(found.cells[0])), found.path, found.line))
    return table(
        "swallowed",
        "Where errors end",
        "Handlers that do nothing with what they caught, and handlers of everything that neither raise it again nor "
        "tell anybody (Python); empty handlers, ignored results and panics elsewhere. Test code is left out.",
        ("what", "catches", "where"),
        rows,
    )


def _rows(tree: RepoMap, sources: Sources) -> Iterator[Row]:
    for path, file in production(tree):
        language = file.facts.language
        if language == "python" and (text := sources.read(path)) and "except" in text:
            yield from _python(path, text)
        elif language in _EMPTY and (text := sources.read(path)):
            yield from _elsewhere(path, text, _EMPTY[language])


def _python(path: str, text: str) -> Iterator[Row]:
    for node, within in nodes(text):
        if isinstance(node, ast.ExceptHandler) and (what := _fault(node)):
            caught = ", ".join(dotted(one) or "…" for one in _types(node.type)) if node.type else "everything"
            end = node.body[-1].end_lineno or node.lineno
            yield row(path, node.lineno, what, caught, within.name, end_line=end)


def _fault(handler: ast.ExceptHandler) -> str:
    broad = handler.type is None or any(dotted(one).rpartition(".")[2] in _BROAD for one in _types(handler.type))
    if all(_is_nothing(statement) for statement in handler.body):
        return "catches everything, does nothing" if broad else "error is dropped"
    return "catches everything" if broad and not _tells(handler) else ""


def _types(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _is_nothing(statement: ast.stmt) -> bool:
    """`continue` and `return` are decisions; `pass` and `...` are none."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _tells(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler raises, uses what it caught, or calls something that says so."""
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Name) and node.id == handler.name:
            return True
        if isinstance(node, ast.Call) and _TELLING.search(dotted(node.func)):
            return True
    return False


def _elsewhere(path: str, text: str, patterns: tuple[tuple[str, re.Pattern[str]], ...]) -> Iterator[Row]:
    numbers = LineNumbers(text)
    for what, pattern in patterns:
        for match in pattern.finditer(text):
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            said = " ".join(match[0][:400].split())[:80]
            yield row(path, numbers.of(start), what, said, "", end_line=numbers.of(match.end()))
