"""Python by its own parser; the grammar, or indentation, where it does not parse."""

from __future__ import annotations

import ast
import gc
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from fanfold.sources.outline.text import SIGNATURE, doc_head, one_line
from fanfold.sources.outline.values import Definition, Import, Kind, Outline, Reading, Use

# `warnings.catch_warnings` changes what the whole process warns about; the parser holds the interpreter's lock anyway.
PARSING = Lock()
_LONGEST_CHAIN = 8  # of names: a.b.c
_DEEPEST = 200  # definitions within one another; the parser itself allows a hundred levels of indentation

_BRANCHES = frozenset(
    {ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.BoolOp, ast.comprehension}
    | {ast.match_case}
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.AsyncWith, ast.AsyncFor, ast.TryStar)


def parse(text: str) -> ast.Module | str:
    """Return the tree, or why there is none."""
    plain = text.replace("\r\n", "\n")
    if "\r" in plain:
        return "a carriage return ends lines in it, which git and Python count differently"
    try:
        with PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(plain)
    except SyntaxError as error:
        return f"it does not parse: {error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it can't be parsed: {one_line(str(error), 80) or type(error).__name__}"


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold back the cyclic garbage collector: a tree has no cycles, and looking for some doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:  # another thread that came in meanwhile has found it off, and leaves it to this one
            gc.enable()


def outline_python(path: str, text: str) -> Outline | str:
    """Return the outline of a Python file, or why its parser has none."""
    made = read_python(text)
    return made if isinstance(made, str) else made.outline(path)


def read_python(text: str) -> Reading | str:
    """Return what a Python text says, or why its parser can't tell."""
    with uncollected():
        return _read(text)


def _read(text: str) -> Reading | str:
    tree = parse(text)
    if isinstance(tree, str):
        return tree
    uses, imported, branches = _walked(tree)
    return Reading(
        language="python",
        method="ast",
        lines=text.count("\n") + (not text.endswith("\n") and bool(text)),
        definitions=tuple(_definitions(tree.body, text.replace("\r\n", "\n").split("\n"))),
        imports=tuple(found for node in imported for found in _imports(node)),
        uses=uses,
        branches=branches,
        doc=_doc(tree.body),
    )


def _walked(  # noqa: C901  one loop over all nodes: a call for each kind would double its time
    tree: ast.Module,
) -> tuple[list[Use], list[ast.Import | ast.ImportFrom], int]:
    """Return what is used, what is imported, and how often it branches.

    Walks the tree once, without recursion, because a generated expression may be deep.

    `ast.walk` would do; it takes four times as long.
    """
    uses: list[Use] = []
    imported: list[ast.Import | ast.ImportFrom] = []
    branches = 0
    called: set[int] = set()
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        kind = node.__class__
        if kind is ast.Name:
            if node.ctx.__class__ is not ast.Store:
                uses.append((node.id, id(node) in called, False, "", node.lineno))
        elif kind is ast.Attribute:
            value = node.value
            receiver = value.id if value.__class__ is ast.Name else dotted(value)
            uses.append((node.attr, id(node) in called, True, receiver, node.end_lineno))
            waiting.append(value)
        elif kind is ast.Call:  # the most frequent ones by their fields: that is faster than looking for them
            called.add(id(node.func))
            waiting.append(node.func)
            waiting += node.args
            waiting += [keyword.value for keyword in node.keywords]
        elif kind is ast.BinOp:
            waiting += (node.left, node.right)
        elif kind is ast.Import or kind is ast.ImportFrom:
            imported.append(node)
        elif kind is not ast.Constant:
            branches += kind in _BRANCHES
            for field in _FIELDS(kind, ()):
                value = getattr(node, field, None)
                if value.__class__ is list:
                    waiting += value
                elif value.__class__ in _FIELDS_OF:
                    waiting.append(value)
    imported.sort(key=lambda node: (node.lineno, node.col_offset))
    return uses, imported, branches


def _fields_of() -> dict[type, tuple[str, ...]]:
    """Return the fields of each kind of node that may hold a name; contexts, operators and constants hold none."""
    leaves = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.type_ignore, ast.Constant)
    kinds = [kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)]
    plain = {"ctx", "op", "ops", "type_comment", "type_ignores", "level", "conversion", "is_async", "simple", "kind"}
    return {
        kind: tuple(field for field in kind._fields if field not in plain)
        for kind in kinds
        if not issubclass(kind, leaves)
    }


_FIELDS_OF = _fields_of()
_FIELDS = _FIELDS_OF.get


def dotted(node: ast.expr) -> str:
    """Return a chain of names as it is written (`os.path`), "" for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < _LONGEST_CHAIN:
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield Import(module=alias.name, name=None, bound=bound, line=node.lineno)
        return
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        bound = "" if alias.name == "*" else alias.asname or alias.name
        yield Import(module=module, name=alias.name, bound=bound, line=alias.lineno)


def _definitions(
    body: Iterable[ast.stmt], lines: list[str], within: str = "", kind: Kind | None = None, depth: int = 0
) -> Iterator[Definition]:
    """Yield what statements define; `within` and `kind` are the name and the kind of what they stand in."""
    for node in _statements(body):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            found = _definition(node, lines, within, in_class=kind == "class")
            yield found
            if depth < _DEEPEST:
                yield from _definitions(node.body, lines, found.qualified, found.kind, depth + 1)
        elif kind in {None, "class"}:
            yield from _assigned(node, within)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements in order, those inside of `if`, `try`, `with` and loops in place of these."""
    waiting: list[Any] = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*_BLOCKS, ast.ExceptHandler, ast.Match, ast.match_case)):
            inner = [getattr(node, name, []) for name in ("body", "cases", "handlers", "orelse", "finalbody")]
            waiting.extend([statement for part in inner for statement in part][::-1])
        else:
            yield node


def _definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, lines: list[str], within: str, *, in_class: bool
) -> Definition:
    kind: Kind = "class" if isinstance(node, ast.ClassDef) else "method" if in_class else "function"
    return Definition(
        name=node.name,
        qualified=f"{within}.{node.name}" if within else node.name,
        kind=kind,
        line=min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]),
        end_line=node.end_lineno or node.lineno,
        name_line=node.lineno,
        signature=_signature(node, lines),
        doc=_doc(node.body),
    )


def _doc(body: Sequence[ast.stmt]) -> str:
    """Return the beginning of the docstring that a body starts with."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return doc_head(first.value.value)
    return ""


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, lines: list[str]) -> str:
    """Return the head as it is written, from `def` or `class` up to the colon before its body."""
    first = node.body[0]
    if first.lineno == node.lineno:
        head = lines[node.lineno - 1].encode()[node.col_offset : first.col_offset].decode("utf-8", "replace")
    else:
        until = min([first.lineno, *(d.lineno for d in getattr(first, "decorator_list", []))])
        head = "\n".join(lines[node.lineno - 1 : until - 1])
    return one_line(_without_comments(head).rstrip().removesuffix(":"), SIGNATURE)


def _without_comments(head: str) -> str:
    """Drop what follows a `#`; a default that holds one in a string is cut short, which only a reader sees."""
    if "#" not in head:
        return head
    kept = (line if "#" not in line else line[: line.index("#")] for line in head.split("\n"))
    text = "\n".join(kept).rstrip()
    return text if text.endswith(":") else head


def _assigned(node: ast.stmt, within: str) -> Iterator[Definition]:
    """Yield the names that a statement of a module or a class binds."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if isinstance(node, ast.Assign | ast.AnnAssign) or type(node).__name__ == "TypeAlias":
        for name in _names(targets):
            kind: Kind = "constant" if name.id.isupper() else "variable"
            yield Definition(
                name=name.id,
                qualified=f"{within}.{name.id}" if within else name.id,
                kind=kind,
                line=node.lineno,
                end_line=node.end_lineno or node.lineno,
                name_line=name.lineno,
            )


def _names(targets: Iterable[Any]) -> Iterator[ast.Name]:
    waiting = list(targets)[::-1]
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Name):
            yield target
        elif isinstance(target, ast.Tuple | ast.List):
            waiting.extend(target.elts[::-1])
        elif isinstance(target, ast.Starred):
            waiting.append(target.value)
