"""The target's history: which commits there are up to its head, what one of them changed, who wrote a line.

Nothing of what git itself says in an error reaches a sub-agent: a hostile configuration can make it quote any file
(`blame.ignoreRevsFile`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from fanfold.agents.tools.base import Answer, Arguments, Lines, Tool
from fanfold.agents.tools.read_file import numbered
from fanfold.agents.tools.scope import Scope
from fanfold.agents.tools.watch import ToolError, Watch
from fanfold.agents.tools.wording import clipped, echo, named
from fanfold.sources.blame import blame, commits_of_lines
from fanfold.sources.change import FileChange
from fanfold.sources.changes import between, changes_of
from fanfold.sources.git import Git, GitFailed
from fanfold.sources.revisions import commit_of, empty_tree, revision_id, short
from fanfold.sources.secrets import mask, read_out
from fanfold.sources.snapshot import Revision
from fanfold.sources.text import counted, is_inside, is_own, os_path, printable, shown, split_lines

_MOST_COMMITS = 100
_MOST_LINES = 200
_MOST_FILES = 200
_LONGEST_MESSAGE = 4000
_COMMIT = re.compile(r"[0-9a-f]{4,64}", re.IGNORECASE)


class GitLog(Arguments):
    """Which commits."""

    path: str = Field(
        default="",
        max_length=4096,
        description="Only commits that changed this file or folder, as it is called now or was then.",
    )
    count: int = Field(default=20, ge=1, le=_MOST_COMMITS, description="How many commits.")
    skip: int = Field(default=0, ge=0, le=1_000_000, description="How many of the newest are left out.")


def git_log(scope: Scope, asked: GitLog, watch: Watch) -> Answer:
    """Return commits, the newest first: id, date, author and subject."""
    git, head = scope.history(watch)
    path = asked.path.removeprefix("./").removesuffix("/")
    if path and not is_inside(path):
        raise ToolError(f"{echo(asked.path)}: paths are relative to the target's root and stay inside it")
    told = git.run(
        "rev-list",
        f"--max-count={asked.count + 1}",
        f"--skip={asked.skip}",
        "--format=%h%x00%as%x00%an%x00%s",
        head,
        "--",
        *([os_path(path)] if path else []),
    )
    lines = told.decode("utf-8", "replace").split("\n")[1::2]
    log = Lines()
    for line in lines[: asked.count]:
        if not log.add(clipped(printable(" ".join(line.split("\0"))))):
            break
    shown_now = len(log.lines)
    cut = len(lines) > shown_now
    more = f"; more with skip={asked.skip + shown_now}" if cut else ""
    return Answer(str(log), f"{counted(shown_now, 'commit')}{more}.", cut)


class GitShow(Arguments):
    """Which commit, and of it which file."""

    commit: str = Field(
        max_length=64, description="The commit's id, or its beginning, as git_log and git_blame say it."
    )
    path: str = Field(default="", max_length=4096, description="Only what it changed in this file.")


def git_show(scope: Scope, asked: GitShow, watch: Watch) -> Answer:
    """Return a commit's message and what it changed against its first parent."""
    git, head = scope.history(watch)
    commit = _ancestor(git, head, asked.commit)
    about = commit_of(git, commit)
    base = about.parent or empty_tree(git)
    names = _changed(git, base, commit)
    wanted = [pair for pair in names if asked.path.removeprefix("./") in {"", *pair}]
    if asked.path and not wanted:
        raise ToolError(f"{short(commit)} did not change {echo(asked.path)}")
    out = Lines()
    out.extend(_message(git, commit))
    sides = Sides(Revision.of_commit(git, base), Revision.of_commit(git, commit))
    shown_now = 0
    for pair in wanted:
        if watch.late or not _add_file(git, out, sides, (base, commit), pair):
            break
        shown_now += 1
    notes = [f"{short(commit)} changed {counted(len(names), 'file')}"]
    if about.merge:
        notes.append("it is a merge, shown against its first parent")
    if shown_now < len(wanted):
        notes.append(f"cut in number {shown_now + 1} of {len(wanted)}: ask for one file with `path`")
    return Answer(str(out), f"{'; '.join(notes)}.", shown_now < len(wanted))


def _message(git: Git, commit: str) -> Iterator[str]:
    """Yield when and by whom a commit was made, and its message, of a long one the beginning."""
    told = git.run("rev-list", "--no-walk", "--format=%as %an%n%n%B", commit).decode("utf-8", "replace")
    _, _, text = mask(told).partition("\n")
    for line in text.rstrip()[:_LONGEST_MESSAGE].split("\n"):
        yield clipped(printable(line)) if line.strip() else ""
    if len(text) > _LONGEST_MESSAGE:
        yield "[the message goes on]"


def _changed(git: Git, base: str, commit: str) -> list[tuple[str, str]]:
    """Return the files that differ, each by its name before and after."""
    told = git.run("diff-tree", "-r", "-z", "--name-status", "--find-renames=50%", base, commit)
    fields = iter(shown(field) for field in told.split(b"\0") if field)
    pairs = []
    for status in fields:
        old = next(fields)
        pairs.append((old, next(fields) if status[0] in "RC" else old))
    return [pair for pair in pairs if not any(map(is_own, pair))]


def _add_file(git: Git, out: Lines, sides: Sides, commits: tuple[str, str], pair: tuple[str, str]) -> bool:
    """Add what changed in a file; False when not all of it fits."""
    changes = changes_of(git, between(*commits), dict.fromkeys(pair))
    return all(out.add(line) for change in changes for line in _lines_of(change, sides))


def _lines_of(change: FileChange, sides: Sides) -> Iterator[str]:
    """Yield a change as a unified diff, its lines as the masked files have them."""
    was = f" (was {named(change.old_path)})" if change.old_path else ""
    yield f"{change.kind}: {named(change.path)}{was}"
    lines = sides.lines(change)
    if lines is None:
        yield "[it holds secrets, so it is not shown]"
        return
    if change.binary:
        yield "[binary or too large]"
    for hunk in change.hunks:
        yield f"@@ -{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count} @@"
        for line in hunk.lines:
            side, number = (lines[1], line.new) if line.new is not None else (lines[0], line.old)
            text = side[number - 1] if number is not None and number <= len(side) else mask(line.text)
            yield f"{line.kind}{clipped(text)}"


_NOBODY = "0" * 40


@dataclass(frozen=True, slots=True)
class Sides:
    """The files before and after a commit, their secrets masked."""

    before: Revision
    after: Revision

    def lines(self, change: FileChange) -> tuple[list[str], list[str]] | None:
        """Return a file's lines on both sides; None when it holds secrets."""
        texts = []
        for side, path in ((self.before, change.old_path or change.path), (self.after, change.path)):
            text = read_out(path, side.read(path) or "")
            if text is None:
                return None
            texts.append(split_lines(text))
        return texts[0], texts[1]


class GitBlame(Arguments):
    """Which lines of which file."""

    path: str = Field(max_length=4096, description="The file, as list_files names it.")
    first: int = Field(default=1, ge=1, le=2**31, description="The first line, from 1.")
    count: int = Field(default=40, ge=1, le=_MOST_LINES, description="How many lines.")


def git_blame(scope: Scope, asked: GitBlame, watch: Watch) -> Answer:
    """Return lines below the commit that each is from."""
    git, _ = scope.history(watch)
    path, text = scope.text(asked.path)
    lines = split_lines(text)
    if asked.first > len(lines):
        raise ToolError(f"{echo(asked.path)} has {len(lines)} lines: line {asked.first} is behind its end")
    last = min(asked.first + asked.count - 1, len(lines))
    blamed = _blamed(scope, git, path, (asked.first, last))
    subjects = _subjects(git, set(blamed.values()))
    out = Lines()
    until, before = asked.first - 1, ""
    for number in range(asked.first, last + 1):
        commit = blamed.get(number, _NOBODY)
        heading = [subjects.get(commit, "(not committed)")] if commit != before else []
        if not out.extend([*heading, numbered(number, lines[number - 1], scope.added.get(path, ()))]):
            break
        until, before = number, commit
    cut = until < len(lines)
    more = f"; more with first={until + 1}" if cut else ""
    return Answer(str(out), f"Lines {asked.first} to {until} of {len(lines)}{more}.", cut)


def _blamed(scope: Scope, git: Git, path: str, lines: tuple[int, int]) -> dict[int, str]:
    """Return the commit that each line is from, by its number."""
    first_to_last = ("-L", "{},{}".format(*lines))
    if scope.target.head:
        return commits_of_lines(blame(git, path, *first_to_last, scope.target.head))
    return commits_of_lines(blame(git, path, *first_to_last, text=scope.target.snapshot.read(path) or ""))


def _subjects(git: Git, commits: set[str]) -> dict[str, str]:
    """Return what is said of each commit on one line."""
    known = sorted(commit for commit in commits if commit.strip("0"))
    if not known:
        return {}
    told = git.run("rev-list", "--no-walk", "--format=%H%x00%h %as %an: %s", *known).decode("utf-8", "replace")
    pairs = (line.partition("\0") for line in told.split("\n")[1::2])
    return {commit: clipped(printable(about)) for commit, _, about in pairs}


def _ancestor(git: Git, head: str, asked: str) -> str:
    """Return the full id of a commit that is part of the history. Raises ToolError for anything else."""
    commit = revision_id(git, asked) if _COMMIT.fullmatch(asked) else None
    if commit is not None:
        try:
            git.run("merge-base", "--is-ancestor", commit, head)
        except GitFailed:
            commit = None
    if commit is None:
        raise ToolError(f"{echo(asked)} is no commit of the history up to {short(head)}: take an id from git_log")
    return commit


LOG = Tool(
    "git_log",
    """List the commits that led to the revision under review, or those of them that changed a file, the newest
    first.""",
    GitLog,
    git_log,
)
SHOW = Tool(
    "git_show",
    """Show a commit: its message, and as a unified diff what it changed.""",
    GitShow,
    git_show,
)
BLAME = Tool(
    "git_blame",
    """Show lines of a file, as read_file does, each below the commit that it is from.""",
    GitBlame,
    git_blame,
)
