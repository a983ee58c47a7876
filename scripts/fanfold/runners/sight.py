"""Names of files and folders, as discovery looks at them."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from fanfold.runners.base import Listing

# Folders whose suites are somebody else's, or are data for tests.
_OUT_OF_SIGHT = frozenset(
    {
        *("node_modules", "vendor", "third_party", "third-party", "site-packages", "bower_components"),
        *("fixtures", "__fixtures__", "testdata", "test-data", "test_data", "snapshots", "__snapshots__"),
        *("build", "dist", "target", "out", "venv", "env", "bin", "obj"),
    }
)
# Folders whose projects are shown, not shipped: a suite for one has to be configured.
_ASIDE = frozenset(
    {"example", "examples", "sample", "samples", "demo", "demos", "benchmarks", "docs", "doc", "templates"}
)

# What folders say of the tests in them, under the name that their suite gets.
_KINDS = {
    "unit": ("unit", "units", "unittests", "unit_tests", "unit-tests"),
    "integration": ("integration", "integrations", "integration_tests", "integration-tests"),
    "e2e": ("e2e", "e2e_tests", "e2e-tests", "end_to_end", "end-to-end", "endtoend"),
    "functional": ("functional", "functional_tests", "functional-tests"),
    "acceptance": ("acceptance", "acceptance_tests", "acceptance-tests"),
    "system": ("system_tests", "system-tests"),
    "smoke": ("smoke", "smoke_tests", "smoke-tests"),
}
KINDS = {folder: kind for kind, folders in _KINDS.items() for folder in folders}
"""The kind of tests by the name of their folder."""


def in_sight(path: str) -> bool:
    """Tell whether a file can be part of a suite of this repository's own."""
    *folders, name = path.split("/")
    return "{{" not in path and not any(f in _OUT_OF_SIGHT or f.startswith(".") for f in folders) and bool(name)


def aside(folder: str) -> bool:
    """Tell whether a project's folder is an example, a template or a benchmark of another project."""
    return any(part in _ASIDE for part in PurePosixPath(folder).parts)


def folder_of(path: str) -> str:
    """Return the folder that a file lies in; "." for the root."""
    return path.rpartition("/")[0] or "."


def upwards(folder: str) -> Iterator[str]:
    """Yield the folder and those above it, down to ".", the nearest first."""
    at = folder
    while at and at != ".":
        yield at
        at = at.rpartition("/")[0]
    yield "."


def below(paths: Sequence[str], folder: str) -> Sequence[str]:
    """Return those of some paths, which are in order, that lie in a folder; in logarithmic time."""
    if folder == ".":
        return paths
    return paths[bisect_left(paths, f"{folder}/") : bisect_left(paths, f"{folder}0")]  # "0" comes right behind "/"


def is_below(path: str, folder: str) -> bool:
    """Tell whether a file or folder is `folder` or lies in it."""
    return folder in {".", path} or path.startswith(folder + "/")


def relative_to(path: str, folder: str) -> str:
    """Return the path as it is seen from a folder that it lies in."""
    return path if folder == "." else path[len(folder) + 1 :]


def join(folder: str, path: str) -> str:
    """Return a path that is seen from a folder as it is seen from the root."""
    if path == ".":
        return folder
    return path if folder == "." else f"{folder}/{path}"


def nearest(path: str, folders: Container[str]) -> str | None:
    """Return the nearest one of `folders` at or above a file, None when there is none."""
    return next((folder for folder in upwards(folder_of(path)) if folder in folders), None)


def named(listing: Listing, *names: str) -> list[str]:
    """Return the files in sight that have one of these names."""
    return [path for path in listing.paths if path.rpartition("/")[2] in names and in_sight(path)]


def read_json(listing: Listing, path: str) -> dict[str, Any]:
    """Return the object in a JSON file; {} for anything else."""
    try:
        document = json.loads(listing.read(path) or "")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


_OF_TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")


def of_tests(path: str) -> bool:
    """Tell whether a file of Python is one of tests, by its name or its folders', and not of what they test."""
    return _OF_TESTS.search(path) is not None
