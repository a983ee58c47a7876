"""What facts need of Python's trees: calls by their full names, and the names of what surrounds them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from fanfold.sources.outline.python import dotted, parse
from fanfold.sources.repo_map.values import FileFacts

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True, slots=True)
class Within:
    """Where a node stands: the name of its function or class ("" at the top), and in how many loops of it.

    `waits` says that one of these runs until something holds: it goes round while it waits, not once for each input.
    """

    name: str = ""
    loops: int = 0
    waits: bool = False


def nodes(text: str) -> Iterator[tuple[ast.AST, Within]]:
    """Yield every node of a file in no order, with where it stands; nothing when it does not parse."""
    tree = parse(text)
    if isinstance(tree, str):
        return
    waiting: list[tuple[ast.AST, Within]] = [(tree, Within())]
    while waiting:
        node, within = waiting.pop()
        yield node, within
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            within = Within(f"{within.name}.{node.name}" if within.name else node.name)
        elif not within.name and _is_main(node):
            within = Within("__main__")
        counts = isinstance(node, _LOOPS) and not _short(node)
        waits = within.waits or isinstance(node, ast.While)
        inner = Within(within.name, within.loops + 1, waits) if counts else within
        for name, child in _children(node):
            # What a loop runs over, and what follows it, is not done once a round.
            waiting.append((child, within if name in {"iter", "orelse"} else inner))


def bare_strings(text: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last line of each string that is a statement, as docstrings are; nothing when none parse.

    The line on which one begins behind other code is that code's.
    """
    tree = parse(text)
    if isinstance(tree, str):
        return
    lines = text.split("\n")
    waiting: list[ast.AST] = [tree]
    while waiting:
        for _, node in _children(waiting.pop()):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                first = node.lineno + bool(lines[node.lineno - 1][: node.col_offset].strip())
                if node.end_lineno and first <= node.end_lineno:
                    yield first, node.end_lineno
            elif isinstance(node, _HOLDERS):
                waiting.append(node)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name in node._fields:
        value = getattr(node, name, None)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _is_main(node: ast.AST) -> bool:
    """Tell whether a statement guards what is done when the file is run as a script."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and dotted(node.test.left) == "__name__"


def _short(loop: ast.AST) -> bool:
    """Tell whether a loop runs over what is written out in it: its length is no question of the input."""
    return isinstance(loop, ast.For) and isinstance(loop.iter, ast.Tuple | ast.List | ast.Set)


class Names:
    """What names in a file stand for, as its imports say."""

    def __init__(self, facts: FileFacts) -> None:
        self._bound = {
            one.bound: f"{one.module}.{one.name}" if one.name else one.module
            for one in facts.imports
            if one.bound and (one.name or one.bound != one.module.partition(".")[0])
        }

    def full(self, node: ast.expr) -> str:
        """Return the full name of what is called (`subprocess.run`), "" when that is no chain of names."""
        said = dotted(node)
        first, dot, rest = said.partition(".")
        return f"{self._bound.get(first, first)}{dot}{rest}"
