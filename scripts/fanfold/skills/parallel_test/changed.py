"""`--changed`: the tests that import what changed, and more where that can't be told.

Conservative, in this order. What is documentation matters to no test. A source file of another language matters to the
suites whose folder it lies in. Any other file that is not Python (settings, data, a lock file) may be read by any test,
so all run. A Python file matters to the Python tests that import it, directly or not, and to other suites only when it
lies in their folder. A suite that is not Python's is run whole or not at all. Which rule took more than imports say is
in the notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fanfold.errors import TargetError
from fanfold.runners.base import Listing
from fanfold.runners.sight import is_below, join
from fanfold.runners.tools import PYTHON
from fanfold.skills.parallel_test.imports import ImportGraph, import_graph
from fanfold.sources.changes import between, changes_of, uncommitted_since
from fanfold.sources.files import untracked_files
from fanfold.sources.git import Git
from fanfold.sources.revisions import commit_of, empty_tree, head_id, merge_base, nearest, revision_id
from fanfold.sources.text import counted, listed
from fanfold.suites import Suite

_DOCUMENTS = (".md", ".rst", ".adoc")
_DOCUMENT_NAMES = frozenset({"LICENSE", "LICENCE", "COPYING", "AUTHORS", "CODEOWNERS", ".gitignore", ".editorconfig"})
_TESTS = frozenset({"test", "tests", "testing", "spec", "__tests__"})
_SOURCES = (
    *(".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte", ".css", ".scss", ".html"),
    *(".go", ".rs", ".java", ".kt", ".kts", ".scala", ".groovy", ".rb", ".php", ".cs", ".fs", ".vb", ".bats"),
    *(".c", ".h", ".cc", ".cpp", ".hpp", ".swift"),
)


@dataclass(frozen=True, slots=True)
class ChangedTests:
    """The test files that are to run, by suite: None for all of the suite, an empty set for nothing of it."""

    files: Mapping[str, frozenset[str] | None]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reasons:
    """Why suites run whole, by suite."""

    whole: dict[str, str] = field(default_factory=dict)

    def add(self, suite: Suite, why: str) -> None:
        self.whole.setdefault(suite.name, why)


def changed_tests(listing: Listing, changed: Iterable[str], suites: Sequence[Suite]) -> ChangedTests:
    """Return the tests that what changed may matter to; `changed` are paths, also of what is no longer there."""
    paths = [path for path in sorted(set(changed)) if not _is_document(path)]
    python = [path for path in paths if path.endswith(".py")]
    reasons = _Reasons()
    for suite in suites:
        _whole_for(suite, [path for path in paths if not path.endswith(".py")], reasons)
    graph = import_graph(listing, python) if python else ImportGraph({})
    reached = graph.dependents(python) if python else frozenset[str]()
    files = {
        suite.name: _files_of(suite, python, reached, reasons, doctests=_has_doctests(suite, listing))
        for suite in suites
    }
    return ChangedTests(files, tuple(_notes(paths, reasons, graph, python)))


def _has_doctests(suite: Suite, listing: Listing) -> bool:
    settings = listing.read(suite.found_by) if suite.found_by in listing.known else None
    return any("doctest" in text for text in (settings or "", *suite.arguments))


def _is_document(path: str) -> bool:
    """Tell whether a file is written for people; below a folder of tests it may be data."""
    *folders, name = path.split("/")
    document = path.endswith(_DOCUMENTS) or name in _DOCUMENT_NAMES
    return document and not _TESTS.intersection(folders)


def _whole_for(suite: Suite, paths: Iterable[str], reasons: _Reasons) -> None:
    for path in paths:
        if not path.endswith(_SOURCES):
            reasons.add(suite, f"{path} changed, and any test may read it")
        elif is_below(path, suite.folder):
            reasons.add(suite, f"{path} changed, and it lies in {suite.folder}")


def _files_of(
    suite: Suite, python: Sequence[str], reached: frozenset[str], reasons: _Reasons, *, doctests: bool
) -> frozenset[str] | None:
    is_python = suite.framework in PYTHON
    inside = next((path for path in python if is_below(path, suite.folder)), None)
    if inside and not is_python:
        reasons.add(suite, f"{inside} changed, and imports are followed in Python's suites alone")
    if suite.name in reasons.whole:
        return None
    known = {join(suite.folder, path) for path in suite.files}
    # Where no test is reached the suite is left out, unless any module may hold one, in its docstrings.
    runs = is_python and (bool(reached & known) or not known or doctests)
    return reached if runs else frozenset()


def _notes(paths: Sequence[str], reasons: _Reasons, graph: ImportGraph, python: Sequence[str]) -> Iterable[str]:
    yield f"{counted(len(paths), 'changed file')} may matter to tests; imports are followed by name, in Python alone"
    for why in dict.fromkeys(reasons.whole.values()):
        names = [name for name, said in reasons.whole.items() if said == why]
        yield f"all of {listed(names)}: {why}"
    if python and graph.wild:
        shown = listed([f"{path} ({why})" for path, why in sorted(graph.wild.items())])
        yield f"what these files import can't be told, so whatever imports them runs: {shown}"


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths that changed, both names of a renamed file among them; `since` says which change that is."""

    paths: tuple[str, ...]
    since: str


def changed_paths(root: Path, base: str | None) -> Changes:
    """Return the files that changed since the fork from `base`, uncommitted and untracked ones included.

    Without a base: the uncommitted ones, or those of the last commit when there are none.

    Raises:
        TargetError: no repository, or no such commit.
    """
    git = Git.at(root)
    if git is None or git.bare:
        raise TargetError("--changed needs a git repository with a working tree")
    head = head_id(git)
    since = _base(git, base, head) if base else head or empty_tree(git)
    paths = [*_both(git, uncommitted_since(since)), *untracked_files(git).files]
    what = f"changed since the fork from {base}" if base else "is not committed"
    if not paths and base is None and head is not None:
        what = f"the last commit changed ({head[:9]}), as nothing is uncommitted"
        parent = commit_of(git, head).parent or empty_tree(git)
        paths = _both(git, between(parent, head))
    return Changes(tuple(sorted(set(paths))), what)


def _both(git: Git, command: tuple[str, ...]) -> list[str]:
    return [path for change in changes_of(git, command) for path in (change.path, change.old_path) if path]


def _base(git: Git, name: str, head: str | None) -> str:
    commit = revision_id(git, name)
    if commit is None:
        near = nearest(git, name, ())
        raise TargetError(f"--changed: there is no commit {name!r}{f'; did you mean {near!r}?' if near else ''}")
    return (merge_base(git, commit, head) if head else None) or commit
