"""Suites of node's test frameworks: which packages run one, by which of their scripts, and with which words.

A package runs a framework when a script of its own calls it, when it has the framework's settings, or when it depends
on it and nothing above does. In a workspace the outermost package whose script calls the framework itself, or whose
settings name projects, covers the packages below; where its scripts only hand on, the packages do it themselves.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fanfold.runners.base import Listing
from fanfold.runners.sight import (
    KINDS,
    aside,
    below,
    folder_of,
    in_sight,
    is_below,
    join,
    named,
    nearest,
    read_json,
    relative_to,
)
from fanfold.suites import Suite

_SOURCE = re.compile(r"\.[cm]?[jt]sx?$")
_SHELL = re.compile(r"[;&|<>$`\n]")
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)=(.*)$")
_WRAPPERS = frozenset({"cross-env", "npx", "c8", "nyc", "dotenv", "--", "exec", "pnpm", "yarn", "bunx"})
# What a script says for a person: to watch, to colour, to measure. A shard is told such things by its runner.
_DROPPED = frozenset(
    {
        *("run", "watch", "dev", "test", "--run", "--watch", "--watchAll", "-w", "--coverage", "--ci", "--silent"),
        *("--verbose", "--passWithNoTests", "--color", "--colors", "--no-color", "--ui", "--headed", "--test"),
    }
)
_WITH_VALUE = ("--reporter", "-R", "--reporters", "--outputFile", "--output", "--shard", "--workers", "--maxWorkers")
_CONFIG = ("--config", "-c")
_PROJECTS = re.compile(r"\b(?:projects|workspace)\b")


@dataclass(frozen=True, slots=True)
class NodeFramework:
    """What a framework is recognised by: its program, its package, its settings, the names of its test files."""

    name: str
    program: str
    package: str
    settings: tuple[str, ...]
    patterns: tuple[str, ...]
    key: str = ""
    """The key of package.json under which its settings may stand."""

    def calls(self, script: str) -> bool:
        """Tell whether a script calls the framework's program."""
        return bool(re.search(rf"(?<![\w@.:-]){self.program}(?:\.js)?(?![\w:-])", script))


@dataclass(frozen=True, slots=True)
class _Package:
    folder: str
    scripts: Mapping[str, str]
    settings: str | None
    depends: bool
    files: tuple[str, ...]

    @property
    def claims(self) -> bool:
        return bool(self.scripts or self.settings)


def node_suites(listing: Listing, framework: NodeFramework) -> tuple[Suite, ...]:
    """Return the suites of one framework, its test files by their usual names in them."""
    packages = [_package(listing, path, framework) for path in named(listing, "package.json")]
    running = [one for one in packages if not aside(one.folder) and _runs(listing, one, packages)]
    return tuple(suite for one in running for suite in _suites(one, running, framework))


def _package(listing: Listing, path: str, framework: NodeFramework) -> _Package:
    folder = folder_of(path)
    document = read_json(listing, path)
    scripts = document.get("scripts")
    tests = {
        key: text
        for key, text in (scripts.items() if isinstance(scripts, dict) else ())
        if isinstance(text, str) and _is_test_script(key) and framework.calls(text)
    }
    own = next((join(folder, name) for name in framework.settings if join(folder, name) in listing.known), None)
    settings = own or (path if framework.key and framework.key in document else None)
    needed = [document.get(key) for key in ("dependencies", "devDependencies")]
    depends = any(isinstance(table, dict) and framework.package in table for table in needed)
    return _Package(folder, tests, settings, depends, _files(listing, folder, framework))


def _is_test_script(key: str) -> bool:
    return key.partition(":")[0] in {"test", "tests"} or any(part in KINDS for part in key.split(":"))


def _files(listing: Listing, folder: str, framework: NodeFramework) -> tuple[str, ...]:
    inside = (relative_to(path, folder) for path in below(_sources(listing), folder))
    return tuple(path for path in inside if matches(path, framework.patterns))


@lru_cache(maxsize=4)
def _sources(listing: Listing) -> tuple[str, ...]:
    return tuple(path for path in listing.paths if _SOURCE.search(path) and in_sight(path))


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether a path, or its name when the pattern has no folder in it, is like one of the patterns."""
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatch(path if "/" in pattern else name, pattern) for pattern in patterns)


def _runs(listing: Listing, package: _Package, packages: Sequence[_Package]) -> bool:
    above = [one for one in packages if one is not package and is_below(package.folder, one.folder)]
    inner = [one for one in packages if one is not package and is_below(one.folder, package.folder)]
    if any(_covers(listing, one) for one in above):
        return False
    if package.scripts or _covers(listing, package):
        return True
    if package.settings:
        return bool(package.files) and not any(one.scripts for one in inner)
    return package.depends and bool(package.files) and not any(one.claims for one in (*above, *inner))


def _covers(listing: Listing, package: _Package) -> bool:
    """Tell whether a package runs the tests of those below it too."""
    if package.scripts:
        return True
    return bool(package.settings) and bool(_PROJECTS.search(listing.read(package.settings or "") or ""))


def settings_of(listing: Listing, suite: Suite, framework: NodeFramework) -> str:
    """Return the text of a suite's settings: those that its script names, or the ones in its folder; "" without any."""
    words = [word.partition("=")[2] or word for word in suite.arguments]
    places = [join(suite.folder, name.removeprefix("./")) for name in (*words, *framework.settings)]
    own = next((listing.read(place) or "" for place in places if place in listing.known), "")
    if own or not framework.key:
        return own
    table = read_json(listing, join(suite.folder, "package.json")).get(framework.key)
    return json.dumps(table) if table else ""


def _suites(package: _Package, running: Sequence[_Package], framework: NodeFramework) -> Iterator[Suite]:
    folders = {one.folder for one in running}
    files = tuple(path for path in package.files if nearest(join(package.folder, path), folders) == package.folder)
    whole = Suite(
        name=framework.name,
        framework=framework.name,
        folder=package.folder,
        files=files,
        found_by=package.settings or join(package.folder, "package.json"),
    )
    scripts = dict(_chosen(package.scripts))
    if not scripts:
        yield whole
    for key, text in scripts.items():
        kind = next((KINDS[part] for part in key.split(":") if part in KINDS), framework.name)
        yield whole.model_copy(update={"name": kind, "found_by": f"the script {key!r}", **words_of(text, framework)})


def _chosen(scripts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the scripts that run different tests: the plain one, and those with settings of their own.

    Without a plain one (or when it only calls the others), one for each kind.
    """
    simple = {key: text for key, text in scripts.items() if not _SHELL.search(text)}
    plain = next((key for key in ("test", "tests") if key in simple), None)
    seen: set[tuple[str, ...]] = set()
    for key in sorted(simple, key=lambda key: (key != plain, key)):
        words = simple[key].split()
        own = _option(words, _CONFIG)
        kind = tuple(part for part in key.split(":") if part in KINDS)
        identity = own if plain else own or _option(words, ("--project", "--selectProjects")) or kind
        if identity not in seen and (key == plain or own or (kind and not plain)):
            seen.add(identity)
            yield key, simple[key]
    if not seen and simple:
        yield next(iter(simple.items()))


def _option(words: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return an option of a command with its value, () when it isn't there."""
    for at, word in enumerate(words):
        for name in names:
            if word == name:
                return tuple(words[at : at + 2])
            if word.startswith(name + "="):
                return (word,)
    return ()


def words_of(script: str, framework: NodeFramework) -> dict[str, object]:
    """Return what a script gives a suite: variables, arguments, and the command where it is not the plain program."""
    try:
        words = shlex.split(script)
    except ValueError:
        return {}
    variables: dict[str, str] = {}
    while words and (words[0] in _WRAPPERS or (match := _ASSIGNMENT.match(words[0]))):
        if words[0] not in _WRAPPERS and match:
            variables[match[1]] = match[2]
        words = words[1:]
    at = next((n for n, word in enumerate(words) if framework.calls(word)), None)
    if at is None:
        return {"variables": variables}
    program = tuple(words[: at + 1]) if words[0] == "node" and at else ()
    return {"variables": variables, "command": program, "arguments": tuple(_kept(words[at + 1 :]))}


def _kept(words: Sequence[str]) -> Iterator[str]:
    skip = False
    for word in words:
        if skip or word in _DROPPED:
            skip = False
        elif word in _WITH_VALUE:
            skip = True
        elif not word.startswith(tuple(f"{name}=" for name in _WITH_VALUE)) and not word.startswith("--coverage"):
            yield word
