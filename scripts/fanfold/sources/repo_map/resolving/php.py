"""Where PHP's uses and includes lead: by the namespaces in `composer.json`, or to the one class of that name."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping

from fanfold.sources.folders import folder_of, join, normal
from fanfold.sources.repo_map.values import MappedFile

_FEWEST_NAMES = 2  # of a class's path, by which it is known without a manifest


class PhpNames:
    """Resolves the uses and includes of the PHP files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        self._files = files
        self._spaces = sorted(_spaces(manifests), key=lambda space: -len(space[0]))
        self._named: dict[str, list[str]] = defaultdict(list)
        for path in files:
            if path.endswith(".php"):
                self._named[path.rpartition("/")[2]].append(path)

    def __call__(self, file: MappedFile) -> Iterator[str]:
        for found in file.facts.imports:
            if found.bound:
                target = self._class(f"{found.module}\\{found.name}" if found.name else found.module)
            else:
                target = self._included(folder_of(file.path), found.module)
            if target:
                yield target

    def _class(self, name: str) -> str | None:
        for prefix, folder in self._spaces:
            if name.startswith(prefix):
                place = join(folder, f"{name.removeprefix(prefix)}.php".replace("\\", "/"))
                if place in self._files:
                    return place
        parts = name.split("\\")
        ending = f"/{'/'.join(parts[-_FEWEST_NAMES:])}.php"
        found = [path for path in self._named.get(f"{parts[-1]}.php", ()) if f"/{path}".endswith(ending)]
        return found[0] if len(parts) >= _FEWEST_NAMES and len(found) == 1 else None

    def _included(self, folder: str, written: str) -> str | None:
        places = (normal(start, written) for start in (folder, ""))
        return next((place for place in places if place in self._files), None)


def _spaces(manifests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the folders of namespaces, as PSR-4 has them."""
    for path, text in manifests.items():
        if path.rpartition("/")[2] != "composer.json":
            continue
        try:
            said = json.loads(text)
            parts = [(said.get(part) or {}).get("psr-4") or {} for part in ("autoload", "autoload-dev")]
            spaces = [space for part in parts for space in part.items()]
        except (ValueError, AttributeError, RecursionError):
            continue
        for prefix, folders in spaces:
            for folder in [folders] if isinstance(folders, str) else folders:
                place = normal(folder_of(path), str(folder))
                if place is not None:
                    yield prefix, place
