"""Python by its own parser; the grammar, or indentation, where it does not parse."""

from __future__ import annotations

import ast
import warnings
from ast import Attribute, Call, Constant, Name, Store
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from threading import Lock
from typing import Any, TypeVar

from fanfold.sources.garbage import uncollected
from fanfold.sources.outline.text import SIGNATURE, comment_on_top, doc_head, one_line
from fanfold.sources.outline.values import Definition, Import, Kind, Outline, Reading, Skim, Use

T = TypeVar("T")

# `warnings.catch_warnings` changes what the whole process warns about; the parser holds the interpreter's lock anyway.
PARSING = Lock()
_LONGEST_CHAIN = 8  # of names: a.b.c
_DEEPEST = 200  # definitions within one another; the parser itself allows a hundred levels of indentation

_BRANCHES = frozenset(
    {ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.BoolOp, ast.comprehension}
    | {ast.match_case}
)
_DEFINING = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef})
_ALIAS = getattr(ast, "TypeAlias", None)  # since Python 3.12
_ASSIGNING = frozenset({ast.Assign, ast.AnnAssign, _ALIAS})
_HOLDING = frozenset(
    {ast.If, ast.Try, ast.With, ast.For, ast.While, ast.AsyncWith, ast.AsyncFor, ast.TryStar}
    | {ast.ExceptHandler, ast.Match, ast.match_case}
)
_HEAD = 8_000  # characters of a file in which a comment on top begins
_WITH_NAMES = (None, "class")  # what a module or a class assigns to has a name for others


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


def outline_python(path: str, text: str) -> Outline | str:
    """Return the outline of a Python file, or why its parser has none."""
    made = read_python(text)
    return made if isinstance(made, str) else made.outline(path)


def read_python(text: str) -> Reading | str:
    """Return what a Python text says, or why its parser can't tell."""
    with uncollected():
        return _parsed(text, lambda tree: _read(tree, text))


def skim_python(text: str) -> Skim | str:
    """Return what a Python text says as far as names go, or why its parser can't tell."""
    with uncollected():
        return _parsed(text, lambda tree: _skimmed(tree, text))


def _parsed(text: str, made: Callable[[ast.Module], T]) -> T | str:
    """Return what is made of a tree that is gone when this returns: the collector, let loose, would look through it."""
    tree = parse(text)
    return tree if isinstance(tree, str) else made(tree)


def _read(tree: ast.Module, text: str) -> Reading:
    uses, imported, branches = _walked(tree)
    return Reading(
        language="python",
        method="ast",
        lines=text.count("\n") + (not text.endswith("\n") and bool(text)),
        definitions=tuple(_definitions(tree.body, text.replace("\r\n", "\n").split("\n"))),
        imports=_imports(imported),
        uses=uses,
        branches=branches,
        doc=_doc_of_module(tree, text),
    )


def _skimmed(tree: ast.Module, text: str) -> Skim:
    uses, imported, branches = _counted(tree)
    return Skim(
        language="python",
        definitions=tuple(_definitions(tree.body)),
        imports=_imports(imported),
        uses=uses,
        branches=branches,
        doc=_doc_of_module(tree, text),
    )


def _doc_of_module(tree: ast.Module, text: str) -> str:
    """Return the beginning of a module's docstring, or else of the comment on top that stands by itself."""
    if (doc := _doc(tree.body)) or "#" not in text[:_HEAD]:
        return doc
    return comment_on_top(text[:_HEAD].replace("\r\n", "\n").split("\n"), "hash", apart=True)


_Imported = list[ast.Import | ast.ImportFrom]


def _walked(tree: ast.Module) -> tuple[list[Use], _Imported, int]:
    """Return what is used, what is imported, and how often it branches.

    Walks the tree once, without recursion, because a generated expression may be deep; and in one loop, because a call
    for each node would double its time. `ast.walk` would do; it takes four times as long.
    """
    uses: list[Use] = []
    imported: _Imported = []
    branches = 0
    called: set[int] = set()
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        kind = node.__class__
        if kind is Name:
            if node.ctx.__class__ is not Store:
                uses.append((node.id, id(node) in called, False, "", node.lineno))
        elif kind is Attribute:
            value = node.value
            receiver = value.id if value.__class__ is Name else dotted(value)
            uses.append((node.attr, id(node) in called, True, receiver, node.end_lineno))
            waiting.append(value)
        elif kind is list:
            waiting += node
        elif kind in _IMPORTING:
            imported.append(node)
        elif below := _BELOW(kind):
            if kind is Call:
                called.add(id(node.func))
            branches += kind in _BRANCHES
            waiting += below(node)
    return uses, imported, branches


def _counted(tree: ast.Module) -> tuple[dict[str, int], _Imported, int]:
    """Return how often each name is used, and the rest as `_walked`: without how, in two thirds of its time."""
    uses: list[str] = []
    imported: _Imported = []
    branches = 0
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        kind = node.__class__
        if kind is Name:
            if node.ctx.__class__ is not Store:
                uses.append(node.id)
        elif kind is Attribute:
            uses.append(node.attr)
            waiting.append(node.value)
        elif kind is Call:  # as what follows, only faster, which tells: a fifth of all nodes are calls
            waiting.append(node.func)
            waiting += node.args
            waiting += node.keywords
        elif kind is Constant:
            continue
        elif kind is list:
            waiting += node
        elif kind in _IMPORTING:
            imported.append(node)
        elif below := _BELOW(kind):
            branches += kind in _BRANCHES
            waiting += below(node)
    return dict(Counter(uses)), imported, branches


def _readers() -> Iterator[tuple[type, Callable[[Any], Iterable[Any]]]]:
    """Yield for each kind of node what returns its fields that may hold names; those of leaves hold none."""
    leaves = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.type_ignore, ast.Constant)
    plain = {"ctx", "op", "ops", "type_comment", "type_ignores", "level", "conversion", "is_async", "simple", "kind"}
    plain |= {"arg", "name", "names", "rest", "kwd_attrs"}  # bound here, not used
    for kind in vars(ast).values():
        if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, leaves):
            fields = [field for field in kind._fields if field not in plain]
            if len(fields) > 1:
                yield kind, attrgetter(*fields)
            elif fields:
                yield kind, _only(fields[0])


def _only(field: str) -> Callable[[Any], Iterable[Any]]:
    read = attrgetter(field)
    return lambda node: (read(node),)


_BELOW = dict(_readers()).get
_IMPORTING = frozenset({ast.Import, ast.ImportFrom})


def dotted(node: ast.expr) -> str:
    """Return a chain of names as it is written (`os.path`), "" for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < _LONGEST_CHAIN:
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _imports(nodes: _Imported) -> tuple[Import, ...]:
    """Return what is imported, in order."""
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return tuple([found for node in nodes for found in _imported(node)])


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
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
    body: Sequence[ast.stmt], lines: list[str] | None = None, within: str = "", kind: Kind | None = None, depth: int = 0
) -> Iterator[Definition]:
    """Yield what statements define; `within` and `kind` are the name and the kind of what they stand in.

    `lines` are the file's, for the signatures; without them there are none.
    """
    for node in _statements(body):
        what = node.__class__
        if what in _DEFINING:
            found = _definition(node, lines, f"{within}.{node.name}" if within else node.name, in_class=kind == "class")
            yield found
            if depth < _DEEPEST:
                yield from _definitions(node.body, lines, found.qualified, found.kind, depth + 1)
        elif what in _ASSIGNING and kind in _WITH_NAMES:
            yield from _assigned(node, within)


def _statements(body: Sequence[ast.stmt]) -> Iterator[Any]:
    """Yield statements in order, those inside of `if`, `try`, `with` and loops in place of these."""
    waiting: list[Any] = [*reversed(body)]
    while waiting:
        node = waiting.pop()
        if node.__class__ in _HOLDING:
            inner = [getattr(node, name, []) for name in ("body", "cases", "handlers", "orelse", "finalbody")]
            waiting.extend([statement for part in inner for statement in part][::-1])
        else:
            yield node


def _definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    lines: list[str] | None,
    qualified: str,
    *,
    in_class: bool,
) -> Definition:
    return Definition(
        name=node.name,
        qualified=qualified,
        kind="class" if isinstance(node, ast.ClassDef) else "method" if in_class else "function",
        line=min([node.lineno, *[decorator.lineno for decorator in node.decorator_list]]),
        end_line=node.end_lineno or node.lineno,
        name_line=node.lineno,
        signature=_signature(node, lines) if lines else "",
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


def _assigned(node: Any, within: str) -> Iterator[Definition]:
    """Yield the names that a statement of a module or a class binds."""
    alias = node.__class__ is _ALIAS
    targets = node.targets if node.__class__ is ast.Assign else [node.name if alias else node.target]
    for name in _names(targets):
        kind: Kind = "type" if alias else "constant" if name.id.isupper() else "variable"
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
