"""Where Go's imports lead: by the paths in `go.mod`, to those files of a package that define what is used."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from fanfold.sources.folders import folder_of, join
from fanfold.sources.repo_map.values import MappedFile

_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)


class GoPackages:
    """Resolves the imports of the Go files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        self._files = files
        self._modules: dict[str, str] = {}  # the folder by the module's path
        for path, text in manifests.items():
            said = _MODULE.search(text) if path.rpartition("/")[2] == "go.mod" else None
            if said:
                self._modules[said[1]] = folder_of(path)
        self._packages: dict[str, list[str]] = defaultdict(list)
        for path in files:
            if path.endswith(".go") and not path.endswith("_test.go"):
                self._packages[folder_of(path)].append(path)
        self._exported: dict[str, frozenset[str]] = {}

    def __call__(self, file: MappedFile) -> Iterator[str]:
        for found in file.facts.imports:
            folder = self._folder(found.module)
            package = [] if folder is None else self._packages.get(folder, [])
            used = [path for path in package if not self._names(path).isdisjoint(file.facts.uses)]
            yield from used or package[:1]  # one that is imported for its effects alone, or by what embeds it

    def _folder(self, imported: str) -> str | None:
        """Return the folder of a package; of nested modules, the innermost counts."""
        parts = imported.split("/")
        for length in range(len(parts), 0, -1):
            folder = self._modules.get("/".join(parts[:length]))
            if folder is not None:
                return join(folder, "/".join(parts[length:]))
        return None

    def _names(self, path: str) -> frozenset[str]:
        if path not in self._exported:
            symbols = self._files[path].facts.symbols
            self._exported[path] = frozenset(s.name for s in symbols if s.name == s.qualified and s.name[:1].isupper())
        return self._exported[path]
