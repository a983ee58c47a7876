"""Files that nobody reviews line by line: lock files, generated, vendored and minified code. Each with its reason.

The names are those that GitHub Linguist goes by, cut to what people call a file that they did not write.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from fanfold.sources.folders import folder_of, upwards

_LOCKS = frozenset(
    [
        "Cargo.lock",
        "Gemfile.lock",
        "Package.resolved",
        "Pipfile.lock",
        "bun.lock",
        "bun.lockb",
        "composer.lock",
        "conda-lock.yml",
        "deno.lock",
        "flake.lock",
        "go.sum",
        "gradle.lockfile",
        "mix.lock",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "packages.lock.json",
        "pdm.lock",
        "pixi.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    ]
)
INSTALLED = frozenset(
    [".eggs", ".nox", ".tox", ".venv", "__pypackages__", "dist-packages", "node_modules", "site-packages"]
)
"""Folders that tools put packages into; `venv` is no such name, since Python's standard library has one."""

_VENDORED = INSTALLED | {"Godeps", "_vendor", "bower_components", "third-party", "third_party", "vendor"}
_ENVIRONMENT = ("/pyvenv.cfg", "/conda-meta/history")
_TOLD_BY_NAME = re.compile(
    r"(?P<minified>[.-]min\.(?:js|css|mjs)|\.(?:js|css)\.map)$"
    r"|(?P<generated>_pb2(?:_grpc)?\.pyi?|\.pb(?:\.gw)?\.(?:go|cc|h)|\.g\.(?:cs|dart)|\.designer\.cs|[._]generated\.\w+"
    r"|\.snap)$",
    re.IGNORECASE,
)
_GENERATED_FOLDER = "__generated__"
# Go's convention (golang.org/s/generatedcode), Facebook's, and what most generators write into the first lines.
_GENERATED_HEAD = re.compile(
    r"^\W*(Code generated .{0,200} DO NOT EDIT\.?|@generated\b|This file (is|was) (automatically |auto-?)generated\b"
    r"|(Auto-?generated|Automatically generated|Generated) by .{0,200}(do not (edit|modify)|don't edit))",
    re.IGNORECASE | re.MULTILINE,
)
# Without a word against edits it counts as the first thing that a file says, and nowhere else.
_GENERATED_FIRST = re.compile(r"\W*(auto[- ]?|automatically )generated (by|from|with|using)\b", re.IGNORECASE)
_HEAD = 2_000
# What says what a package is, whoever wrote it: cargo and others rewrite it when they publish.
_MANIFESTS = frozenset(["Cargo.toml", "composer.json", "go.mod", "package.json", "pyproject.toml"])
_MOST = 1 << 16  # folders, and names, of which the answer is remembered
_MINIFIED_LINE = 1_000
_BRACED = frozenset([".js", ".mjs", ".cjs", ".css", ".json"])


def set_aside(path: str, text: str | None, environments: Collection[str] = ()) -> str | None:
    """Return why nobody reads the file line by line, None when somebody should. `text` may be unknown.

    `environments` are the folders of installed packages that are told by what is in them.
    """
    return by_name(path, environments) or (by_text(path, text) if text else None)


def environments(paths: Iterable[str]) -> frozenset[str]:
    """Return the folders among these files that hold an environment of installed packages, whatever they are called.

    The root is none of them: who made an environment of it has a project in there.
    """
    found = [path for path in paths if path.endswith(_ENVIRONMENT)]
    return frozenset(path.removesuffix(mark) for path in found for mark in _ENVIRONMENT if path.endswith(mark))


def by_name(path: str, environments: Collection[str] = ()) -> str | None:
    """Return why nobody reads the file, as far as its path and the `environments` say."""
    if environments and any(folder in environments for folder in upwards(folder_of(path))):
        return "vendored"
    return _by_name(path)


def _by_name(path: str) -> str | None:
    folder, _, name = path.rpartition("/")
    if name in _LOCKS:
        return "a lock file"
    if why := _by_folder(folder):
        return why
    return _by_last_name(name)


@lru_cache(_MOST)
def _by_last_name(name: str) -> str | None:
    told = _TOLD_BY_NAME.search(name)
    return told.lastgroup if told else None


@lru_cache(_MOST)
def _by_folder(folder: str) -> str | None:
    names = folder.split("/")
    return "vendored" if not _VENDORED.isdisjoint(names) else "generated" if _GENERATED_FOLDER in names else None


def by_text(path: str, text: str) -> str | None:
    """Return why nobody reads the file, as far as its lines and the ending of its name say."""
    pure = PurePosixPath(path)
    if pure.name not in _MANIFESTS and (_GENERATED_HEAD.search(text[:_HEAD]) or _GENERATED_FIRST.match(text[:_HEAD])):
        return "generated"
    if pure.suffix.lower() in _BRACED and len(text) / (text.count("\n") + 1) > _MINIFIED_LINE:
        return "minified"
    return None
