"""Where Python imports lead: relative ones from the file's folder, absolute ones from the folders they may start at.

An absolute name may start at a folder above the file (where a program or its tests are run), or at one that a project
installs from: the root, a folder with a `pyproject.toml`, `setup.py` or `setup.cfg`, and `src`, `lib` and `python` in
any of them. Of several, the nearest above the file counts; other places count when there is one alone. Packages need
no `__init__.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from fanfold.sources.folders import folder_of, join, upwards
from fanfold.sources.repo_map.values import Imported, MappedFile

_PROJECT = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
_SOURCES = ("", "src", "lib", "Lib", "python")
_ENDINGS = (".py", ".pyi", "/__init__.py", "/__init__.pyi")


class PythonNames:
    """Resolves the imports of the Python files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        del manifests
        self._files = files
        folders = {folder_of(path) for path in files if path.endswith((".py", ".pyi"))}
        self._folders = {above for folder in folders for above in upwards(folder)}
        projects = {"", *(folder_of(path) for path in files if path.rpartition("/")[2] in _PROJECT)}
        self._roots = sorted({join(project, name) for project in projects for name in _SOURCES} & self._folders)
        self._starts: dict[tuple[str, str], str | None] = {}
        self._modules: dict[tuple[str, str], str | None] = {}
        self._bound: dict[str, frozenset[str]] = {}

    def __call__(self, file: MappedFile) -> Iterator[str]:
        folder = folder_of(file.path)
        for found in file.facts.imports:
            start, name = self._where(folder, found.module)
            if start is not None:
                yield from self._targets(start, name, found)

    def _where(self, folder: str, module: str) -> tuple[str | None, str]:
        """Return the folder that a module's name counts from, and that name as a path."""
        name = module.lstrip(".")
        for _ in range(len(module) - len(name) - 1):
            if not folder:
                return None, name
            folder = folder_of(folder)
        return (folder if name != module or not name else self._start(folder, name.partition(".")[0])), name.replace(
            ".", "/"
        )

    def _start(self, folder: str, top: str) -> str | None:
        """Return the folder in which a file in `folder` finds the module or package `top`."""
        key = (folder, top)
        if key not in self._starts:
            self._starts[key] = self._found_start(folder, top)
        return self._starts[key]

    def _found_start(self, folder: str, top: str) -> str | None:
        for above in upwards(folder):
            if self._has(above, top) and not self._is_package(above):
                return above
        others = [root for root in self._roots if self._has(root, top)]
        return others[0] if len(others) == 1 and top not in sys.stdlib_module_names else None

    def _has(self, folder: str, top: str) -> bool:
        return self._module(folder, top) is not None or join(folder, top) in self._folders

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/__init__.py" in self._files

    def _module(self, start: str, name: str) -> str | None:
        """Return the file of the module or package that `name`, as a path, is below a folder."""
        key = (start, name)
        if key not in self._modules:
            place = join(start, name)
            endings = _ENDINGS if name else _ENDINGS[2:]
            wanted = (f"{place}{ending}".removeprefix("/") for ending in endings)
            self._modules[key] = next((path for path in wanted if path in self._files), None)
        return self._modules[key]

    def _targets(self, start: str, name: str, found: Imported) -> Iterator[str]:
        module = self._module(start, name)
        if found.name is None or found.name == "*":
            if module:
                yield module
            return
        inside = self._module(start, join(name, found.name))
        if module and (inside is None or found.name in self._names_in(module)):
            yield module
        elif inside:
            yield inside

    def _names_in(self, module: str) -> frozenset[str]:
        """Return what a package's own file defines or imports: that comes before a module of the same name."""
        if module not in self._bound:
            facts = self._files[module].facts
            own = {symbol.name for symbol in facts.symbols if symbol.name == symbol.qualified}
            self._bound[module] = frozenset(own | {one.bound for one in facts.imports if one.module.strip(".")})
        return self._bound[module]
