"""Where imports of JavaScript and TypeScript lead: relative ones, their ending left out or not, a folder's index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fanfold.sources.repo_map.resolving.folders import folder_of, normal
from fanfold.sources.repo_map.values import MappedFile

_ENDINGS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json", ".vue", ".svelte")
_WRITTEN = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


class ScriptPaths:
    """Resolves the imports of the scripts of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        del manifests
        self._files = files

    def __call__(self, file: MappedFile) -> Iterator[str]:
        folder = folder_of(file.path)
        for found in file.facts.imports:
            if found.module.startswith(("./", "../")) or found.module in {".", ".."}:
                place = normal(folder, found.module.partition("?")[0])
                target = None if place is None else self.file(place)
                if target:
                    yield target

    def file(self, place: str) -> str | None:
        """Return the file that is meant by a path which may lack its ending, or name a folder."""
        return next((path for path in _spelled(place) if path in self._files), None)


def _spelled(place: str) -> Iterator[str]:
    yield place
    stem, dot, ending = place.rpartition(".")
    for written in _WRITTEN.get(f"{dot}{ending}", ()):
        yield f"{stem}{written}"
    for added in _ENDINGS:
        yield f"{place}{added}"
    inside = f"{place}/index" if place else "index"
    for added in _ENDINGS:
        yield f"{inside}{added}"
