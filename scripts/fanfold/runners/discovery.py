"""Find the test suites of a repository from the names of its files, and from settings; no code of it is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from fanfold.runners import RUNNERS, SIGNS, load
from fanfold.runners.base import Listing
from fanfold.sources.files import folder_files, repository_files
from fanfold.sources.files import load as load_file
from fanfold.sources.git import Git
from fanfold.sources.text import decode
from fanfold.suites import Suite


def listing_of(root: Path) -> Listing:
    """Return what discovery may see of the folder `root`: files that are tracked or not ignored. Raises TargetError."""
    git = Git.at(root)
    whole = git is not None and not git.bare and git.folder == root.resolve()
    paths = repository_files(git) if git is not None and whole else folder_files(root)
    texts: dict[str, str | None] = {}

    def read(path: str) -> str | None:
        if path not in texts:
            data = load_file(root, path)
            texts[path] = decode(data) if data is not None else None
        return texts[path]

    return Listing(root, paths, read)


def discover(listing: Listing, frameworks: Iterable[str] = tuple(RUNNERS)) -> tuple[Suite, ...]:
    """Return all suites, in the order of their folders and frameworks, each with a name of its own."""
    seen = _signs(listing)
    asked = [name for name in frameworks if name not in SIGNS or not SIGNS[name].isdisjoint(seen)]
    found = [suite for name in asked for suite in load(name).detect(listing)]
    order = sorted(
        found, key=lambda suite: (PurePosixPath(suite.folder).parts, suite.framework, suite.name, suite.paths)
    )
    return with_unique_names(order)


def _signs(listing: Listing) -> set[str]:
    """Return the names of all files, and their endings with the dot."""
    names = {path.rpartition("/")[2] for path in listing.paths}
    return names | {f".{name.rpartition('.')[2]}" for name in names}


def with_unique_names(suites: Sequence[Suite]) -> tuple[Suite, ...]:
    """Give suites of one name different ones, by the least that tells them apart.

    Tried in turn: the name alone, with its framework, with the last part of its folder, with all of its folder, with a
    number.
    """
    names = [_names(suite) for suite in suites]
    chosen: list[str | None] = [None] * len(suites)
    for step in range(len(_names(suites[0])) if suites else 0):
        taken = {name for name in chosen if name}
        counts = Counter(options[step] for options, name in zip(names, chosen, strict=True) if name is None)
        for at, options in enumerate(names):
            if chosen[at] is None and counts[options[step]] == 1 and options[step] not in taken:
                chosen[at] = options[step]
    return tuple(_named(suite, name, at) for at, (suite, name) in enumerate(zip(suites, chosen, strict=True)))


def _names(suite: Suite) -> tuple[str, ...]:
    parts = [part for part in PurePosixPath(suite.folder).parts if part != "."]
    kind = suite.name if suite.name.startswith(suite.framework) else f"{suite.framework}-{suite.name}"
    paths = [part for path in suite.paths[:1] for part in PurePosixPath(path).parts]
    return (
        suite.name,
        kind if not parts else "-".join((*parts[-1:], suite.name)),
        "-".join((*parts[-1:], kind)),
        "-".join((*parts, kind)),
        "-".join((*parts, kind, *paths)),
    )


def _named(suite: Suite, name: str | None, at: int) -> Suite:
    return suite.model_copy(update={"name": name or f"{_names(suite)[-1]}-{at + 1}"})
