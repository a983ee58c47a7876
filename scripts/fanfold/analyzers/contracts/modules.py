"""The Python modules of one revision: which file an import means, and what can be imported from it.

Everything errs on the side of silence: a name that may exist exists, an import that may be of something else
than this repository's own resolves to nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from fanfold.analyzers.contracts.dynamic import FROM_OUTSIDE, writes
from fanfold.analyzers.contracts.signatures import Signature, constructor_of, signature_of
from fanfold.sources.garbage import uncollected
from fanfold.sources.outline.python import parse
from fanfold.sources.snapshot import Snapshot

_DEEPEST = 10  # modules through which a name is handed on


@dataclass(frozen=True, slots=True)
class Class:
    """`names` are bound in its body; `open` says that there may be more: a base elsewhere, a decorator, a metaclass."""

    names: frozenset[str]
    open: bool
    constructor: Signature | None
    methods: Mapping[str, Signature]
    line: int


@dataclass(frozen=True, slots=True)
class Module:
    """One file. `names` are bound at its top; `handed_on` says from where those come that are imported.

    `unseen` is by what it may bind more (`dynamic.writes`).
    """

    path: str
    names: frozenset[str]
    functions: Mapping[str, Signature]
    classes: Mapping[str, Class]
    handed_on: Mapping[str, tuple[int, str, str | None]]
    stars: tuple[tuple[int, str], ...]
    unseen: frozenset[str]
    text: str = field(compare=False, repr=False)

    def tree(self) -> ast.Module:
        """Parse it again: the trees of all modules are more than a review may keep in memory."""
        with uncollected():
            tree = parse(self.text)
        return ast.Module(body=[], type_ignores=[]) if isinstance(tree, str) else tree


def read_module(path: str, text: str) -> Module | None:
    """Return what a file offers, None when it does not parse."""
    with uncollected():
        tree = parse(text)
        if isinstance(tree, str):
            return None
        bindings = list(_bindings(tree))
        unseen = writes(tree, text)
    counted: dict[str, int] = {}
    for name, _ in bindings:
        counted[name] = counted.get(name, 0) + 1
    once = {name: node for name, node in bindings if counted[name] == 1}
    functions = {
        name: made
        for name, node in once.items()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (made := signature_of(node, method=False))
    }
    imports = (node for _, node in bindings if isinstance(node, ast.ImportFrom))
    return Module(
        path=path,
        names=frozenset(counted) - {"*"},
        functions=functions,
        classes={name: _class(node) for name, node in once.items() if isinstance(node, ast.ClassDef)},
        handed_on=dict(_handed_on(once)),
        stars=tuple((n.level, n.module or "") for n in imports if any(alias.name == "*" for alias in n.names)),
        unseen=unseen,
        text=text,
    )


def _handed_on(once: Mapping[str, ast.AST]) -> Iterator[tuple[str, tuple[int, str, str | None]]]:
    """Yield what imports bind: level, module, and the name in it (None for the module itself)."""
    for name, node in once.items():
        if isinstance(node, ast.ImportFrom):
            alias = next((alias for alias in node.names if (alias.asname or alias.name) == name), None)
            if alias is not None:
                yield name, (node.level, node.module or "", alias.name)
        elif isinstance(node, ast.Import):
            alias = next((a for a in node.names if (a.asname or a.name.partition(".")[0]) == name), None)
            if alias is not None and (alias.asname or "." not in alias.name):
                yield name, (0, alias.name, None)


def _bindings(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield each name that is bound at the top level, or by a `global` anywhere, with the node that binds it."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, True)]
    while waiting:
        node, top = waiting.pop()
        if isinstance(node, ast.Global):
            yield from ((name, node) for name in node.names)
        elif top:
            yield from ((name, node) for name in _bound_by(node))
        inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
        waiting.extend((child, top and not inner) for child in ast.iter_child_nodes(node))


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


_CLOSED_BASES = frozenset({"object", "Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "ABC", "Exception"})


def _class(node: ast.ClassDef) -> Class:
    body = list(_bindings(ast.Module(body=node.body, type_ignores=[])))
    names = {name for name, _ in body}
    methods = {
        m.name: made
        for m in node.body
        if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)
        and sum(name == m.name for name, _ in body) == 1
        and (made := signature_of(m, method=True))
    }
    bases = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
    known = _CLOSED_BASES.issuperset(bases) and not node.keywords
    exotic = bool(names & {"__getattr__", "__getattribute__", "__new__", "__init_subclass__", "__class_getitem__"})
    return Class(
        names=frozenset(names),
        open=not known or exotic or bool(node.decorator_list),
        constructor=constructor_of(node) if known or not node.bases else None,
        methods=methods,
        line=node.lineno,
    )


class Modules:
    """The modules of a snapshot, each read when it is first asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._read: dict[str, Module | None] = {}

    @cached_property
    def paths(self) -> frozenset[str]:
        return frozenset(self._snapshot.paths())

    @cached_property
    def _stems(self) -> frozenset[str]:
        """Every file without its endings, and every folder: what a submodule might be built from."""
        stems = {path.partition(".")[0] if "/" not in path else _stem(path) for path in self.paths}
        return frozenset(stems | {str(folder) for path in self.paths for folder in PurePosixPath(path).parents})

    @cached_property
    def _roots(self) -> frozenset[str]:
        """The folders that hold top-level packages, the repository's own top among them."""
        roots = {""}
        for path in self.paths:
            folder, _, name = path.rpartition("/")
            above = folder.rpartition("/")[0]
            if name == "__init__.py" and f"{above}/__init__.py".lstrip("/") not in self.paths:
                roots.add(above)
        return frozenset(roots)

    def module(self, path: str) -> Module | None:
        """Return what a file offers, None when it isn't there or does not parse."""
        if path not in self._read:
            text = self._snapshot.read(path) if path in self.paths else None
            self._read[path] = None if text is None else read_module(path, text)
        return self._read[path]

    def resolve(self, importer: str, level: int, module: str) -> str | None:
        """Return the file that an import in `importer` means; None for what isn't this repository's for certain."""
        parts = [part for part in module.split(".") if part]
        here = importer.rpartition("/")[0]
        if level:
            folder = _above(importer, level)
            return None if folder is None else self._at(folder, parts)
        if not parts or parts[0] in sys.stdlib_module_names:
            return None
        beside = {here} if f"{here}/__init__.py" not in self.paths else set()
        found = {self._at(root, parts) for root in self._roots | beside}
        found.discard(None)
        return found.pop() if len(found) == 1 else None

    def expected(self, importer: str, level: int, module: str) -> str | None:
        """Return the file that a relative import would need; None when there may be something in its place."""
        folder = _above(importer, level)
        if folder is None:
            return None
        stem = "/".join([*([folder] if folder else []), *module.split(".")])
        return None if stem in self._stems else f"{stem}.py"

    def _at(self, folder: str, parts: list[str]) -> str | None:
        stem = "/".join([*([folder] if folder else []), *parts])
        package = f"{stem}/__init__.py" if stem else "__init__.py"
        return package if package in self.paths else f"{stem}.py" if f"{stem}.py" in self.paths else None

    def offers(self, path: str, name: str, depth: int = 0) -> bool:
        """Tell whether `name` may be imported from the module in `path`; True whenever that can't be ruled out."""
        module = self.module(path)
        if module is None or module.unseen or name in module.names or depth > _DEEPEST or name.startswith("__"):
            return True
        folder, _, file = path.rpartition("/")
        if file == "__init__.py" and f"{folder}/{name}".lstrip("/") in self._stems:
            return True
        for level, star in module.stars:
            source = self.resolve(path, level, star)
            if source is None or self.offers(source, name, depth + 1):
                return True
        return False

    def may_bind_more(self, path: str) -> bool:
        """Tell whether a module may have names of its own that nothing in it spells out."""
        module = self.module(path)
        return module is None or bool(module.stars) or bool(module.unseen - FROM_OUTSIDE)

    def origin(self, path: str, name: str, depth: int = 0) -> tuple[str, str] | None:
        """Return the module and the name under which a function or class is defined, followed through imports."""
        module = self.module(path)
        if module is None or depth > _DEEPEST:
            return None
        if name in module.functions or name in module.classes:
            return path, name
        level, source, imported = module.handed_on.get(name, (0, "", None))
        target = self.resolve(path, level, source) if imported else None
        return self.origin(target, imported, depth + 1) if target and imported else None


def _above(importer: str, level: int) -> str | None:
    """Return the folder that a relative import starts from, None beyond the top."""
    folders = importer.split("/")[:-1]
    return "/".join(folders[: len(folders) - (level - 1)]) if level - 1 <= len(folders) else None


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"
