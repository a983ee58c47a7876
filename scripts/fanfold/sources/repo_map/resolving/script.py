"""Where imports of JavaScript and TypeScript lead.

Relative ones from the file's folder, their ending left out or not, to a folder's index; names by the `paths` of the
nearest `tsconfig.json`, or of a package of this tree by its `package.json`. Other names are packages from elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from fanfold.sources.folders import folder_of, join, normal, upwards
from fanfold.sources.repo_map.values import MappedFile

_ENDINGS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json", ".vue", ".svelte")
_WRITTEN = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_SETTINGS = ("tsconfig.json", "jsconfig.json")
_ENTRIES = ("source", "types", "module", "main")
_NOISE = re.compile(r'("(?:[^"\\\n]|\\.)*+")|//[^\n]*+|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


class ScriptPaths:
    """Resolves the imports of the scripts of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        self._files = files
        self._packages: dict[str, tuple[str, dict[str, Any]]] = {}  # the folder and what it says, by name
        self._settings: dict[str, list[tuple[str, str]]] = {}  # patterns and where they lead, by folder
        for path, text in manifests.items():
            name = path.rpartition("/")[2]
            said = _read(text) if name == "package.json" or name in _SETTINGS else {}
            if name == "package.json" and isinstance(said.get("name"), str):
                self._packages[said["name"]] = folder_of(path), said
            elif name in _SETTINGS:
                self._settings[folder_of(path)] = list(_mapped(folder_of(path), said))

    def __call__(self, file: MappedFile) -> Iterator[str]:
        folder = folder_of(file.path)
        for found in file.facts.imports:
            target = self._target(folder, found.module.partition("?")[0])
            if target:
                yield target

    def _target(self, folder: str, module: str) -> str | None:
        if module.startswith(("./", "../")) or module in {".", ".."}:
            place = normal(folder, module)
            return None if place is None else self._file(place)
        return self._by_settings(folder, module) or self._by_package(module)

    def _by_settings(self, folder: str, module: str) -> str | None:
        nearest = next((self._settings[above] for above in upwards(folder) if above in self._settings), [])
        for pattern, lead in nearest:
            head, star, tail = pattern.partition("*")
            if module == pattern or (star and module.startswith(head) and module.endswith(tail)):
                place = lead.replace("*", module[len(head) : len(module) - len(tail)])
                if target := self._file(place):
                    return target
        return None

    def _by_package(self, module: str) -> str | None:
        parts = module.split("/")
        length = 2 if module.startswith("@") else 1
        folder, said = self._packages.get("/".join(parts[:length]), (None, {}))
        if folder is None:
            return None
        inside = "/".join(parts[length:])
        if inside:
            places = [join(folder, inside), join(join(folder, "src"), inside)]
        else:
            written = [normal(folder, said[entry]) for entry in _ENTRIES if isinstance(said.get(entry), str)]
            places = [*(place for place in written if place), join(folder, "src/index"), join(folder, "index")]
        return next((target for place in places if (target := self._file(place))), None)

    def _file(self, place: str) -> str | None:
        """Return the file that is meant by a path which may lack its ending, or name a folder."""
        return next((path for path in _spelled(place) if path in self._files), None)


def _spelled(place: str) -> Iterator[str]:
    yield place
    stem, dot, ending = place.rpartition(".")
    for written in _WRITTEN.get(f"{dot}{ending}", ()):
        yield f"{stem}{written}"
    for added in _ENDINGS:
        yield f"{place}{added}"
    inside = join(place, "index")
    for added in _ENDINGS:
        yield f"{inside}{added}"


def _read(text: str) -> dict[str, Any]:
    """Return JSON that may hold comments and commas too many, nothing when it is none."""
    try:
        said = json.loads(_NOISE.sub(lambda match: match[1] or "", text))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _mapped(folder: str, said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the patterns of a `tsconfig.json` and where each leads, and last what its base holds."""
    options = said.get("compilerOptions")
    if not isinstance(options, dict):
        return
    written = options.get("baseUrl")
    base = normal(folder, written) if isinstance(written, str) else folder
    paths = options.get("paths")
    for pattern, leads in paths.items() if isinstance(paths, dict) else ():
        for lead in leads if isinstance(leads, list) else ():
            place = normal(base or "", lead) if base is not None and isinstance(lead, str) else None
            if place is not None:
                yield pattern, place
    if base is not None and isinstance(written, str):
        yield "*", join(base, "*")
