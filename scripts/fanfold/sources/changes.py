"""What git says has changed, and what is new on disk without git knowing it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from fanfold.sources.change import SYMLINK_MODE, FileChange, whole_file
from fanfold.sources.diff import parse_diff
from fanfold.sources.files import state
from fanfold.sources.git import Git
from fanfold.sources.snapshot import Snapshot
from fanfold.sources.text import LARGE, is_own, os_path, shown

_OPTIONS = (
    "--patch",
    "--unified=3",
    "--diff-algorithm=histogram",
    "--find-renames=50%",
    "--no-ext-diff",
    "--no-textconv",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ignore-submodules=dirty",  # nothing is run inside a submodule
)
_FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"
_PATHS_AT_ONCE = 200

Command = tuple[str, ...]
"""A git command that prints a patch, without options and paths."""


def between(base: str, head: str) -> Command:
    """Return the command that compares two commits or trees, given by their full ids."""
    return ("diff-tree", base, head)


def staged_since(base: str) -> Command:
    """Return the command that compares a commit or tree with the index."""
    return ("diff-index", "--cached", "--ita-invisible-in-index", base)


def uncommitted_since(base: str) -> Command:
    """Return the command that compares a commit or tree with the working tree, untracked files aside."""
    return ("diff-index", "--ita-invisible-in-index", base)


def changes_of(git: Git, command: Command, paths: Iterable[str] = (), *, text: bool = False) -> tuple[FileChange, ...]:
    """Return the changes that the command shows; with `text` also the lines of what an attribute calls binary."""
    name, *rest = command
    options = (*_OPTIONS, "--text") if text else _OPTIONS
    reads_disk = name == "diff-index" and "--cached" not in rest
    variables = without_filters(git) if reads_disk else {}
    output = git.run(name, *options, *rest, "--", *map(os_path, paths), variables=variables)
    return tuple(change for change in parse_diff(output.decode("utf-8", "replace")) if not is_own(change.path))


def without_filters(git: Git) -> Mapping[str, str]:
    """Return the settings that empty the repository's own filters, which git would run on changed files."""
    listed = git.run_or("config", "--show-scope", "--null", "--name-only", "--get-regexp", _FILTERS, otherwise=1)
    told = listed.decode("utf-8", "surrogateescape").split("\0")
    names = [name for scope, name in zip(told[::2], told[1::2], strict=False) if scope in {"local", "worktree"}]
    start = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    settings = {"GIT_CONFIG_COUNT": str(start + len(names))}
    for number, name in enumerate(names, start):
        settings[f"GIT_CONFIG_KEY_{number}"] = name
        settings[f"GIT_CONFIG_VALUE_{number}"] = "false" if name.endswith(".required") else ""
    return settings


def with_hidden_lines(
    git: Git, command: Command, changes: tuple[FileChange, ...], before: Snapshot | None, after: Snapshot
) -> tuple[FileChange, ...]:
    """Return the changes with the lines of text files that a `.gitattributes` (say, `*.py -diff`) calls binary.

    The change under review may itself bring that attribute, and hide anything behind it.
    """
    hidden = [change for change in changes if _is_text(change, before, after)]
    lines: dict[str, FileChange] = {}
    for start in range(0, len(hidden), _PATHS_AT_ONCE):
        names = {name for change in hidden[start : start + _PATHS_AT_ONCE] for name in (change.path, change.old_path)}
        shown_now = changes_of(git, command, sorted(name for name in names if name), text=True)
        lines |= {change.path: change for change in shown_now}
    paths = {change.path for change in hidden}
    return tuple(lines.get(change.path, change) if change.path in paths else change for change in changes)


def _is_text(change: FileChange, before: Snapshot | None, after: Snapshot) -> bool:
    """Tell whether a change without lines is between texts after all."""
    if not change.binary or change.submodule:
        return False
    if change.kind != "deleted" and after.read(change.path) is None:
        return False
    return before is None or change.kind == "added" or before.read(change.old_path or change.path) is not None


def new_file(root: Path, snapshot: Snapshot, path: str) -> FileChange | None:
    """Return the change that an untracked file is; None when it can't be read or is gone."""
    kind = state(root, path, LARGE)
    text = snapshot.read(path) if kind == "text" else None
    if text is not None:
        return whole_file(path, text, _mode(root, path))
    if kind in {"binary", "large"}:
        return FileChange(path, kind="added", binary=True, new_mode=_mode(root, path))
    try:
        points_to = os.fsencode((root / os_path(path)).readlink())
    except OSError:
        return None
    return whole_file(path, shown(points_to), SYMLINK_MODE)


def _mode(root: Path, path: str) -> str:
    return "100755" if (root / os_path(path)).lstat().st_mode & stat.S_IXUSR else "100644"
