"""Where errors end: handlers that catch everything, and those that do nothing with what they caught."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.pythons import nodes
from fanfold.skills.multi_file_analysis.analyses.sources import (
    Definitions,
    LineNumbers,
    Sources,
    limited,
    row,
    table,
    texts_of,
)
from fanfold.sources.beside import beside
from fanfold.sources.garbage import uncollected
from fanfold.sources.outline.python import dotted
from fanfold.sources.repo_map.values import MappedFile, RepoMap

_BROAD = frozenset({"Exception", "BaseException"})
_SUPPRESS = frozenset({"suppress", "contextlib.suppress"})
_TELLING = re.compile(
    r"log|warn|print|exception|error|report|capture|notify|abort|fail|exit|traceback|debug", re.IGNORECASE
)
# What says that something is not there, and is asked for with that in mind.
_ABSENT = frozenset(
    {
        "AttributeError",
        "FileNotFoundError",
        "ImportError",
        "IndexError",
        "KeyError",
        "LookupError",
        "ModuleNotFoundError",
        "ProcessLookupError",
        "StopIteration",
    }
)
_ORDER = (
    "catches everything, does nothing",
    "catches everything",
    "error is dropped",
    "may panic",
    "absence is passed over",
)
# In other languages a handler with nothing in it, comments aside.
_NOTHING = r"\{\s*(?:(?://[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)\s*)*\}"
_RESCUED = r"^[ \t]*rescue\b[^\n]{0,200}\n\s*(?:nil\s*\n\s*)?end\b|\brescue\s+nil\b"
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
                r"^(?![ \t]*//)[^\n]*?(?:\.unwrap\(\)|\.expect\(|\b(?:panic|todo|unimplemented)!)[^\n]*", re.MULTILINE
            ),
        ),
    ),
    "ruby": (("error is dropped", re.compile(_RESCUED, re.MULTILINE)),),
}
_LANGUAGES = frozenset({"python", *_EMPTY})


def swallowed(tree: RepoMap, sources: Sources) -> Table:
    """Return the handlers that drop errors or catch everything, the worst first."""
    with uncollected():
        rows = list(_rows(tree, sources))
    rows.sort(key=lambda found: (_ORDER.index(str(found.cells[0])), bool(beside(found.path)), found.path, found.line))
    found = table(
        "swallowed",
        "Where errors end",
        "Handlers that do nothing with what they caught, and handlers of everything that neither raise it again nor "
        "tell anybody (Python); empty handlers, ignored results and panics elsewhere. Where an error says that "
        "something is not there, as KeyError does, it may be what was asked; those come last. Test code is left out.",
        ("what", "catches", "in"),
        rows,
    )
    return limited(found, tree, _LANGUAGES)


def _rows(tree: RepoMap, sources: Sources) -> Iterator[Row]:
    for path, file, text in texts_of(tree, sources, _LANGUAGES):
        if file.facts.language in _EMPTY:
            yield from _elsewhere(path, file, text)
        elif "except" in text or "suppress" in text:
            yield from _python(path, text)


def _python(path: str, text: str) -> Iterator[Row]:
    for node, around in nodes(text):
        if isinstance(node, ast.ExceptHandler) and (what := _fault(node)):
            caught = ", ".join(dotted(one) or "…" for one in _types(node.type)) if node.type else "everything"
            end = node.body[-1].end_lineno or node.lineno
            yield row(path, node.lineno, what, caught, around.name, end_line=end)
        elif isinstance(node, ast.With | ast.AsyncWith) and (everything := _suppressed(node)):
            yield row(path, node.lineno, _ORDER[0], everything, around.name, end_line=node.end_lineno)


def _fault(handler: ast.ExceptHandler) -> str:
    names = {dotted(one).rpartition(".")[2] for one in _types(handler.type)} if handler.type else _BROAD
    broad = not _BROAD.isdisjoint(names)
    if all(_is_nothing(statement) for statement in handler.body):
        return _ORDER[0] if broad else "absence is passed over" if names <= _ABSENT else "error is dropped"
    return "catches everything" if broad and not _tells(handler) else ""


def _suppressed(node: ast.With | ast.AsyncWith) -> str:
    """Return what of everything a statement suppresses, as `with suppress(Exception)` does; "" for what it names."""
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    caught = [dotted(one) for call in calls if dotted(call.func) in _SUPPRESS for one in call.args]
    return next((name for name in caught if name.rpartition(".")[2] in _BROAD), "")


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


def _elsewhere(path: str, file: MappedFile, text: str) -> Iterator[Row]:
    numbers, inside = LineNumbers(text), Definitions(file)
    for what, pattern in _EMPTY[file.facts.language]:
        for match in pattern.finditer(text):
            line = numbers.of(match.start() + len(match[0]) - len(match[0].lstrip()))
            said = " ".join(match[0][:400].split())[:80]
            yield row(path, line, what, said, inside.around(line), end_line=numbers.of(match.end()))
