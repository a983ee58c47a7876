"""Which Python files import which, by their text alone: nothing is run, and where the text can't tell, more is taken.

An absolute name is looked up from every folder that it could start from: the one above the outermost package, and those
above that, as namespace packages are none that can be seen. Importing a module runs the packages above it. A string
with dots that names a module counts as an import of it (`patch("a.b.f")`, settings, entry points).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fanfold.runners.base import Listing
from fanfold.runners.sight import folder_of, join, of_tests, upwards
from fanfold.sources.outline.python import outline_python
from fanfold.sources.outline.values import Outline
from fanfold.sources.text import split_lines

_DOTTED = re.compile(r"""["']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?::[\w.]+)?["']""")
_DYNAMIC = ("import_module", "__import__", "exec", "eval", "run_module", "run_path", "exec_module", "load_module")
_STARTS_PROGRAMS = frozenset({"subprocess", "pytester", "multiprocessing", "runpy", "pexpect", "popen", "spawn"})
_PACKAGE = "__init__.py"


@dataclass(frozen=True)
class ImportGraph:
    """`imports` are the files that each file imports; `wild` those of which it can't be told, and why."""

    imports: Mapping[str, frozenset[str]]
    wild: Mapping[str, str] = field(default_factory=dict)

    def dependents(self, changed: Iterable[str]) -> frozenset[str]:
        """Return the files that import one of `changed`, directly or not, with these; what is wild imports anything."""
        importers: dict[str, set[str]] = defaultdict(set)
        for path, imported in self.imports.items():
            for other in imported:
                importers[other].add(path)
        waiting = [*changed, *self.wild]
        reached: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path not in reached:
                reached.add(path)
                waiting += importers[path] - reached
        return frozenset(reached)


@dataclass(frozen=True, slots=True)
class Look:
    """What a file's text says: the files that it imports, and why that can't be told, if so.

    `outline` is None when it can't be read. `bare` are the lines that are empty or comments.
    """

    imports: frozenset[str]
    outline: Outline | None = None
    wild: str | None = None
    bare: frozenset[int] = frozenset()


class PythonFiles:
    """The Python files of a listing, each read when it is asked for.

    `gone` are those that are no longer there, and may still be imported.
    """

    def __init__(self, listing: Listing, gone: Iterable[str] = ()) -> None:
        self._listing = listing
        self.paths = tuple(path for path in listing.paths if path.endswith(".py"))
        self._names = _Names({*self.paths, *(path for path in gone if path.endswith(".py"))})
        self._looks: dict[str, Look] = {}

    def look(self, path: str) -> Look:
        """Return what a file says."""
        if path not in self._looks:
            self._looks[path] = self._read(path)
        return self._looks[path]

    def _read(self, path: str) -> Look:
        text = self._listing.read(path)
        outline = outline_python(path, text) if text is not None else "it can't be read"
        if isinstance(outline, str):
            return Look(frozenset(self._names.around(path)), wild=outline, bare=frozenset(_bare(text or "")))
        imported = frozenset(_imported(path, text or "", outline, self._names)) - {path}
        return Look(imported, outline, _why_wild(path, outline), frozenset(_bare(text or "")))


def _bare(text: str) -> Iterator[int]:
    return (n for n, line in enumerate(split_lines(text), 1) if not line.strip() or line.lstrip().startswith("#"))


def import_graph(listing: Listing, gone: Iterable[str] = ()) -> ImportGraph:
    """Read all Python files of a listing; `gone` are those that are no longer there, and may still be imported."""
    files = PythonFiles(listing, gone)
    looks = {path: files.look(path) for path in files.paths}
    wild = {path: look.wild for path, look in looks.items() if look.wild is not None}
    return ImportGraph({path: look.imports for path, look in looks.items()}, wild)


def _why_wild(path: str, outline: Outline) -> str | None:
    """Return why it can't be told what a file imports; a test that starts programs may start the project's own."""
    for name in _DYNAMIC:
        if any(reference.call for reference in outline.references_to(name)):
            return f"it calls {name}"
    if of_tests(path):
        modules = {found.module.partition(".")[0] for found in outline.imports}
        used = {name for name in ("pytester", "popen", "spawn") if outline.references_to(name)}
        programs = sorted((modules | used) & _STARTS_PROGRAMS)
        return f"it uses {programs[0]}" if programs else None
    return None


def _imported(path: str, text: str, outline: Outline, names: _Names) -> Iterator[str]:
    yield from names.around(path)
    for found in outline.imports:
        module = found.module
        yield from names.find(module, path)
        if found.name and found.name != "*":
            dot = "" if module.endswith(".") else "."
            yield from names.find(f"{module}{dot}{found.name}", path)
    for match in _DOTTED.finditer(text):
        yield from names.find(match[1], path)


class _Names:
    """The files by the names that they can be imported under."""

    def __init__(self, paths: set[str]) -> None:
        self._paths = paths
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._around: dict[str, tuple[str, ...]] = {}
        for path in paths:
            for name in self._names_of(path):
                self._by_name[name].add(path)

    def _names_of(self, path: str) -> Iterator[str]:
        """Yield a file's names, from the one that starts at its outermost package on."""
        parts = path.removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts.pop()
        inside = len(self._packages(folder_of(path)))
        least = max(inside + (not path.endswith(f"/{_PACKAGE}")), 1)
        for length in range(least, len(parts) + 1):
            yield ".".join(parts[-length:])

    def _packages(self, folder: str) -> list[str]:
        """Return the packages that a folder is in, itself the first, up to the outermost one."""
        packages = []
        for above in upwards(folder):
            if above == "." or join(above, _PACKAGE) not in self._paths:
                break
            packages.append(join(above, _PACKAGE))
        return packages

    def around(self, path: str) -> tuple[str, ...]:
        """Return what runs before a file does: its packages, and the `conftest.py` of its folder and of those above."""
        folder = folder_of(path)
        if folder not in self._around:
            conftests = [one for above in upwards(folder) if (one := join(above, "conftest.py")) in self._paths]
            self._around[folder] = (*self._packages(folder), *conftests)
        return self._around[folder]

    def find(self, name: str, path: str) -> Iterator[str]:
        """Yield the files that importing `name` in `path` may run: the module and the packages above it."""
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        parts = bare.split(".") if bare else []
        if not level:
            for length in range(1, len(parts) + 1):
                yield from self._by_name.get(".".join(parts[:length]), ())
            return
        above = list(upwards(folder_of(path)))
        if level > len(above):
            return
        at = above[level - 1]
        yield from (one for one in (join(at, _PACKAGE),) if one in self._paths)
        for part in parts:
            at = join(at, part)
            yield from (one for one in (f"{at}.py", join(at, _PACKAGE)) if one in self._paths)
