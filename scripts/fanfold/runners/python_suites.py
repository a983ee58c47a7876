"""Suites of Python tests: pytest's, Django's, unittest's; a test file belongs to one of them alone.

A file belongs to the project whose pytest settings are nearest above it; where nobody has any, to the nearest folder
that is a Python project, else to the root. A project is pytest's when anything in it says so; Django's when it has a
`manage.py` and its tests use Django's; else unittest's.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fanfold.runners.base import Listing
from fanfold.runners.python_settings import PytestSettings, depends_on, pytest_settings
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
    relative_to,
    upwards,
)
from fanfold.suites import Suite

_SETTINGS = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg")
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", "manage.py", "Pipfile")
_LIKELY = ("test*.py", "*_test.py", "*_tests.py", "tests.py")
_SAMPLED = 200  # files of a project that are looked into to tell whose they are
_USES_PYTEST = re.compile(r"^\s*(?:import pytest\b|from pytest\b)|^(?:async )?def test_", re.MULTILINE)
_USES_DJANGO = re.compile(r"^\s*from django\.test\b|^\s*from rest_framework\.test\b", re.MULTILINE)
_USES_UNITTEST = re.compile(r"^\s*(?:import unittest\b|from unittest\b)|TestCase\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Project:
    """A folder, the test files that are its, and whose they are: "pytest", "django", "unittest" or ""."""

    folder: str
    files: tuple[str, ...]
    owner: str
    found_by: str
    settings: PytestSettings | None


def pytest_suites(listing: Listing) -> tuple[Suite, ...]:
    """Return pytest's suites: one a project, or more where folders or markers name kinds of tests."""
    return tuple(suite for project in _projects(listing, "pytest") for suite in _split(listing, project))


def django_suites(listing: Listing) -> tuple[Suite, ...]:
    """Return Django's suites, one for each `manage.py`."""
    return tuple(_whole(project, "django") for project in _projects(listing, "django"))


def unittest_suites(listing: Listing) -> tuple[Suite, ...]:
    """Return unittest's suites: one for each folder, of a project, that its packages of tests start from."""
    suites = []
    for project in _projects(listing, "unittest"):
        whole = _whole(project, "unittest")
        starts = {path: _start(listing, project.folder, path) for path in whole.files}
        for start in sorted(set(starts.values())):
            files = tuple(path for path in whole.files if starts[path] == start)
            paths = () if start == "." else (start,)
            suites.append(whole.model_copy(update={"paths": paths, "files": files}))
    return tuple(suites)


def _start(listing: Listing, folder: str, path: str) -> str:
    """Return the first folder above a file that is no package."""
    return next(
        at for at in upwards(folder_of(path)) if join(folder, join(at, "__init__.py")) not in listing.known or at == "."
    )


def _projects(listing: Listing, owner: str) -> list[_Project]:
    return [project for project in _all_projects(listing) if project.owner == owner]


@lru_cache(maxsize=4)
def _all_projects(listing: Listing) -> tuple[_Project, ...]:
    places = {folder_of(path): pytest_settings(listing, folder_of(path)) for path in named(listing, *_SETTINGS)}
    settings = {folder: found for folder, found in places.items() if found}
    python = {folder_of(path) for path in named(listing, *_PROJECT)}
    groups: dict[str, list[str]] = defaultdict(list)
    for path in listing.paths:
        if path.endswith(".py") and in_sight(path):
            folder = nearest(path, settings) or nearest(path, python) or "."
            if _is_test(path, folder, settings.get(folder)):
                groups[folder].append(path)
    return tuple(
        _project(listing, folder, tuple(files), settings.get(folder))
        for folder, files in sorted(groups.items())
        if not aside(folder)
    )


def _is_test(path: str, folder: str, settings: PytestSettings | None) -> bool:
    """Tell whether a file is a test file, by its name and by where its project says that tests are."""
    if settings and settings.testpaths:
        inside = relative_to(path, folder)
        if not any(_in_testpath(inside, testpath) for testpath in settings.testpaths):
            return False
    patterns = settings.patterns if settings else _LIKELY
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatch(path if "/" in pattern else name, pattern) for pattern in patterns)


def _in_testpath(path: str, testpath: str) -> bool:
    clean = testpath.strip("/").removeprefix("./") or "."
    return is_below(path, clean) or any(fnmatch.fnmatch(above, clean) for above in (path, *upwards(folder_of(path))))


def _project(listing: Listing, folder: str, files: tuple[str, ...], settings: PytestSettings | None) -> _Project:
    owner, found_by = _owner(listing, folder, files, settings)
    return _Project(folder, files, owner, found_by, settings)


def _owner(listing: Listing, folder: str, files: tuple[str, ...], settings: PytestSettings | None) -> tuple[str, str]:
    texts = [listing.read(path) or "" for path in files[:_SAMPLED]]
    django = join(folder, "manage.py") in listing.known and any(_USES_DJANGO.search(text) for text in texts)
    if django and not (settings and settings.django) and not depends_on(listing, folder, "pytest-django"):
        return "django", join(folder, "manage.py")
    if settings:
        return "pytest", settings.file
    conftest = next(iter(below(named(listing, "conftest.py"), folder)), None)
    if conftest:
        return "pytest", conftest
    if any(_USES_PYTEST.search(text) for text in texts):
        return "pytest", "its test files"
    if depends_on(listing, folder, "pytest"):
        return "pytest", "what the project depends on"
    return ("unittest", "its test files") if any(_USES_UNITTEST.search(text) for text in texts) else ("", "")


def _whole(project: _Project, framework: str) -> Suite:
    files = tuple(relative_to(path, project.folder) for path in project.files)
    return Suite(name=framework, framework=framework, folder=project.folder, files=files, found_by=project.found_by)


def _split(listing: Listing, project: _Project) -> Iterator[Suite]:
    """Yield a project's suites: by the folders that name a kind of tests, else by such markers, else one."""
    whole = _whole(project, "pytest")
    by_folder = _kind_folders(whole.files)
    kinds = sorted(set(by_folder.values()))
    if len(kinds) + bool(_elsewhere(whole.files, by_folder)) > 1:
        yield from _folder_suites(whole, by_folder, kinds)
        return
    markers = _kind_markers(listing, project)
    yield from _marker_suites(whole, markers) if markers else (whole,)


def _kind_folders(files: Sequence[str]) -> dict[str, str]:
    """Return the outermost folders that name a kind of tests, and which: `tests/unit`, `app/tests/e2e`."""
    kinds: dict[str, str] = {}
    for path in files:
        parts = folder_of(path).split("/")
        at = next((n for n, part in enumerate(parts, 1) if part in KINDS and _among_tests(parts[: n - 1])), None)
        if at:
            kinds["/".join(parts[:at])] = KINDS[parts[at - 1]]
    return kinds


def _among_tests(above: Sequence[str]) -> bool:
    """A folder `unit` names tests when it lies in a folder of tests, or at the top; elsewhere it may be a package."""
    return not above or any(part in {"test", "tests", "testing"} for part in above)


def _elsewhere(files: Sequence[str], folders: dict[str, str]) -> list[str]:
    return [path for path in files if not any(is_below(path, folder) for folder in folders)]


def _folder_suites(whole: Suite, by_folder: dict[str, str], kinds: Sequence[str]) -> Iterator[Suite]:
    for kind in kinds:
        folders = tuple(sorted(folder for folder, its in by_folder.items() if its == kind))
        files = tuple(path for path in whole.files if any(is_below(path, folder) for folder in folders))
        yield whole.model_copy(update={"name": kind, "paths": folders, "files": files})
    rest = tuple(_elsewhere(whole.files, by_folder))
    if rest:
        # What pytest finds by itself, less what the others run: whatever a plugin collects stays in one of them.
        ignored = tuple(f"--ignore={folder}" for folder in sorted(by_folder))
        yield whole.model_copy(update={"files": rest, "arguments": ignored})


def _kind_markers(listing: Listing, project: _Project) -> list[str]:
    """Return the markers that name a kind of tests, are registered, and are used; none when some are chosen already."""
    settings = project.settings
    if settings is None or any(word == "-m" or word.startswith("-m=") for word in settings.addopts):
        return []
    registered = [marker for marker in settings.markers if marker in KINDS]
    texts = [listing.read(path) or "" for path in project.files[:_SAMPLED]] if registered else []
    return [marker for marker in registered if any(f"mark.{marker}" in text for text in texts)]


def _marker_suites(whole: Suite, markers: Sequence[str]) -> Iterator[Suite]:
    """A test that has several of the markers is in the first one's suite alone."""
    for number, marker in enumerate(markers):
        chosen = " and ".join([marker, *(f"not {before}" for before in markers[:number])])
        yield whole.model_copy(update={"name": KINDS[marker], "arguments": ("-m", chosen)})
    none = " and ".join(f"not {marker}" for marker in markers)
    yield whole.model_copy(update={"arguments": ("-m", none)})
