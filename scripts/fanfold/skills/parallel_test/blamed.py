"""What a bisection found, on the clusters: those of one commit and one changed definition in it are one cluster.

Where they come from one commit by different definitions, or by what can't be told, they stay apart, and each says which
others come from that commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fanfold.errors import TargetError
from fanfold.runners.base import Listing
from fanfold.skills.parallel_test.causes import Causes
from fanfold.skills.parallel_test.clusters import CHANGE
from fanfold.skills.parallel_test.imports import PythonFiles
from fanfold.sources.changes import between, changes_of
from fanfold.sources.git import Git
from fanfold.sources.revisions import commit_of, empty_tree
from fanfold.sources.snapshot import Revision
from fanfold.sources.text import listed
from fanfold.suites import Cluster, TestResult

_ASKED = 20
_SUSPECTS = 5

# Tells of a test which one definition of a commit's change it uses, as "path::name"; None when it is not one.
Uses = Callable[[TestResult], str | None]


@dataclass(frozen=True, slots=True)
class Bisected:
    """What was found of a cluster: `suspects` are lines for it, `said` is a sentence for the report.

    `commit` is the first bad one, in full, where it is one.
    """

    said: str
    suspects: tuple[str, ...] = ()
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class _Blamed:
    cluster: Cluster
    found: Bisected | None
    definition: str | None = None

    @property
    def commit(self) -> str | None:
        return self.found.commit if self.found else None


def blamed(
    clusters: Sequence[Cluster],
    found: Mapping[str, Bisected],
    why_not: Mapping[str, str],
    tests: Mapping[str, TestResult],
    uses: Callable[[str], Uses],
) -> tuple[tuple[Cluster, ...], tuple[str, ...]]:
    """Return the clusters with what was found in front of their suspects, numbered anew, and notes.

    `found` and `why_not` are by the clusters' ids; `uses` gives what tests use of a commit's change.
    """
    homes: dict[object, list[_Blamed]] = defaultdict(list)
    by_commit = {one.commit for one in found.values() if one.commit is not None}
    asked = {commit: uses(commit) for commit in by_commit if sum(f.commit == commit for f in found.values()) > 1}
    for cluster in clusters:
        one = _Blamed(cluster, found.get(cluster.id))
        if one.commit in asked:
            one = replace(one, definition=_definition(cluster, tests, asked[one.commit]))
        homes[(one.commit, one.definition) if one.definition else cluster.id].append(one)
    folded = sorted((_one(group) for group in homes.values()), key=lambda one: -len(one.cluster.tests))
    old = [one.cluster.id for one in folded]
    folded = [replace(one, cluster=_renamed(one.cluster, f"C{number}")) for number, one in enumerate(folded, 1)]
    notes = _notes(folded, [why_not.get(name) for name in old])
    return tuple(_with_suspects(one, folded) for one in folded), tuple(notes)


def _renamed(cluster: Cluster, name: str) -> Cluster:
    return cluster.model_copy(update={"id": name})


def _definition(cluster: Cluster, tests: Mapping[str, TestResult], uses: Uses) -> str | None:
    """Return the one definition that all tests of a cluster use."""
    used = {uses(tests[name]) for name in cluster.tests[:_ASKED]}
    return used.pop() if len(used) == 1 else None


def _one(group: Sequence[_Blamed]) -> _Blamed:
    """Make one cluster of those that are of one commit and one definition: the first, with the tests of all."""
    first = group[0]
    if len(group) == 1:
        return first
    clusters = [one.cluster for one in group]
    common = set(clusters[0].shared).intersection(*(one.shared for one in clusters))
    suspects = dict.fromkeys(place for one in clusters for place in one.suspects)
    merged = {
        "tests": tuple(name for one in clusters for name in one.tests),
        "shared": (f"{CHANGE}{first.definition}", *(trait for trait in clusters[0].shared if trait in common)),
        "suspects": tuple(suspects)[:_SUSPECTS],
        "explanation": next((one.explanation for one in clusters if one.explanation is not None), None),
    }
    return replace(first, cluster=first.cluster.model_copy(update=merged))


def _with_suspects(one: _Blamed, every: Sequence[_Blamed]) -> Cluster:
    if one.found is None:
        return one.cluster
    others = [other.cluster.id for other in every if other is not one and one.commit and other.commit == one.commit]
    also = f" ({listed(others)} too)" if others else ""
    suspects = (*(f"{what}{also}" for what in one.found.suspects), *one.cluster.suspects)
    return one.cluster.model_copy(update={"suspects": suspects})


def _notes(every: Sequence[_Blamed], why_not: Sequence[str | None]) -> Iterator[str]:
    for one, why in zip(every, why_not, strict=True):
        if one.found is not None:
            yield f"{one.cluster.id}: {one.found.said}"
        elif why:
            yield f"{one.cluster.id} was not bisected: {why}"


def uses_of(git: Git, commit: str) -> Uses:
    """Return what tells which definition that a commit changed a test uses, by the names in the commit's own files."""
    try:
        parent = commit_of(git, commit).parent or empty_tree(git)
        changes = {change.path: change for change in changes_of(git, between(parent, commit))}
    except TargetError:
        return lambda _: None
    revision = Revision.of_commit(git, commit)
    gone = [path for path, change in changes.items() if change.kind == "deleted"]
    causes = Causes(PythonFiles(Listing(git.folder, tuple(sorted(revision.paths())), revision.read), gone), changes)

    def uses(test: TestResult) -> str | None:
        # Lines of its stack are those of HEAD, and mean nothing at that commit.
        used = causes.used(test.model_copy(update={"attempts": (), "line": None}))
        return f"{used[0].path}::{used[0].name}" if len(used) == 1 else None

    return uses
