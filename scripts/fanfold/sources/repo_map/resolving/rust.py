"""Where Rust's `mod` and `use` lead: along the folders of a crate, and into other crates of the tree by their names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence

from fanfold.sources.folders import folder_of, join, upwards
from fanfold.sources.repo_map.values import Imported, MappedFile

_TOPS = ("lib.rs", "main.rs")


class RustModules:
    """Resolves the modules and uses of the Rust files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        self._files = files
        self._crates: dict[str, str] = {}  # the folder of its modules by a crate's name
        for path, text in manifests.items():
            name = _crate(text) if path.rpartition("/")[2] == "Cargo.toml" else None
            if name:
                self._crates[name.replace("-", "_")] = join(folder_of(path), "src")

    def __call__(self, file: MappedFile) -> Iterator[str]:
        top = self._top(folder_of(file.path))
        inside = _module(file.path, top)
        for found in file.facts.imports:
            target = self._target(top, inside, found)
            if target:
                yield target

    def _top(self, folder: str) -> str:
        """Return the folder in which the crate of a file starts."""
        tops = (above for above in upwards(folder) if any(join(above, name) in self._files for name in _TOPS))
        return next(tops, folder)

    def _target(self, top: str, inside: list[str], found: Imported) -> str | None:
        parts = [part for part in found.module.split("::") if part]
        parts += [found.name] if found.name and found.name != "*" else []
        first = parts[0] if parts else ""
        if first == "crate":
            return self._deepest(top, parts[1:])
        if first in {"self", "super"}:
            ups = sum(1 for part in parts if part == "super")
            return self._deepest(top, [*inside[: len(inside) - ups], *(p for p in parts if p not in {"self", "super"})])
        if first in self._crates and not self._file(top, [*inside, first]):
            return self._deepest(self._crates[first], parts[1:])
        return self._deepest(top, [*inside, *parts], least=len(inside) + 1)

    def _deepest(self, top: str, parts: Sequence[str], least: int = 0) -> str | None:
        """Return the file of the longest beginning of a path that is a module: the rest is in it."""
        lengths = range(len(parts), least - 1, -1)
        return next((path for length in lengths if (path := self._file(top, parts[:length]))), None)

    def _file(self, top: str, parts: Sequence[str]) -> str | None:
        place = join(top, "/".join(parts))
        places = (f"{place}.rs", f"{place}/mod.rs") if parts else [join(top, name) for name in _TOPS]
        return next((path for path in places if path in self._files), None)


def _module(path: str, top: str) -> list[str]:
    """Return the names of the modules that a file stands for, from the top of its crate."""
    inside = path.removesuffix(".rs").removeprefix(f"{top}/" if top else "").split("/")
    return inside[:-1] if inside[-1] in {"mod", "lib", "main"} else inside


def _crate(text: str) -> str | None:
    try:
        name = tomllib.loads(text).get("package", {}).get("name")
    except (ValueError, AttributeError, RecursionError):
        return None
    return name if isinstance(name, str) else None
