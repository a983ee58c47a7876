"""What a repository's own `.gitattributes` say of files that nobody reads, in the words of GitHub Linguist."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fanfold.errors import TargetError
from fanfold.sources.files import load
from fanfold.sources.git import Git
from fanfold.sources.text import real, shown

_REASONS = {b"linguist-generated": "generated", b"linguist-vendored": "vendored"}
_YES, _NO = frozenset({b"set", b"true"}), frozenset({b"unset", b"false"})
_NAME = ".gitattributes"
_MARK = b"linguist-"


def told_apart(root: Path, paths: Iterable[str]) -> dict[str, str | None]:
    """Return why nobody reads a file, by its path, or None for one that is read whatever its name says.

    Files of which nothing is said have no entry. Git is asked only where attributes of that kind are set.
    """
    paths = tuple(paths)
    files = (path for path in paths if path.endswith(_NAME) and path.rpartition("/")[2] == _NAME)
    if not any(_MARK in (load(root, path) or b"") for path in files):
        return {}
    try:
        git = Git.at(root)
        if git is None:
            return {}
        asked = b"\0".join(map(real, paths))
        told = git.run("check-attr", "-z", "--stdin", *(name.decode() for name in _REASONS), stdin=asked).split(b"\0")
    except TargetError:  # then names alone tell
        return {}
    found: dict[str, str | None] = {}
    for path, name, value in zip(told[::3], told[1::3], told[2::3], strict=False):
        if value in _YES:
            found[shown(path)] = _REASONS[name]
        elif value in _NO:
            found.setdefault(shown(path), None)
    return found
