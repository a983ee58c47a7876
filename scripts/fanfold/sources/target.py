"""What a person asked to look at, resolved: which files, which lines of them, at which revision.

    no argument     the uncommitted changes, untracked files included; if there are none, the last commit;
                    outside of a repository, the folder
    COMMIT          what that commit changed against its first parent; a root commit, against nothing
    A..B, A...B     as in `git diff`: from A to B, and from where B forked from A to B
    BRANCH          what it holds since it forked (`revisions.branch_span`); the default branch, its last commit
    --staged        what is in the index
    PATH…           these files and folders as a whole; `./name` when a revision has the same name
    --diff TEXT     what the diff shows
    --pr N          what the pull request holds, against where it forked from its base

Paths in a target are relative to its root: the top of the repository, wherever in it one stands.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from fanfold.errors import NothingToDo, TargetError
from fanfold.models import TargetRecord
from fanfold.sources.change import SUBMODULE_MODE, SYMLINK_MODE, FileChange
from fanfold.sources.changes import (
    Command,
    between,
    changes_of,
    new_file,
    staged_since,
    uncommitted_since,
    with_hidden_lines,
)
from fanfold.sources.diff import parse_diff
from fanfold.sources.files import folder_files, repository_files, untracked_files
from fanfold.sources.git import Git, GitMissing
from fanfold.sources.patched import Patched
from fanfold.sources.pull_request import pull_request_span, view_pull_request
from fanfold.sources.revisions import (
    Span,
    branch_ref,
    branch_span,
    commit_of,
    empty_tree,
    head_id,
    nearest,
    range_of,
    revision_id,
)
from fanfold.sources.selection import Selection, select, select_folder
from fanfold.sources.snapshot import Revision, Snapshot, WorkingTree
from fanfold.sources.text import DECISIONS, counted, is_own, listed, os_path, shown


@dataclass(frozen=True)
class Target:
    """What is looked at.

    `description` is what a person would say. `base` and `head` are full commit ids, None where a side is no
    commit; `before` and `snapshot` are the files on those sides. `whole` says that there is no base and every
    line is under review; there are no `changes` then. `paths` are the text files at the head side that are
    under review. `notes` say what is part of the request and not looked at.
    """

    root: Path
    description: str
    base: str | None
    head: str | None
    changes: tuple[FileChange, ...]
    snapshot: Snapshot
    before: Snapshot | None
    whole: bool
    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def _by_path(self) -> dict[str, FileChange]:
        return {change.path: change for change in self.changes}

    def old_path(self, path: str) -> str:
        """Return what the file was called before the change."""
        change = self._by_path.get(path)
        return (change and change.old_path) or path

    @contextmanager
    def before_on_disk(self) -> Iterator[Path | None]:
        """Give a folder in which the files under review lie as they were, under the names they have now; or None."""
        if self.before is None:
            yield None
            return
        with self.before.on_disk([self.old_path(path) for path in self.paths]) as folder:
            for path in self.paths:
                old, new = folder / os_path(self.old_path(path)), folder / os_path(path)
                if old != new and old.is_file():
                    new.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(old, new)
            yield folder

    def touches(self, path: str, line: int, end_line: int) -> bool:
        """Tell whether the change touches one of these lines, of the head side and counted from 1.

        Where lines went without any coming in, the two around the gap count as touched. Always True when
        `whole`.
        """
        change = self._by_path.get(path)
        return self.whole or (change is not None and change.touches(line, end_line))

    def record(self) -> TargetRecord:
        """Return what run.json keeps of it."""
        root = shown(os.fsencode(self.root))
        lines = None if self.whole else {change.path: change.shown for change in self.changes if change.shown}
        return TargetRecord(root=root, description=self.description, base=self.base, head=self.head, shown=lines)


def resolve(
    arguments: Sequence[str],
    *,
    cwd: Path,
    staged: bool = False,
    diff: str | None = None,
    pull_request: int | None = None,
) -> Target:
    """Return the target that a command line names, seen from the folder `cwd`.

    `diff` is the text of a diff, `pull_request` the number of one on GitHub. Raises TargetError when something can't be
    resolved, NothingToDo when it is empty.
    """
    if not cwd.is_dir():
        raise TargetError(f"{str(cwd)!r} is no folder")
    if sum([bool(arguments), staged, diff is not None, pull_request is not None]) > 1:
        raise TargetError("paths or revisions, --staged, --diff and --pr exclude each other")
    git = _repository(cwd)
    if pull_request is not None:
        if git is None:
            raise TargetError(f"--pr {pull_request}: {str(cwd)!r} is in no git repository")
        return _span(git, pull_request_span(git, view_pull_request(pull_request, git.folder)))
    if diff is not None:
        return _diff(diff, git, cwd)
    if staged:
        return _staged(git, cwd)
    if not arguments:
        return _uncommitted_or_last(git) if git else _selected(select_folder(cwd))
    if len(arguments) == 1:
        return _named(arguments[0], git, cwd)
    return _paths(arguments, git, cwd)


def _repository(cwd: Path) -> Git | None:
    """Return the repository that `cwd` lies in. A machine without git may still look at folders outside of any."""
    try:
        return Git.at(cwd)
    except GitMissing:
        start = cwd.resolve()
        if any((folder / ".git").exists() for folder in (start, *start.parents)):
            raise
        return None


def _named(name: str, git: Git | None, cwd: Path) -> Target:
    """Resolve one argument: a range, a path, a commit or a branch."""
    if not name:
        raise TargetError("an empty argument names nothing: leave it out for the uncommitted changes")
    is_path = os.path.lexists(cwd / name)
    if git is None or _only_a_path(name):
        return _paths((name,), git, cwd)
    try:
        span = range_of(git, name)
        commit = span.head if span else revision_id(git, name)
    except TargetError:
        if not is_path:
            raise
        return _paths((name,), git, cwd)
    if commit is None:
        return _paths((name,), git, cwd)
    if is_path:
        raise TargetError(f"{name!r} is both a path and a revision: write './{name}' for the path")
    if span is None and (ref := branch_ref(git, name)):
        span = branch_span(git, ref, commit)
    return _span(git, span) if span else _commit(git, commit)


def _only_a_path(name: str) -> bool:
    return name.startswith(("./", "../", "/")) or name in {".", ".."} or "\0" in name


def _paths(names: Sequence[str], git: Git | None, cwd: Path) -> Target:
    """Resolve arguments that must all be paths."""
    if git is not None and git.bare:
        raise TargetError(f"{str(git.folder)!r} has no working tree: name a commit, a branch or a range A..B")
    for name in names:
        if not os.path.lexists(cwd / name):
            raise TargetError(_unknown(name, git, cwd, alone=len(names) == 1))
    return _selected(select(names, cwd))


def _unknown(name: str, git: Git | None, cwd: Path, *, alone: bool) -> str:
    """Return the message about a name that is no path, and no revision either unless it is not alone."""
    if git is not None and not alone and (range_of(git, name) or revision_id(git, name)):
        return f"{name!r} is a revision and stands alone: for two of them, write A..B"
    close = nearest(git, name, _siblings(name, cwd))
    hint = f"; did you mean {close!r}?" if close else ""
    if git is None:
        return f"there is no file {name!r} here, and it can't be a revision outside of a git repository{hint}"
    return f"{name!r} is no revision, file or folder here{hint}"


def _siblings(name: str, cwd: Path) -> list[str]:
    """Return what lies where `name` would, written in the same way."""
    above, slash, _ = name.rpartition("/")
    try:
        entries = [shown(os.fsencode(entry.name)) for entry in (cwd / (above + slash)).iterdir()]
    except (OSError, ValueError):
        return []
    return [f"{above}{slash}{entry}" for entry in entries]


def _selected(selection: Selection) -> Target:
    return Target(
        root=selection.root,
        description=selection.description,
        base=None,
        head=None,
        changes=(),
        snapshot=selection.snapshot,
        before=None,
        whole=True,
        paths=selection.paths,
        notes=selection.notes,
    )


def _commit(git: Git, commit: str) -> Target:
    about = commit_of(git, commit)
    description = f"commit {about}{' (against its first parent)' if about.merge else ''}"
    command = between(about.parent or empty_tree(git), commit)
    after = partial(Revision.of_commit, git, commit)
    return _compared(git, command, after, description, base=about.parent, head=commit)


def _span(git: Git, span: Span) -> Target:
    description = f"{span.name} ({counted(span.commits, 'commit')})"
    command = between(span.base, span.head)
    after = partial(Revision.of_commit, git, span.head)
    return _compared(git, command, after, description, base=span.base, head=span.head)


def _staged(git: Git | None, cwd: Path) -> Target:
    if git is None or git.bare:
        raise TargetError(f"nothing can be staged in {str(cwd)!r}: it is in no repository that has a working tree")
    base = head_id(git)
    unmerged = sorted({shown(record.partition(b"\t")[2]) for record in git.records("ls-files", "--unmerged", "-z")})
    notes = (f"in conflict, so not staged: {listed(unmerged)}",) if unmerged else ()
    command = staged_since(base or empty_tree(git))
    return _compared(
        git, command, partial(Revision.of_index, git), "staged changes", base=base, head=None, notes=notes, count=True
    )


def _uncommitted_or_last(git: Git) -> Target:
    """Resolve the absence of arguments. A bare repository has no changes, so it has its last commit."""
    head = head_id(git)
    with suppress(NothingToDo):
        return _uncommitted(git, head)
    if head is None:
        raise NothingToDo("the repository has no commit and no file")
    return _commit(git, head)


def _uncommitted(git: Git, head: str | None) -> Target:
    if git.bare:
        raise NothingToDo("a bare repository has no uncommitted changes")
    tree = WorkingTree(git.folder, partial(repository_files, git))
    untracked = untracked_files(git)
    new = {path: new_file(git.folder, tree, path) for path in untracked.files}
    unread = [path for path, change in new.items() if change is None]
    notes = [f"can't be read: {listed(unread)}"] if unread else []
    if untracked.repositories:
        notes.append(f"repositories of their own, not looked at: {listed(untracked.repositories)}")
    if untracked.installed:
        notes.append(f"installed by tools and not tracked, not looked at: {listed(untracked.installed)}")
    return _compared(
        git,
        uncommitted_since(head or empty_tree(git)),
        lambda _: tree,
        "uncommitted changes",
        base=head,
        head=None,
        new=[change for change in new.values() if change is not None],
        notes=tuple(notes),
        count=True,
    )


def _compared(
    git: Git,
    command: Command,
    after: Callable[[Sequence[str]], Snapshot],
    description: str,
    *,
    base: str | None,
    head: str | None,
    new: Sequence[FileChange] = (),
    notes: tuple[str, ...] = (),
    count: bool = False,
) -> Target:
    """Return what `command` shows to have changed, together with `new`, untracked files.

    `after` makes the head side, given the paths that will be read first. `count` adds to the description how
    many files there are. Raises NothingToDo when nothing changed.
    """
    changes = changes_of(git, command)
    snapshot = after(tuple(change.path for change in changes))
    olds = tuple(change.old_path or change.path for change in changes if change.kind != "added")
    before = Revision.of_commit(git, base, olds) if base else None
    # A file that is no longer tracked and still there is gone and new at once; it is shown as what it is now.
    by_path = {change.path: change for change in (*with_hidden_lines(git, command, changes, before, snapshot), *new)}
    changes = tuple(by_path[path] for path in sorted(by_path) if path != DECISIONS)
    if not changes:
        but = f" but {DECISIONS}" if DECISIONS in by_path else ""
        raise NothingToDo("; ".join((f"{description}: nothing changed{but}", *notes)))
    return Target(
        root=git.folder,
        description=f"{description} ({counted(len(changes), 'file')})" if count else description,
        base=base,
        head=head,
        changes=changes,
        snapshot=snapshot,
        before=before,
        whole=False,
        paths=tuple(_text_paths(changes, snapshot)),
        notes=(*notes, *_notes(changes)),
    )


def _text_paths(changes: Iterable[FileChange], snapshot: Snapshot) -> Iterator[str]:
    """Yield the text files that are there after the changes."""
    for change in changes:
        gone = change.kind == "deleted" or change.new_mode in {SYMLINK_MODE, SUBMODULE_MODE}
        if gone or change.binary or change.submodule:
            continue
        if change.hunks or snapshot.read(change.path) is not None:
            yield change.path


def _notes(changes: Iterable[FileChange]) -> Iterator[str]:
    """Yield what is said of changes of which no line is looked at."""
    binary = [change.path for change in changes if change.binary and change.kind != "deleted"]
    submodules = [change.path for change in changes if change.submodule]
    if binary:
        yield f"binary or too large, not looked at: {listed(binary)}"
    if submodules:
        yield f"submodules, their files not looked at: {listed(submodules)}"


def _diff(text: str, git: Git | None, cwd: Path) -> Target:
    """Resolve the text of a diff, whose names are relative to the repository's top or, if they fit better, to `cwd`."""
    parsed = parse_diff(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    if not parsed and text.strip():
        raise TargetError("there is no change in the diff: is it a unified diff?")
    root = cwd.resolve() if git is None or git.bare else git.folder
    lister = partial(folder_files, root) if git is None or git.bare else partial(repository_files, git)
    changes = _placed([change for change in parsed if not is_own(change.path)], root, cwd.resolve())
    if not changes:
        raise NothingToDo("the diff is empty")
    tree = WorkingTree(root, lister)
    patched = Patched(tree, changes)
    snapshot = tree if patched.at_head else patched
    changes = tuple(change for change in changes if change.path != DECISIONS)
    if not changes:
        raise NothingToDo(f"the diff changes nothing but {DECISIONS}")
    return Target(
        root=root,
        description=f"a diff of {counted(len(changes), 'file')}",
        base=None,
        head=None,
        changes=changes,
        snapshot=snapshot,
        before=None,
        whole=False,
        paths=tuple(_text_paths(changes, snapshot)),
        notes=(*patched.notes, *_notes(changes)),
    )


def _placed(changes: Sequence[FileChange], root: Path, cwd: Path) -> tuple[FileChange, ...]:
    """Return the changes with paths from `root`, in their order."""

    def fits(folder: Path) -> int:
        return sum(os.path.lexists(folder / os_path(change.path)) for change in changes)

    ordered = sorted(changes, key=lambda change: change.path)
    if cwd == root or fits(root) >= fits(cwd):
        return tuple(ordered)
    below = shown(os.fsencode(cwd.relative_to(root)))
    moved = [(change, change.old_path and f"{below}/{change.old_path}") for change in ordered]
    return tuple(replace(change, path=f"{below}/{change.path}", old_path=old) for change, old in moved)
