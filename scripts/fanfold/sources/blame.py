"""Which lines of a change were there before it, and only moved; when a line last changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fanfold.sources.changes import without_filters
from fanfold.sources.git import Git
from fanfold.sources.text import os_path

_TIME = re.compile(rb"^committer-time (\d+)$", re.MULTILINE)
_LINE = re.compile(rb"([0-9a-f]{40,64}) \d+ (\d+)")


def carried_over(git: Git, base: str, head: str | None, path: str) -> frozenset[int]:
    """Return the numbers of the lines of a file that the commit `base` had already.

    A line that was moved or copied within what changed, or whose white space alone changed, counts as there
    (`git blame -w -M -C`, of the whole file: a single line is too little to be followed). `head` is a commit, None the
    working tree. Raises TargetError.
    """
    revisions = [f"^{base}", *([head] if head else [])]
    return frozenset(_boundary_lines(blame(git, path, "-w", "-M", "-C", *revisions)))


def blame(git: Git, path: str, *options: str, text: str | None = None) -> bytes:
    """Return what `git blame --porcelain` says of a file at the revision among `options`.

    Without one it is the file on disk or, when given, `text` that is compared with the commit that is checked out. The
    repository's own text converters, which git would run by itself, and its clean filters are off. Raises TargetError.
    """
    contents, stdin = ((), b"") if text is None else (("--contents", "-"), text.encode("utf-8", "replace"))
    arguments = ("blame", "--porcelain", "--no-textconv", *contents, *options, "--", os_path(path))
    return git.run(*arguments, stdin=stdin, variables=without_filters(git))


def commits_of_lines(told: bytes) -> dict[int, str]:
    """Return the full id of the commit that each line is from, by its number; zeros for one that isn't committed."""
    found = (_LINE.match(line) for line in told.split(b"\n") if not line.startswith(b"\t"))
    return {int(match[2]): match[1].decode() for match in found if match}


def time_of_line(git: Git, path: str, line: int) -> float | None:
    """Return when a line of the file on disk last changed, but for its white space, in seconds since 1970.

    None for one that isn't committed, or isn't there. Raises TargetError.
    """
    told = blame(git, path, "-w", "-L", f"{line},{line}")
    commits = set(commits_of_lines(told).values())
    found = _TIME.search(told)
    return float(found[1]) if found and not any(set(commit) == {"0"} for commit in commits) else None


def _boundary_lines(told: bytes) -> Iterator[int]:
    """Yield the lines of the commits at which blame stopped looking; a commit is described where it is first named."""
    boundary: set[bytes] = set()
    commit, number = b"", 0
    for line in told.split(b"\n"):
        if line.startswith(b"\t"):
            if commit in boundary:
                yield number
        elif found := _LINE.match(line):
            commit, number = found[1], int(found[2])
        elif line == b"boundary":
            boundary.add(commit)
