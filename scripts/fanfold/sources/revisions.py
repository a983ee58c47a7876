"""What names of commits, branches and ranges stand for. Everything behind this works on full ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from fanfold.errors import NothingToDo, TargetError
from fanfold.sources.git import Git, GitFailed
from fanfold.sources.text import printable

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONGEST_SUBJECT = 72
_SHORT = 7
_ASKED_REFS = 2000  # how many names are compared with a misspelt one


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `parent` is its first one, None for a root commit, and `merge` says that it has others."""

    id: str
    subject: str
    parent: str | None
    merge: bool

    def __str__(self) -> str:
        return f"{short(self.id)} {self.subject}".rstrip()


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between two commits; `commits` are those of the head that the base does not have."""

    name: str
    base: str
    head: str
    commits: int


def short(commit: str) -> str:
    """Return the id as people write it."""
    return commit[:_SHORT]


def head_id(git: Git) -> str | None:
    """Return the id of the commit that is checked out, None when there is no commit yet."""
    return revision_id(git, "HEAD")


def revision_id(git: Git, name: str) -> str | None:
    """Return the full id of the commit that `name` stands for, None when it stands for nothing.

    Raises TargetError for a name that stands for something else than one commit, or for several.
    """
    found = _verified(git, name)
    if found is None:
        return None
    commit = _verified(git, f"{found}^{{commit}}") if _ID.fullmatch(found) else None
    if commit is None:
        raise TargetError(f"{name!r} is not a commit: name a commit, a branch or a range A..B")
    return commit


def _verified(git: Git, name: str) -> str | None:
    if "\0" in name:
        return None
    try:
        return git.text("rev-parse", "--verify", "--end-of-options", name)
    except GitFailed as error:
        if "Needed a single revision" in error.reason or "expected commit type" in error.reason:
            return None
        raise TargetError(f"{name!r} can't be resolved: {error.reason}") from error


def commit_of(git: Git, commit: str) -> Commit:
    """Return what is to be known of a commit, given by its full id.

    Raises TargetError where a shallow clone ends: what the commit changed can't be told there.
    """
    told = git.text("rev-list", "--no-walk", "--format=%P%x00%s", commit).partition("\n")[2]
    listed, _, subject = told.partition("\0")
    parents = listed.split()
    if not parents and git.shallow and _has_parent(git, commit):
        raise TargetError(
            f"this shallow clone ends at {short(commit)}, and what that commit changed can't be told: "
            "git fetch --deepen 1, or name the paths to look at"
        )
    return Commit(commit, _subject(subject), parents[0] if parents else None, merge=len(parents) > 1)


def _has_parent(git: Git, commit: str) -> bool:
    """Tell whether the commit itself names a parent, whether or not that is here."""
    return b"\nparent " in git.run("cat-file", "commit", commit).partition(b"\n\n")[0]


def _subject(text: str) -> str:
    text = printable(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    return text if len(text) <= _LONGEST_SUBJECT else f"{text[: _LONGEST_SUBJECT - 1]}…"


def empty_tree(git: Git) -> str:
    """Return the id of the tree without files, which git knows whether or not it is stored."""
    return git.text("hash-object", "-t", "tree", "--stdin")


def range_of(git: Git, name: str) -> Span | None:
    """Return what `A..B` or `A...B` spans; None when `name` is no range, or a side of it stands for nothing.

    As in `git diff`, two dots compare A with B, and three dots compare B with where it forked from A. A side
    that is left out is HEAD.
    """
    dots = "..." if "..." in name else ".."
    left, found, right = name.partition(dots)
    if not found or not (left or right):
        return None
    ends = [revision_id(git, side or "HEAD") for side in (left, right)]
    if ends[0] is None or ends[1] is None:
        return None
    base, head = ends[0], ends[1]
    if dots == "...":
        fork = merge_base(git, base, head)
        if fork is None:
            raise TargetError(f"{name}: the two share no commit{_cut_off(git)}; compare them with '..'")
        base = fork
    return Span(name, base, head, _count(git, base, head))


def merge_base(git: Git, a: str, b: str) -> str | None:
    """Return the best common ancestor of two commits, None when there is none."""
    bases = git.run_or("merge-base", a, b, otherwise=1)
    return bases.decode().split("\n", 1)[0] if bases else None


def _cut_off(git: Git) -> str:
    return " in what this shallow clone has (git fetch --unshallow)" if git.shallow else ""


def _count(git: Git, base: str, head: str) -> int:
    return int(git.text("rev-list", "--count", f"{base}..{head}"))


def branch_ref(git: Git, name: str) -> str | None:
    """Return the full name of the branch that `name` is, None when it is none. HEAD is the commit, not its branch."""
    if name in {"HEAD", "@"}:
        return None
    ref = _symbolic(git, name)
    return ref if ref.startswith(("refs/heads/", "refs/remotes/")) else None


def _symbolic(git: Git, name: str) -> str:
    try:
        return git.text("rev-parse", "--verify", "--symbolic-full-name", "--end-of-options", name)
    except GitFailed:
        return ""


def branch_span(git: Git, ref: str, head: str) -> Span | None:
    """Return what a branch holds since it forked; None when it is the default branch, or there is none to fork from.

    It forked from its upstream, unless that is only its own copy at a remote; else from the default branch:
    where origin/HEAD points, or `init.defaultBranch`, main, master, the first that exists. The default branch
    counts both as it is here and at origin: the fork is where the fewer commits follow, as either copy may be
    out of date. Raises NothingToDo for a branch that is merged.
    """
    spans = []
    parents = _fork_refs(git, ref)
    for parent in parents:
        name = f"{branch_name(parent)}...{branch_name(ref)}"
        base = merge_base(git, parent, head)
        if base is not None:
            spans.append(Span(name, base, head, _count(git, base, head)))
    if parents and not spans:
        other = branch_name(parents[0])
        raise TargetError(f"{branch_name(ref)} and {other} share no commit{_cut_off(git)}; name a range A..B")
    if spans and not any(span.commits for span in spans):
        what = spans[0].name.replace("...", " has every commit of ")
        raise NothingToDo(f"{what}; for the last one, name it: {short(head)}")
    return min((span for span in spans if span.commits), key=lambda span: span.commits, default=None)


def branch_name(ref: str) -> str:
    """Return a full reference as people write it."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def _fork_refs(git: Git, ref: str) -> tuple[str, ...]:
    own = _own_name(ref)
    upstream = _symbolic(git, f"{branch_name(ref)}@{{upstream}}") if ref.startswith("refs/heads/") else ""
    if upstream and _own_name(upstream) != own:
        return (upstream,)
    for name in _default_names(git):
        if name == own:
            return ()
        existing = [place for place in (f"refs/heads/{name}", f"refs/remotes/origin/{name}") if _symbolic(git, place)]
        if existing:
            return tuple(existing)
    return ()


def _default_names(git: Git) -> Iterable[str]:
    pointed = _symbolic(git, "refs/remotes/origin/HEAD")
    configured = git.run_or("config", "--get", "init.defaultBranch", otherwise=1)
    names = (_own_name(pointed), configured.decode("utf-8", "replace").strip(), "main", "master")
    return dict.fromkeys(name for name in names if name)


def _own_name(ref: str) -> str:
    """Return a branch's name without where it is: `fix/it` of refs/heads/fix/it and of refs/remotes/origin/fix/it."""
    if ref.startswith("refs/remotes/"):
        return ref.removeprefix("refs/remotes/").partition("/")[2]
    return ref.removeprefix("refs/heads/")


def nearest(git: Git | None, name: str, files: Iterable[str]) -> str | None:
    """Return the branch, tag or file whose name is closest to a misspelt one, None when none is close."""
    known = list(files)
    if git is not None:
        known += git.text("for-each-ref", f"--count={_ASKED_REFS}", "--format=%(refname:short)").split("\n")
    close = get_close_matches(name, known, 1)
    return close[0] if close else None
