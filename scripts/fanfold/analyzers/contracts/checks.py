"""What a change promises to callers no longer, and who still counts on it: Python, over the whole tree."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from fanfold.analyzers.contracts.modules import Class, Module, Modules
from fanfold.analyzers.contracts.signatures import Signature
from fanfold.analyzers.contracts.uses import Uses
from fanfold.analyzers.files import PYTHON
from fanfold.sources.change import FileChange
from fanfold.sources.symbols import Symbols
from fanfold.sources.target import Target
from fanfold.sources.text import listed

BUILD_FILES = (
    ".gitignore",
    ".hgignore",
    "CMakeLists.txt",
    "MANIFEST.in",
    "Makefile",
    "build.py",
    "hatch_build.py",
    "meson.build",
    "noxfile.py",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "tox.ini",
)
"""Files that name what is built: a module that one of them names may exist without being in the tree."""


_GENERATED = ("_pb2", "_pb2_grpc", "_version", "_generated", "_build")


class Spot(NamedTuple):
    """Lines of a file at the head, and what is wrong there."""

    path: str
    line: int
    end_line: int
    why: str


class Broken(NamedTuple):
    """One promise that the change breaks.

    `spots` are where that shows, in order; `definition` is what changed, if there still is one.
    """

    rule: str
    title: str
    spots: tuple[Spot, ...]
    definition: Spot | None = None

    @property
    def tells_more(self) -> bool:
        """Is there more to it than the one line that it is reported on?"""
        return self.definition is not None or len(self.spots) > 1 or self.rule != "lost-name"


Key = tuple[str, str]  # the file at the head, and a name in it: `function`, `Class` or `Class.method`


@dataclass(slots=True)
class _Delta:
    """What a change takes away or alters. Keys name files as they are at the head, gone ones as they were."""

    removed: dict[str, frozenset[str]] = field(default_factory=dict)
    unbound: dict[str, frozenset[str]] = field(default_factory=dict)
    added: dict[str, frozenset[str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    members: dict[Key, frozenset[str]] = field(default_factory=dict)
    altered: dict[Key, tuple[Signature, Signature]] = field(default_factory=dict)

    def words(self) -> set[str]:
        """Return the words of which one stands wherever something is broken."""
        names = {name for removed in self.removed.values() for name in removed}
        names |= {name for members in self.members.values() for name in members}
        for _, name in self.altered:
            names.add(name.rpartition(".")[2])
        for path in self.gone:
            folder, _, file = path.rpartition("/")
            names.add(folder.rpartition("/")[2] if file.startswith("__init__.") else file.partition(".")[0])
        return names


@dataclass(slots=True)
class _Rivals:
    """What else `self.m` may mean: how often methods' names are defined and otherwise set, and who has subclasses."""

    defined: Counter[str] = field(default_factory=Counter)
    assigned: Counter[str] = field(default_factory=Counter)
    based_on: set[str] = field(default_factory=set)

    def certain(self, owner: str, name: str, *, own: int) -> bool:
        """Tell whether `self.name` is what the class itself defines, `own` times: no subclass has another."""
        return not self.assigned[name] and (owner not in self.based_on or self.defined[name] == own)


def _may_be_base(name: str, text: str) -> bool:
    """Tell whether a class may have subclasses, be they made by a call, or have another name."""
    spelled = rf"\b{re.escape(name)}\b"
    base = rf"\bclass\s+\w+[^:]*\([^:]*{spelled}"
    handed_on = rf"{spelled}\s+as\s|[(,=]\s*[\w.]*{spelled}\s*(?:[,;)\]#]|$)"
    return re.search(f"{base}|{handed_on}", text, re.MULTILINE) is not None


class PythonContracts:
    """The Python of one change: `until` is asked between files and raises when the time is up."""

    def __init__(self, target: Target, until: Callable[[], None] = lambda: None) -> None:
        self._target, self._until = target, until
        self._head = Modules(target.snapshot)
        self._base = Modules(target.before) if target.before is not None else None
        self._symbols = Symbols(target.snapshot)
        self._changed = {change.path: change for change in target.changes if _is_python(change)}
        self._spots: dict[tuple[str, str], list[Spot]] = defaultdict(list)  # by rule and title
        self._unsure: dict[str, frozenset[str]] = {}  # files, and how they may bind names as they run
        self._definitions: dict[tuple[str, str], Spot] = {}

    def broken(self) -> list[Broken]:
        """Return what the change breaks, in a fixed order."""
        if self._base is None or not self._changed:
            return []
        delta = self._delta(self._base)
        files = {path for path, _, _ in self._symbols.naming(delta.words()) if path.endswith(tuple(PYTHON))}
        rivals = self._rivals(delta)
        for path in sorted(files | {p for p, c in self._changed.items() if c.kind != "deleted"}):
            self._until()
            module = self._head.module(path)
            if module is not None:
                self._look(Uses.of(module), delta, rivals)
        return [
            Broken(rule, title, tuple(sorted(set(spots))), self._definitions.get((rule, title)))
            for (rule, title), spots in sorted(self._spots.items())
        ]

    def _delta(self, base: Modules) -> _Delta:
        delta = _Delta()
        for path, change in sorted(self._changed.items()):
            was = base.module(change.old_path or path) if change.kind not in {"added", "copied"} else None
            if change.kind in {"deleted", "renamed"}:
                delta.gone.add(change.old_path or path)
            now = self._head.module(path)
            if was is None or now is None or change.kind == "deleted":
                continue
            if now.unseen and was.names - now.names:
                self._unsure[path] = frozenset(now.unseen)
            delta.removed[path] = frozenset(n for n in was.names - now.names if not self._head.offers(path, n))
            delta.unbound[path] = frozenset() if self._head.may_bind_more(path) else was.names - now.names
            delta.added[path] = now.names - was.names
            self._compare(delta, path, was, now)
        return delta

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what can't be checked: names that went from files which may still make them as they run."""
        if not self._unsure:
            return ()
        how = ", ".join(sorted(frozenset().union(*self._unsure.values())))
        files = listed(sorted(self._unsure))
        return (f"contracts: names that went from {files} were not checked: code there may bind names by {how}",)

    @staticmethod
    def _compare(delta: _Delta, path: str, was: Module, now: Module) -> None:
        """Set down whose signature is another one, and which members classes have lost."""
        for name, after in now.functions.items():
            if (before := was.functions.get(name)) and _differs(before, after):
                delta.altered[path, name] = before, after
        for name, current in now.classes.items():
            old = was.classes.get(name)
            if old is None:
                continue
            if old.constructor and current.constructor and _differs(old.constructor, current.constructor):
                delta.altered[path, name] = old.constructor, current.constructor
            delta.members[path, name] = old.names - current.names
            for method, after in current.methods.items():
                if (before := old.methods.get(method)) and _differs(before, after):
                    delta.altered[path, f"{name}.{method}"] = before, after

    def _rivals(self, delta: _Delta) -> _Rivals:
        """Count how often names of methods are bound anywhere, and see which classes may have subclasses."""
        owners = {name.partition(".")[0] for _, name in delta.altered if "." in name}
        owners |= {name for (_, name), members in delta.members.items() if members}
        names = {name.rpartition(".")[2] for _, name in delta.altered if "." in name}
        names |= {name for members in delta.members.values() for name in members}
        rivals = _Rivals()
        for _, text, words in self._symbols.naming(names | owners):
            for name in words & names:
                spelled = re.escape(name)
                rivals.defined[name] += len(re.findall(rf"\bdef\s+{spelled}\b", text))
                assigned = rf"\b{spelled}\b\s*(?::[^=\n]*)?=(?!=)|['\"]{spelled}['\"]"
                rivals.assigned[name] += len(re.findall(assigned, text))
            rivals.based_on |= {name for name in words & owners if _may_be_base(name, text)}
        return rivals

    def _look(self, uses: Uses, delta: _Delta, rivals: _Rivals) -> None:
        self._imports(uses, delta)
        self._lost(uses, delta)
        self._attributes(uses, delta, rivals)
        self._calls(uses, delta, rivals)

    def _imports(self, uses: Uses, delta: _Delta) -> None:
        path = uses.module.path
        for node in uses.imports:
            for level, module in _imported(node):
                if self._head.resolve(path, level, module) is None:
                    self._lost_module(path, node, level, module)
                elif isinstance(node, ast.ImportFrom):
                    self._names(path, node, delta)

    def _lost(self, uses: Uses, delta: _Delta) -> None:
        """Report names that the file itself no longer binds, anywhere, and still uses."""
        lost = delta.unbound.get(uses.module.path, frozenset()).difference(uses.count, dir(builtins))
        for node in uses.names:
            if node.id in lost:
                title = f"Undefined name `{node.id}`: this change removes what defined it"
                self._note("lost-name", title, uses.module.path, node, "used here")

    def _resolved_before(self, path: str, level: int, module: str) -> str | None:
        change = self._changed.get(path)
        before = (change.old_path or path) if change else path
        return self._base.resolve(before, level, module) if self._base else None

    def _lost_module(self, path: str, node: ast.Import | ast.ImportFrom, level: int, module: str) -> None:
        """Report a module that isn't there, unless it is built, or may be installed from elsewhere."""
        spelled = "." * level + module
        was = self._resolved_before(path, level, module)
        if was is not None and was not in self._head.paths:
            if not self._may_be_built(was):
                title = f"`{spelled}` is imported, and this change removes it"
                self._note("gone-module", title, path, node, "imported here")
        elif level and module and self._is_new(path, node):
            expected = self._head.expected(path, level, module)
            if expected and not self._may_be_built(expected) and not self._is_named_by_a_build(expected):
                title = f"`{spelled}` is imported, and there is no {expected}"
                self._note("unresolved-import", title, path, node, "imported here")

    def _is_new(self, path: str, node: ast.Import | ast.ImportFrom | ast.alias) -> bool:
        """Tell whether the change brings this line, or the file to where it now is."""
        change = self._changed.get(path)
        if change is None:
            return False
        moved = change.kind in {"added", "renamed", "copied"}
        return moved or self._target.touches(path, node.lineno, node.end_lineno or node.lineno)

    def _may_be_built(self, path: str) -> bool:
        """Tell whether something that builds or ignores files names this one, or a sibling has its stem."""
        folder, _, file = path.rpartition("/")
        stem = file.partition(".")[0]
        package = folder.rpartition("/")[2] if stem == "__init__" else ""
        beside = f"{folder}/{stem}.".lstrip("/")
        if any(other.startswith(beside) for other in self._head.paths):
            return True
        if package and any(other.startswith(f"{folder}/") for other in self._head.paths):
            return True
        texts = (
            self._target.snapshot.read(other) or ""
            for other in self._head.paths
            if other.rpartition("/")[2] in BUILD_FILES
        )
        return any(file in text for text in texts)

    def _is_named_by_a_build(self, path: str) -> bool:
        """Tell whether a module that never was in the tree may be compiled or generated: its name is enough."""
        stem = path.rpartition("/")[2].removesuffix(".py")
        builds = (other for other in self._head.paths if other.rpartition("/")[2] in BUILD_FILES)
        word = re.compile(rf"(?<!\w){re.escape(stem)}(?!\w)")
        return stem.endswith(_GENERATED) or any(word.search(self._target.snapshot.read(b) or "") for b in builds)

    def _names(self, path: str, node: ast.ImportFrom, delta: _Delta) -> None:
        source = self._head.resolve(path, node.level, node.module or "")
        if source is None:
            return
        for alias in node.names:
            lost = alias.name in delta.removed.get(source, ())
            new = self._is_new(path, alias)
            if alias.name == "*" or not (lost or new) or self._head.offers(source, alias.name):
                continue
            if lost:
                title = self._removed(alias.name, source, delta)
                self._note("removed-symbol", title, path, alias, "imported here")
            elif not source.endswith("/__init__.py") or not self._is_named_by_a_build(alias.name):
                title = f"`{alias.name}` is imported from {source}, which has no such name"
                self._note("unresolved-import", title, path, alias, "imported here")

    @staticmethod
    def _removed(name: str, source: str, delta: _Delta) -> str:
        close = get_close_matches(name, delta.added.get(source, ()), n=1, cutoff=0.7)
        instead = f"; it now has `{close[0]}`" if close else ""
        return f"`{name}` is no longer in {source} and is still used{instead}"

    def _attributes(self, uses: Uses, delta: _Delta, rivals: _Rivals) -> None:
        path = uses.module.path
        lost = {name for removed in delta.removed.values() for name in removed}
        members = {name for removed in delta.members.values() for name in removed}
        for use in uses.attributes:
            node = use.node
            assert isinstance(node, ast.Attribute)  # noqa: S101  that is what it was collected for
            if node.attr in lost:
                source = uses.module_of(self._head, node.value)
                if source and node.attr in delta.removed.get(source, ()):
                    title = self._removed(node.attr, source, delta)
                    self._note("removed-symbol", title, path, node, "used here")
            if node.attr in members:
                self._member(uses, node, use.within, delta, rivals)

    def _member(self, uses: Uses, node: ast.Attribute, within: str | None, delta: _Delta, rivals: _Rivals) -> None:
        own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"} and within
        key = (uses.module.path, within) if own and within else uses.origin(self._head, node.value)
        if key is None or node.attr not in delta.members.get(key, ()):
            return
        owner = self._class(key)
        if owner is None or owner.open or not rivals.certain(key[1], node.attr, own=0):
            return
        title = f"`{key[1]}.{node.attr}` is no longer in {key[0]} and is still used"
        self._note("removed-symbol", title, uses.module.path, node, "used here")

    def _class(self, key: Key) -> Class | None:
        module = self._head.module(key[0])
        return module.classes.get(key[1]) if module else None

    def _calls(self, uses: Uses, delta: _Delta, rivals: _Rivals) -> None:
        names = {name.rpartition(".")[2] for _, name in delta.altered}
        for use in uses.calls:
            call = use.node
            assert isinstance(call, ast.Call)  # noqa: S101  that is what it was collected for
            called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if called not in names and not self._aliased(uses, call.func):
                continue
            key = self._callee(uses, call.func, use.within, rivals)
            if key in delta.altered:
                self._call(uses.module.path, call, key, *delta.altered[key])

    @staticmethod
    def _aliased(uses: Uses, func: ast.expr) -> bool:
        return isinstance(func, ast.Name) and func.id in uses.bound

    def _callee(self, uses: Uses, func: ast.expr, within: str | None, rivals: _Rivals) -> Key | None:
        """Return what a call calls, when that is certain."""
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id in {"self", "cls"}:
            unique = within is not None and rivals.certain(within, func.attr, own=1)
            return (uses.module.path, f"{within}.{func.attr}") if unique else None
        return uses.origin(self._head, func)

    def _call(self, path: str, call: ast.Call, key: Key, before: Signature, after: Signature) -> None:
        definition = Spot(key[0], after.line, after.line, "")
        why = after.mismatch(call)
        if why is not None:
            if before.mismatch(call) is None:
                title = f"`{key[1]}` has another signature, and calls that fitted the old one are left"
                self._definitions["changed-signature", title] = definition
                self._note("changed-signature", title, path, call, why)
            return
        old = {p.name: p.default for p in before.parameters}
        changed = [p.name for p in after.parameters if p.default and old.get(p.name) and old[p.name] != p.default]
        for name in after.relies_on(call, changed):
            now = next(p.default for p in after.parameters if p.name == name)
            title = f"`{key[1]}`: the default of `{name}` is now `{now}`, it was `{old[name]}`"
            self._definitions["changed-default", title] = definition
            self._note("changed-default", title, path, call, "relies on the default")

    def _note(self, rule: str, title: str, path: str, node: ast.AST, why: str) -> None:
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Attribute):
            line = node.end_lineno or line
        end = line if isinstance(node, ast.Attribute) else getattr(node, "end_lineno", None) or line
        self._spots[rule, title].append(Spot(path, line, end, why))


def _differs(before: Signature, after: Signature) -> bool:
    return before.contract != after.contract or [p.default for p in before.parameters] != [
        p.default for p in after.parameters
    ]


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.ImportFrom):
        yield node.level, node.module or ""
    else:
        yield from ((0, alias.name) for alias in node.names)


def _is_python(change: FileChange) -> bool:
    names: Iterable[str] = filter(None, (change.path, change.old_path))
    return any(name.endswith(tuple(PYTHON)) for name in names) and not change.binary
