"""Where imports of Java and its kin lead: to the file of the class, by the folders that its package names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from fanfold.sources.folders import folder_of, nearest
from fanfold.sources.repo_map.values import MappedFile

_ENDINGS = frozenset({"java", "kt", "kts", "scala", "groovy"})


class JavaClasses:
    """Resolves the imports of the Java, Kotlin, Scala and Groovy files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        del manifests
        self._classes: dict[str, list[str]] = defaultdict(list)  # files by the name of their class
        self._folders: dict[str, list[str]] = defaultdict(list)  # files by the last name of their folder
        for path in files:
            stem, _, ending = path.rpartition("/")[2].rpartition(".")
            if ending in _ENDINGS:
                self._classes[stem].append(path)
                self._folders[folder_of(path).rpartition("/")[2]].append(path)

    def __call__(self, file: MappedFile) -> Iterator[str]:
        for found in file.facts.imports:
            if found.name == "*":
                yield from self._used(found.module, file)
                continue
            names = [f"{found.module}.{found.name}" if found.name else found.module]
            names.append(names[0].rpartition(".")[0])  # of a member, or of a class within it
            targets = (self._class(name, file.path) for name in names if "." in name)
            yield from [target for target in targets if target][:1]

    def _class(self, name: str, path: str) -> str | None:
        package, _, last = name.rpartition(".")
        inside = f"/{package.replace('.', '/')}"
        found = (other for other in self._classes.get(last, ()) if f"/{folder_of(other)}".endswith(inside))
        return nearest(found, path)

    def _used(self, name: str, file: MappedFile) -> Iterator[str]:
        """Yield the files of a package whose class the file uses; of a class, its own file."""
        inside = f"/{name.replace('.', '/')}"
        package = [
            other
            for other in self._folders.get(name.rpartition(".")[2], ())
            if f"/{folder_of(other)}".endswith(inside) and other.rpartition("/")[2].partition(".")[0] in file.facts.uses
        ]
        own = self._class(name, file.path) if not package and "." in name else None
        yield from [own] if own else package
