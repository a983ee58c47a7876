"""What one Python file imports, calls and takes attributes of, and which of its names mean one thing for certain."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from fanfold.analyzers.contracts.modules import Module, Modules
from fanfold.sources.outline.python import dotted

# Whoever catches one of these, or expects it, has seen that the name may be missing or the call not fit.
_EXPECTED = frozenset(
    {"", "AttributeError", "BaseException", "Exception", "ImportError", "ModuleNotFoundError", "NameError", "TypeError"}
)
_EXPECTING = frozenset({"raises", "assertRaises", "assertRaisesRegex", "suppress", "warns"})


@dataclass(frozen=True, slots=True)
class Use:
    """A node with the top-level class whose method it stands in, if any."""

    node: ast.expr
    within: str | None


@dataclass(slots=True)
class Uses:
    """The uses in one module that nothing guards; `count` says how often each name is bound, wherever that is."""

    module: Module
    tree: ast.Module
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    calls: list[Use] = field(default_factory=list)
    attributes: list[Use] = field(default_factory=list)
    names: list[ast.Name] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)
    bound: dict[str, ast.Import | ast.ImportFrom] = field(default_factory=dict)

    @classmethod
    def of(cls, module: Module) -> Uses:
        uses = cls(module, module.tree())
        waiting: list[tuple[ast.AST, bool, str | None, int]] = [(uses.tree, False, None, 0)]
        while waiting:
            node, guarded, within, depth = waiting.pop()
            uses._take(node, within, guarded=guarded)
            if isinstance(node, ast.ClassDef):
                within = node.name if depth == 0 else None
            deeper = depth + isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            guarding = guarded or _guards(node)
            unguarded, unevaluated = _outside(node), _annotations(node)
            waiting.extend(
                (child, guarded if id(child) in unguarded else guarding or id(child) in unevaluated, within, deeper)
                for child in ast.iter_child_nodes(node)
            )
        return uses

    def _take(self, node: ast.AST, within: str | None, *, guarded: bool) -> None:
        for name in _binds(node):
            self.count[name] += 1
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.bound.update({alias.asname or alias.name.partition(".")[0]: node for alias in node.names})
        if guarded:
            return
        if isinstance(node, ast.Import | ast.ImportFrom):
            self.imports.append(node)
        elif isinstance(node, ast.Call):
            self.calls.append(Use(node, within))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            self.attributes.append(Use(node, within))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self.names.append(node)

    def module_of(self, modules: Modules, node: ast.expr) -> str | None:
        """Return the file of the module that an expression certainly is."""
        name = dotted(node)
        root = name.partition(".")[0]
        statement = self.bound.get(root)
        if not name or statement is None:
            return None
        path = self.module.path
        if isinstance(statement, ast.Import):
            whole = [alias for alias in statement.names if (alias.asname or alias.name) == name]
            plain = self.count[root] == 1 or (whole and not whole[0].asname and self._only_imports(root))
            return modules.resolve(path, 0, whole[0].name) if whole and plain else None
        alias = next((alias for alias in statement.names if (alias.asname or alias.name) == name), None)
        if alias is None or self.count[root] != 1:
            return None
        package = modules.resolve(path, statement.level, statement.module or "")
        # A name that the package itself binds is that, and not the submodule of the same name.
        above = modules.module(package) if package else None
        if above is not None and alias.name in above.names:
            return None
        return modules.resolve(path, statement.level, ".".join(filter(None, [statement.module, alias.name])))

    def _only_imports(self, root: str) -> bool:
        """`import a.b` and `import a.c` both bind `a`, to the same package."""
        spelled = sum(
            1
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Import)
            for alias in node.names
            if not alias.asname and alias.name.partition(".")[0] == root
        )
        return self.count[root] == spelled

    def origin(self, modules: Modules, node: ast.expr) -> tuple[str, str] | None:
        """Return where what an expression names is defined: file and name, when that is certain."""
        path = self.module.path
        if isinstance(node, ast.Attribute):
            source = self.module_of(modules, node.value)
            return modules.origin(source, node.attr) if source else None
        if not isinstance(node, ast.Name) or self.count[node.id] != 1:
            return None
        statement = self.bound.get(node.id)
        if statement is None:
            return modules.origin(path, node.id)
        if not isinstance(statement, ast.ImportFrom):
            return None
        alias = next(alias for alias in statement.names if (alias.asname or alias.name) == node.id)
        source = modules.resolve(path, statement.level, statement.module or "")
        return modules.origin(source, alias.name) if source else None


def _binds(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node itself binds, in whatever scope."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names


def _guards(node: ast.AST) -> bool:
    """Tell whether what stands in a node is guarded against missing names or calls that don't fit."""
    match node:
        case ast.Try(handlers=handlers) | ast.TryStar(handlers=handlers):
            return any(not _EXPECTED.isdisjoint(_caught(handler)) for handler in handlers)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return any(not _EXPECTING.isdisjoint(_names(item.context_expr)) for item in items)
        case ast.If(test=test) | ast.IfExp(test=test):
            return not {"TYPE_CHECKING", "hasattr", "version_info", "PY2", "PY3"}.isdisjoint(_names(test))
        case ast.BoolOp():
            return "hasattr" in _names(node)
        case ast.Call(func=func):
            return not _EXPECTING.isdisjoint(_names(func))
    return False


def _outside(node: ast.AST) -> frozenset[int]:
    """Return the ids of those children that a guard does not hold for: handlers and what follows without an error."""
    if isinstance(node, ast.Try | ast.TryStar):
        return frozenset(id(child) for child in [*node.orelse, *node.finalbody])
    return frozenset()


def _annotations(node: ast.AST) -> frozenset[int]:
    """Return the ids of those children that may never run: annotations are for type checkers."""
    match node:
        case ast.FunctionDef(returns=annotation) | ast.AsyncFunctionDef(returns=annotation):
            return frozenset({id(annotation)})
        case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
            return frozenset({id(annotation)})
    return frozenset()


def _caught(handler: ast.ExceptHandler) -> set[str]:
    return _names(handler.type) if handler.type is not None else {""}


def _names(node: ast.AST) -> set[str]:
    named = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return named | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
