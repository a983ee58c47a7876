"""What a project says of itself: programs, libraries and dependencies in the files of its package managers."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from fanfold.sources.repo_map.values import RepoMap

DEFAULT_MAIN = "index.js"
"""What npm takes for a package's main file when it names none."""

_LONGEST = 200_000  # characters of a manifest that are read: a longer one is a lock file, or made to take long
_GO_REQUIRE = re.compile(r"^\s*(?:require\s+)?([\w.-]+\.[\w.-]+/[\w./~-]+)\s+v[\w.+-]+", re.MULTILINE)
_GO_MODULE = re.compile(r"^module\s+(\S+)", re.MULTILINE)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)")


class Said(NamedTuple):
    """A program or a dependency that a manifest names: where, `name`, and what it is (`kind`) or leads to (`value`)."""

    path: str
    line: int
    name: str
    kind: str
    value: str = ""


def programs(tree: RepoMap, read: Callable[[str], str | None]) -> Iterator[Said]:
    """Yield what the manifests of a tree say can be started or imported."""
    for path, text in _manifests(tree, read):
        reader = _PROGRAMS.get(PurePosixPath(path).name)
        lines = text.split("\n")
        for name, kind, value in reader(text) if reader else ():
            yield Said(path, _line_of(lines, name, value), name, kind, value)


def dependencies(tree: RepoMap, read: Callable[[str], str | None]) -> Iterator[Said]:
    """Yield what the manifests of a tree say it needs."""
    for path, text in _manifests(tree, read):
        name = PurePosixPath(path).name
        reader = _requirements if name.startswith("requirements") else _NEEDS.get(name)
        lines = text.split("\n")
        for needed in reader(text) if reader else ():
            yield Said(path, _line_of(lines, needed), needed, "dependency")


def packages(tree: RepoMap, read: Callable[[str], str | None]) -> Iterator[Said]:
    """Yield the names by which the packages of a tree are imported where their manifests say them."""
    for path, text in _manifests(tree, read):
        reader = _NAMES.get(PurePosixPath(path).name)
        lines = text.split("\n")
        for name in reader(text) if reader else ():
            yield Said(path, _line_of(lines, name), name, "package")


def _manifests(tree: RepoMap, read: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    for path in tree.files:
        name = PurePosixPath(path).name
        if (name in _PROGRAMS or name in _NEEDS or name.startswith("requirements")) and (text := read(path)):
            yield path, text[:_LONGEST]


def _line_of(lines: Sequence[str], name: str, value: str = "") -> int:
    """Return the first line that holds the name and, if there is one, the value with it; 1 when none does."""
    both = (number for number, line in enumerate(lines, 1) if name in line and value in line)
    either = (number for number, line in enumerate(lines, 1) if (value or name) in line)
    return next(both, None) or next(either, 1)


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _json(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _at(value: Any, *names: str) -> Mapping[str, Any]:
    """Return the mapping at these names; an empty one where something else is."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


_Programs = Iterator[tuple[str, str, str]]


def _pyproject(text: str) -> _Programs:
    found = _toml(text)
    for names in (("project", "scripts"), ("project", "gui-scripts"), ("tool", "poetry", "scripts")):
        for name, value in _at(found, *names).items():
            yield name, "console script", str(value)
    for group, points in _at(found, "project", "entry-points").items():
        for name, value in _at({"points": points}, "points").items():
            yield name, f"entry point of {group}", str(value)


def _setup_cfg(text: str) -> _Programs:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for group, said in parser.items("options.entry_points") if parser.has_section("options.entry_points") else ():
        for line in said.strip().split("\n"):
            name, equals, value = line.partition("=")
            if equals:
                kind = "console script" if group == "console_scripts" else f"entry point of {group}"
                yield name.strip(), kind, value.strip()


def _setup_py(text: str) -> _Programs:
    for name, value in re.findall(r"[\"']\s*([\w.-]+)\s*=\s*([\w.]+:[\w.]+)\s*[\"']", text):
        yield name, "entry point", value


def _package_json(text: str) -> _Programs:
    found = _json(text)
    for key in ("main", "module", "browser"):
        if isinstance(found.get(key), str):
            yield key, "what is imported", found[key]
    if found and not {"main", "exports", "module"} & found.keys():
        yield "main", "what is imported", DEFAULT_MAIN
    bins = found.get("bin")
    for name, value in ({str(found.get("name", "bin")): bins} if isinstance(bins, str) else _at(found, "bin")).items():
        yield name, "program", str(value)
    for name, value in _exported(found.get("exports")):
        yield name, "what is imported", value
    for name in ("start", "serve", "dev"):
        if name in _at(found, "scripts"):
            yield name, "npm script", str(_at(found, "scripts")[name])


def _exported(exports: Any) -> Iterator[tuple[str, str]]:
    if isinstance(exports, str):
        yield ".", exports
    for name, value in exports.items() if isinstance(exports, dict) else ():
        first = value
        while isinstance(first, dict) and first:
            first = next(iter(first.values()))
        if isinstance(first, str):
            yield str(name), first


def _cargo(text: str) -> _Programs:
    found = _toml(text)
    bins = found.get("bin")
    for one in bins if isinstance(bins, list) else ():
        if isinstance(one, dict) and "name" in one:
            yield str(one["name"]), "program", str(one.get("path", ""))


def _dockerfile(text: str) -> _Programs:
    for word, said in re.findall(r"^(ENTRYPOINT|CMD)\s+(.+)$", text, re.MULTILINE):
        yield word, "container", said.strip()


def _procfile(text: str) -> _Programs:
    for name, said in re.findall(r"^(\w+):\s*(.+)$", text, re.MULTILINE):
        yield name, "process", said.strip()


def _pyproject_needs(text: str) -> Iterator[str]:
    found = _toml(text)
    listed = [_listed(_at(found, "project").get("dependencies"))]
    listed += [_listed(group) for group in _at(found, "project", "optional-dependencies").values()]
    listed += [_listed(group) for group in _at(found, "dependency-groups").values()]
    yield from (match[1] for group in listed for one in group if (match := _REQUIREMENT.match(one)))
    yield from (name for name in _at(found, "tool", "poetry", "dependencies") if name != "python")


def _listed(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _setup_cfg_needs(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    said = [parser.get("options", "install_requires", fallback="")]
    said += (
        [value for _, value in parser.items("options.extras_require")]
        if parser.has_section("options.extras_require")
        else []
    )
    yield from _requirements("\n".join(said))


def _setup_py_needs(text: str) -> Iterator[str]:
    for block in re.findall(r"(?:install_requires|extras_require|requires)\s*=\s*[\[{(]([^\])}]*)", text):
        for one in re.findall(r"[\"']([^\"'\n]+)[\"']", block):
            if match := _REQUIREMENT.match(one):
                yield match[1]


def _requirements(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if not line.lstrip().startswith(("#", "-")) and (match := _REQUIREMENT.match(line)):
            yield match[1]


def _package_json_needs(text: str) -> Iterator[str]:
    found = _json(text)
    for key in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
        yield from map(str, _at(found, key))


def _go_mod_needs(text: str) -> Iterator[str]:
    yield from (match[1] for match in _GO_REQUIRE.finditer(text))


def _cargo_needs(text: str) -> Iterator[str]:
    found = _toml(text)
    for key in ("dependencies", "dev-dependencies", "build-dependencies"):
        yield from map(str, _at(found, key))
    yield from map(str, _at(found, "workspace", "dependencies"))


def _package_json_name(text: str) -> Iterator[str]:
    name = _json(text).get("name")
    if isinstance(name, str):
        yield name


def _go_mod_name(text: str) -> Iterator[str]:
    yield from _GO_MODULE.findall(text)


def _cargo_names(text: str) -> Iterator[str]:
    found = _toml(text)
    for table in ("package", "lib"):
        name = _at(found, table).get("name")
        if isinstance(name, str):
            yield name.replace("-", "_")


_PROGRAMS: Mapping[str, Callable[[str], Iterable[tuple[str, str, str]]]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "Dockerfile": _dockerfile,
    "Procfile": _procfile,
}
_NEEDS: Mapping[str, Callable[[str], Iterable[str]]] = {
    "pyproject.toml": _pyproject_needs,
    "setup.cfg": _setup_cfg_needs,
    "setup.py": _setup_py_needs,
    "package.json": _package_json_needs,
    "go.mod": _go_mod_needs,
    "Cargo.toml": _cargo_needs,
}
_NAMES: Mapping[str, Callable[[str], Iterable[str]]] = {
    "package.json": _package_json_name,
    "go.mod": _go_mod_name,
    "Cargo.toml": _cargo_names,
}
