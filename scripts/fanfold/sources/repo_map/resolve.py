"""Which files a file imports, told by names alone. What can't be told for certain is no edge. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fanfold.sources.repo_map.resolving.c import Includes
from fanfold.sources.repo_map.resolving.go import GoPackages
from fanfold.sources.repo_map.resolving.java import JavaClasses
from fanfold.sources.repo_map.resolving.php import PhpNames
from fanfold.sources.repo_map.resolving.python import PythonNames
from fanfold.sources.repo_map.resolving.ruby import Requires
from fanfold.sources.repo_map.resolving.rust import RustModules
from fanfold.sources.repo_map.resolving.script import ScriptPaths
from fanfold.sources.repo_map.values import MappedFile

Files = Mapping[str, MappedFile]
Resolver = Callable[[MappedFile], Iterable[str]]

_RESOLVERS: Mapping[str, Callable[[Files, Mapping[str, str]], Resolver]] = {
    "python": PythonNames,
    "javascript": ScriptPaths,
    "typescript": ScriptPaths,
    "tsx": ScriptPaths,
    "go": GoPackages,
    "rust": RustModules,
    "java": JavaClasses,
    "kt": JavaClasses,
    "kts": JavaClasses,
    "scala": JavaClasses,
    "groovy": JavaClasses,
    "c": Includes,
    "cpp": Includes,
    "ruby": Requires,
    "php": PhpNames,
}
"""By language. C# has no entry: its `using` names a namespace, and no file."""

RESOLVED = frozenset(_RESOLVERS)
"""Languages whose imports lead to files; of others it is not known which files hang together."""

MANIFESTS = frozenset({"package.json", "tsconfig.json", "jsconfig.json", "go.mod", "Cargo.toml", "composer.json"})
"""Files of these names say where imports lead."""


LOOKED_INTO = ("__init__.py", "__init__.pyi", ".go")
"""Endings of files whose definitions, and not only whose names, decide where the imports of others lead."""


def import_edges(
    files: Files, manifests: Mapping[str, str] | None = None, *, of: Iterable[str] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the files that each file imports, in order, or those that some of them (`of`) do.

    `manifests` are the texts of those on the map, by path.
    """
    made: dict[Callable[[Files, Mapping[str, str]], Resolver], Resolver] = {}
    edges: dict[str, tuple[str, ...]] = {}
    for path in files if of is None else of:
        file = files[path]
        make = _RESOLVERS.get(file.facts.language)
        if make is None or not file.facts.imports:
            continue
        if make not in made:
            made[make] = make(files, manifests or {})
        found = set(made[make](file)) - {path}
        if found:
            edges[path] = tuple(sorted(found))
    return edges
