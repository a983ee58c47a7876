"""Whether a Python module may bind names as it runs, which nothing in it spells out.

Reading what is there binds nothing: `sys.modules.get(name)`, `globals()[name]`, `self.__dict__`. Whatever is neither
certainly a read nor certainly of something else than a module counts as a write.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# Without any of these words there is nothing to look for.
_WORDS = re.compile(
    r"\b(?:globals|vars|locals|exec|eval|setattr)\s*\(|\bsys\.modules\b|\b__getattr__\b|\b__dict__\b|\blazy\w*\.attach"
)
_READS = frozenset({"__contains__", "copy", "get", "items", "keys", "values"})
_READERS = frozenset({"dict", "dir", "getattr", "hasattr", "id", "isinstance", "len", "list", "set", "sorted", "tuple"})
_INSPECTS = frozenset({"getdoc", "getfile", "getmembers", "getmodulename", "getsource", "getsourcefile"})
_SPACES = frozenset({"globals", "locals", "vars"})
_OWN = frozenset({"self", "cls"})
# Names bound this way are looked up in a module from outside alone, not by its own code.
FROM_OUTSIDE = frozenset({"__getattr__", "__dict__", "setattr", "eval"})


def writes(tree: ast.Module, text: str) -> frozenset[str]:
    """Return by what the module may bind more names, none when it does not: words such as `globals` to show people."""
    if not _WORDS.search(text):
        return frozenset()
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    handles = frozenset(_handles(tree))
    found = {word for node in ast.walk(tree) if (word := _written(node, parents, handles))}
    if any("__getattr__" in _bound(node) for node in _top(tree)) or re.search(r"\blazy\w*\.attach", text):
        found.add("__getattr__")
    return frozenset(found)


def _top(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what runs at the module's top, conditions and loops included."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _bound(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.FunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
            return (name,)
        case ast.ImportFrom(names=names):
            return tuple(alias.asname or alias.name for alias in names)
    return ()


def _handles(tree: ast.Module) -> Iterator[str]:
    """Yield the names that may be a module of `sys.modules`, or what is imported by name, wherever they are bound."""
    for node in ast.walk(tree):
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and value is not None and _is_handle(value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (inner.id for one in targets for inner in ast.walk(one) if isinstance(inner, ast.Name))


def _is_handle(value: ast.expr) -> bool:
    if any(_is_sys_modules(inner) for inner in ast.walk(value)):
        return True
    called = (inner.func for inner in ast.walk(value) if isinstance(inner, ast.Call))
    return any(_last(func) in {*_SPACES, "import_module", "__import__"} for func in called)


def _is_sys_modules(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "modules" and _last(node.value) == "sys"


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _written(node: ast.AST, parents: dict[int, ast.AST], handles: frozenset[str]) -> str:
    """Return the word for what a node may write to, "" when it does not."""
    match node:
        case ast.Call(func=ast.Name(id="exec" | "eval" as name)):
            return name
        case ast.Call(func=ast.Name(id="setattr"), args=args):
            return _of_setattr(args, handles)
        case ast.Call(func=ast.Name(id=name)) if name in _SPACES:
            own = name != "globals" and not node.args and _in_function(node, parents)
            return "" if own or _only_read(node, parents) else name
        case ast.Attribute(attr="__dict__", value=value):
            own = isinstance(value, ast.Name) and value.id in _OWN
            return "" if own or _only_read(node, parents) else "__dict__"
    handle = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in handles
    written = (handle or _is_sys_modules(node)) and not _only_read(node, parents, deep=True)
    return "sys.modules" if written else ""


def _of_setattr(args: list[ast.expr], handles: frozenset[str]) -> str:
    if args and isinstance(args[0], ast.Name) and args[0].id in _OWN:
        return ""
    named = {inner.id for inner in ast.walk(args[0]) if isinstance(inner, ast.Name)} if args else set()
    return "sys.modules" if named & handles or (args and _is_handle(args[0])) else "setattr"


def _in_function(node: ast.AST, parents: dict[int, ast.AST]) -> bool:
    above = parents.get(id(node))
    while above is not None:
        if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return True
        above = parents.get(id(above))
    return False


def _only_read(node: ast.AST, parents: dict[int, ast.AST], *, deep: bool = False) -> bool:
    """Tell whether an expression is certainly only looked into.

    `deep` holds for what modules may be taken out of: those are then not to be written to either, though they may be
    given a name, under which they are looked at again.
    """
    above = parents.get(id(node))
    match above:
        case ast.Attribute(attr=attr, ctx=ast.Load()):
            call = parents.get(id(above))
            called = isinstance(call, ast.Call) and call.func is above
            if called and call is not None and attr in _READS:
                return not deep or _only_read(call, parents, deep=True)
            return deep and attr != "__dict__" and not called
        case ast.Subscript(ctx=ast.Load(), value=value) if value is node:
            return not deep or _only_read(above, parents, deep=True)
        case ast.Call(func=func) if func is not node:
            return _last(func) in _READERS | _INSPECTS
        case ast.Assign() | ast.AnnAssign() | ast.NamedExpr():
            return deep and all(
                isinstance(t, ast.Name) for t in getattr(above, "targets", [getattr(above, "target", 0)])
            )
    return isinstance(above, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.If | ast.IfExp | ast.Expr)
