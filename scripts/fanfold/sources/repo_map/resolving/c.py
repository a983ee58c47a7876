"""Where C and C++ includes lead: from the file's folder, folders above and their `include`, or one place alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from fanfold.sources.folders import folder_of, join, normal, upwards
from fanfold.sources.repo_map.values import MappedFile

_FOLDERS = ("", "include", "inc", "src")
_HEADERS = (
    "assert complex ctype errno fcntl fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg"
    " stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar unistd wchar wctype"
)
_STANDARD = frozenset(f"{name}.h" for name in _HEADERS.split())


class Includes:
    """Resolves the includes of the C and C++ files of a map."""

    def __init__(self, files: Mapping[str, MappedFile], manifests: Mapping[str, str]) -> None:
        del manifests
        self._files = files
        self._named: dict[str, list[str]] = defaultdict(list)
        for path in files:
            self._named[path.rpartition("/")[2]].append(path)

    def __call__(self, file: MappedFile) -> Iterator[str]:
        folder = folder_of(file.path)
        for found in file.facts.imports:
            target = None if found.module in _STANDARD else self._target(folder, found.module)
            if target:
                yield target

    def _target(self, folder: str, included: str) -> str | None:
        places = (normal(join(above, name), included) for above in upwards(folder) for name in _FOLDERS)
        for place in places:
            if place and place in self._files:
                return place
        last = included.rpartition("/")[2]
        found = [path for path in self._named.get(last, ()) if f"/{path}".endswith(f"/{included}")]
        return found[0] if len(found) == 1 else None
