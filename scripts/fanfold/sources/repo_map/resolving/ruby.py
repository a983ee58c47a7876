"""Where Ruby's requires lead: relative ones from the file's folder, others from a `lib` above it, or alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fanfold.sources.folders import folder_of, join, normal, upwards
from fanfold.sources.repo_map.values import MappedFile

_FOLDERS = ("lib", "app", "test", "spec")


class Requires:
    """Resolves the requires of the Ruby files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        del manifests
        self._files = files
        above = {folder for path in files if path.endswith(".rb") for folder in upwards(folder_of(path))}
        self._roots = sorted(folder for folder in above if folder.rpartition("/")[2] == "lib")

    def __call__(self, file: MappedFile) -> Iterator[str]:
        folder = folder_of(file.path)
        for found in file.facts.imports:
            target = self._target(folder, found.module)
            if target:
                yield target

    def _target(self, folder: str, required: str) -> str | None:
        if required.startswith("."):
            return self._file(normal(folder, required))
        for above in upwards(folder):
            for name in _FOLDERS:
                if target := self._file(normal(join(above, name), required)):
                    return target
        found = [path for root in self._roots if (path := self._file(normal(root, required)))]
        return found[0] if len(found) == 1 else None

    def _file(self, place: str | None) -> str | None:
        return next((path for path in (f"{place}.rb", place) if path and path in self._files), None)
