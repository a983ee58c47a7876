"""`fanfold fix`: suggestions applied to the working tree, each with the patch that takes it back."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from fanfold.cli.config import repository_root
from fanfold.cli.products import write_whole
from fanfold.cli.report import saved_run
from fanfold.cli.runs import latest_of
from fanfold.cli.session import EXIT_DONE, EXIT_INCOMPLETE, EXIT_NOTHING
from fanfold.cli.streams import printable
from fanfold.engine.folder import FOLDER, refuse_link
from fanfold.engine.runs import run_folder
from fanfold.errors import OutputError, TargetError, UsageError
from fanfold.models import Finding, Occurrence, Run
from fanfold.reports.amounts import count
from fanfold.reports.filters import place
from fanfold.skills import CODE_REVIEW
from fanfold.skills.code_review.fixes import Fix, Fixed, fixed
from fanfold.sources.changes import changes_of, uncommitted_since
from fanfold.sources.files import load
from fanfold.sources.git import Git
from fanfold.sources.revisions import head_id
from fanfold.sources.text import is_own, os_path, shown

_ID = re.compile(r"(F\d{1,9})(?:-(\d{1,9}))?")
_ALL = "all"
_UNREADABLE = "it is no longer a regular file that can be read"


@click.command()
@click.argument("words", nargs=-1, metavar="[RUN] [ID]…")
@click.option(
    "--force", is_flag=True, help="Also in files that have changed since the review, where the lines are found."
)
@click.option("--dry-run", is_flag=True, help="Print the patch; change nothing.")
def fix(words: Sequence[str], *, force: bool, dry_run: bool) -> int:
    """Apply suggestions of a review to the working tree.

    RUN is a run's id, the start of one, a run.json, or nothing for the latest review; ID is that of a finding, as in
    `fanfold fix F1 F3`; F1-2 is its second place alone. Without one, all suggestions are applied whose findings the
    change brought. What `fanfold fix` does to a file can be taken back by the `git apply -R` that it prints.
    """
    run, ids = _run_and_ids(words)
    return apply_suggestions(run, ids, repository_root(Path.cwd()), force=force, dry_run=dry_run)


def _run_and_ids(words: Sequence[str]) -> tuple[Run, tuple[str, ...]]:
    split = [part for word in words for part in word.split(",") if part]
    names = [word for word in split if not _is_id(word)]
    if len(names) > 1 or (names and split[0] != names[0]):
        raise UsageError(f"{names[-1]!r} is no finding's id such as F1, and a run is named first and once")
    ids = tuple(dict.fromkeys(word.upper() for word in split if _is_id(word) and word.lower() != _ALL))
    return saved_run(names[0] if names else latest_of(CODE_REVIEW.name)), ids


def _is_id(word: str) -> bool:
    return _ID.fullmatch(word.upper()) is not None or word.lower() == _ALL


@dataclass(frozen=True, slots=True)
class _Part:
    """What is suggested for one place: `id` is the finding's or, for its further places, F1-2, F1-3 and so on."""

    id: str
    of: Finding
    at: Finding | Occurrence
    fix: Fix | None

    @property
    def text(self) -> str:
        return printable(f"{place(self.at)} {self.of.title}")


@dataclass(slots=True)
class _Result:
    """What became of the chosen suggestions; `words` are what else a person should know."""

    applied: list[_Part] = field(default_factory=list)
    already: list[_Part] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def apply_suggestions(
    run: Run, ids: Sequence[str], root: Path, *, force: bool = False, dry_run: bool = False, err: bool = False
) -> int:
    """Apply the suggestions of findings to the files below `root`, and say what was done; `err` says it on stderr.

    Without `ids`, those of all findings that stand. Returns the exit code. Raises UsageError for an unknown id,
    OutputError when a file can't be written: each is there whole, and what was applied before it stays.
    """
    parts = _parts(run)
    chosen = _chosen(run, parts, ids)
    if not chosen:
        click.echo("fanfold: the run suggests nothing", err=True)
        return EXIT_NOTHING
    uncommitted = _uncommitted(root, [part.at.path for part in chosen])
    result = _Result()
    by_path: defaultdict[str, list[_Part]] = defaultdict(list)
    for part in chosen:
        by_path[part.at.path].append(part)
    for path, there in by_path.items():
        made = _applied(root, path, there, _earlier(run, root, parts, path), result, force=force)
        if made and not dry_run:
            _write(run, root, path, made)
        if made and path in uncommitted:
            result.words.append(f"{printable(path)} has changes that are not committed; they are kept")
    _tell(run, result, root, dry_run=dry_run, err=err)
    return EXIT_INCOMPLETE if result.problems else EXIT_DONE


def _parts(run: Run) -> list[_Part]:
    """Return all that is suggested, in the order of the report."""
    parts = []
    for finding in run.findings:
        name = _ID.fullmatch(finding.id)
        places: tuple[Finding | Occurrence, ...] = (finding, *finding.also)
        for number, at in enumerate(places, 1):
            if at.suggestion and name and not name[2]:
                label = finding.id if number == 1 else f"{finding.id}-{number}"
                parts.append(_Part(label, finding, at, Fix.of(label, at.path, at.suggestion)))
    return parts


def _chosen(run: Run, parts: Sequence[_Part], ids: Sequence[str]) -> list[_Part]:
    """Return the parts that the ids mean: of a finding's, all."""
    if not ids:
        return [part for part in parts if part.of.stands]
    for wanted in ids:
        if not any(wanted in {part.id, part.of.id} for part in parts):
            known = any(finding.id == wanted for finding in run.findings)
            what = f"{wanted} has no suggestion" if known else f"the run has no finding {wanted}"
            have = ", ".join([part.id for part in parts][:20]) or "none"
            raise UsageError(f"{what}; those with one: {have}")
    return [part for part in parts if part.id in ids or part.of.id in ids]


def _applied(
    root: Path, path: str, parts: Sequence[_Part], earlier: Sequence[Fix], result: _Result, *, force: bool
) -> Fixed | None:
    """Apply suggestions to the content of one file, and note what came of it; None when it does not change."""
    fixes = [part.fix for part in parts if part.fix]
    result.problems |= {part.id: "its suggestion is no diff of its file" for part in parts if not part.fix}
    data = None if is_own(path) else load(root, path)
    if data is None or not fixes:
        result.problems |= {fix.id: _UNREADABLE for fix in fixes}
        return None
    made = fixed(data, fixes, earlier, force=force)
    result.problems |= made.problems
    result.already += [part for part in parts if part.id in made.present]
    result.applied += [part for part in parts if part.id in made.patches]
    result.steps += made.steps
    return made if made.patches else None


def _earlier(run: Run, root: Path, parts: Sequence[_Part], path: str) -> list[Fix]:
    """Return the suggestions that may have been applied to a file before: their patches were kept."""
    kept = root / FOLDER / "runs" / run.id / "fixes"
    fixes = (part.fix for part in parts if part.fix and part.at.path == path)
    return [fix for fix in fixes if (kept / f"{fix.id}.patch").is_file()]


def _write(run: Run, root: Path, path: str, made: Fixed) -> None:
    """Keep the patches, then change the file."""
    try:
        folder = run_folder(root / FOLDER, run.id) / "fixes"
        refuse_link(folder)
        folder.mkdir(exist_ok=True)
        for name, patch in made.patches.items():
            write_whole(folder / f"{name}.patch", patch.encode("utf-8", "surrogateescape"))
    except (OSError, ValueError) as error:
        raise OutputError(f"the patches that take fixes back can't be kept: {error}") from error
    try:
        write_whole(root / os_path(path), made.after)
    except OSError as error:
        raise OutputError(f"{printable(path)}: can't be written: {error.strerror or error}") from error


def _uncommitted(root: Path, paths: Sequence[str]) -> frozenset[str]:
    """Return which of the files hold what is in no commit; outside of a repository, none is said to."""
    try:
        git = Git.at(root)
        base = head_id(git) if git and not git.bare else None
        if git is None or base is None:
            return frozenset()
        tracked = [change.path for change in changes_of(git, uncommitted_since(base), paths)]
        untracked = git.records("ls-files", "--others", "-z", "--", *map(os_path, paths))
        return frozenset([*tracked, *map(shown, untracked)])
    except TargetError:
        return frozenset()


# -- what is said


def _tell(run: Run, result: _Result, root: Path, *, dry_run: bool, err: bool) -> None:
    """Say on stdout what was applied and how it is taken back, or print the patch; the rest on stderr."""
    if dry_run:
        click.echo("".join(result.steps).encode("utf-8", "surrogateescape"), nl=False)
    else:
        for part in result.applied:
            click.echo(f"{part.id} applied: {part.text}", err=err)
            click.echo(f"   undo: {_undo(run, root, part)}", err=err)
    for part in result.already:
        click.echo(f"{part.id} is applied already: {part.text}", err=True)
    for name, why in result.problems.items():
        click.echo(f"fanfold: {name} is not applied: {why}", err=True)
    for word in result.words:
        click.echo(f"fanfold: {word}", err=True)
    verb = "would be applied" if dry_run else "applied"
    click.echo(f"fanfold: {count(len(result.applied), 'suggestion')} {verb}", err=True)


def _undo(run: Run, root: Path, part: _Part) -> str:
    patch = Path(FOLDER) / "runs" / run.id / "fixes" / f"{part.id}.patch"
    inside = Path.cwd().resolve() == root.resolve()
    where: Mapping[bool, Sequence[str]] = {True: (), False: ("-C", str(root))}
    return shlex.join(["git", *where[inside], "apply", "-R", str(patch)])
