"""Labelled changes: what one line of a cases file says, and the repository that is built from it.

    {"id": "…", "repo": PATH or null, "base": "…", "head": "…", "diff": "…", "clean": false,
     "gt": [{"file": "a.py", "line": 10, "code": "…"}]}

`repo` is relative to the cases file. It is a git repository, of which `base` and `head` are revisions; or a folder,
of which they are subfolders with the files before and after; or null, and then there is nothing but the diff. Where
`head` is null it is what `diff` makes of `base`. `diff` is the text of a unified diff, or the path of one (`*.diff`,
`*.patch`).

`gt` names the bugs that the change brings: `code` is what stands at `line` of `file` after it. `also` (ours) lists
other places at which the same bug is rightly reported, as when a contract changes in one file and its caller stands in
another.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fanfold.testing.repository import Repository

_BASE, _HEAD = "base", "head"


class BadCases(Exception):
    """A cases file that can't be scored; the message says where and why."""


class Spot(BaseModel):
    """A line after the change, and the code on it."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int = Field(ge=1)
    code: str = Field(pattern=r"\S")


class Bug(Spot):
    """A bug that the change brings in."""

    also: tuple[Spot, ...] = ()

    @property
    def spots(self) -> tuple[Spot, ...]:
        return (self, *self.also)


class Case(BaseModel):
    """One labelled change; fields that aren't known are left alone. `kind` and `language` are for the table."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[\w.-]+$")
    repo: str | None = None
    base: str | None = None
    head: str | None = None
    diff: str | None = None
    gt: tuple[Bug, ...] = ()
    clean: bool
    kind: str = ""
    language: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        if self.clean == bool(self.gt):
            raise ValueError("a clean case has no gt, any other has at least one")
        if self.repo is None and not self.diff:
            raise ValueError("without a repo there must be a diff")
        if self.repo is not None and (self.base is None or (self.head is None and not self.diff)):
            raise ValueError("a repo needs a base, and a head or a diff")
        return self


def read_cases(file: Path) -> tuple[Case, ...]:
    """Return the cases of a JSON-lines file. Raises BadCases, naming the line."""
    cases: dict[str, Case] = {}
    for number, line in enumerate(_text(file).splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise BadCases(f"{file}:{number}: {'.'.join(map(str, first['loc'])) or 'case'}: {first['msg']}") from error
        if case.id in cases:
            raise BadCases(f"{file}:{number}: the id {case.id!r} stands twice")
        cases[case.id] = case
    if not cases:
        raise BadCases(f"{file}: there is no case in it")
    return tuple(cases.values())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadCases(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadCases(f"{file}: it is not UTF-8") from error


@dataclass(frozen=True, slots=True)
class Project:
    """A case as it lies on disk: where a reviewer is started, and what it is asked to review there."""

    root: Path
    arguments: tuple[str, ...]
    diff: str

    def text(self, path: str) -> str | None:
        """Return a file as it is after the change; None when it isn't there, as when all there is is a diff."""
        place = (self.root / path).resolve()
        if not place.is_relative_to(self.root.resolve()) or not place.is_file():
            return None
        return place.read_text(encoding="utf-8", errors="replace")


def diff_text(case: Case, folder: Path) -> str | None:
    """Return the case's diff; `folder` is where its cases file lies. Raises BadCases."""
    if case.diff and "\n" not in case.diff and case.diff.endswith((".diff", ".patch")):
        return _text(folder / case.diff)
    return case.diff


def build(case: Case, folder: Path, place: Path) -> Project:
    """Make the case's repository in `place`, checked out after the change. Raises BadCases."""
    root = place / "project"
    try:
        return _built(case, folder, root)
    except (AssertionError, OSError) as error:
        raise BadCases(f"{case.id}: {error}") from error


def _built(case: Case, folder: Path, root: Path) -> Project:
    diff = diff_text(case, folder)
    if case.repo is None:
        root.mkdir(parents=True)
        change = root.parent / "change.diff"
        change.write_text(diff or "", encoding="utf-8")
        return Project(root, ("--diff", str(change)), diff or "")
    source = (folder / case.repo).resolve()
    copy = _from_git if (source / ".git").exists() or (source / "HEAD").is_file() else _from_folders
    base, head = copy(case, source, root, diff)
    shown = Repository(root).git("diff", "--no-ext-diff", base, head)
    return Project(root, (f"{base}..{head}",), shown)


def _from_git(case: Case, source: Path, root: Path, diff: str | None) -> tuple[str, str]:
    """Check the change out of a clone, so that the repository itself stays as it is."""
    root.mkdir(parents=True)
    repository = Repository(root)
    repository.git("clone", "--quiet", "--shared", "--no-checkout", str(source), ".")
    base = repository.git("rev-parse", "--verify", f"{case.base}^{{commit}}").strip()
    head = case.head and repository.git("rev-parse", "--verify", f"{case.head}^{{commit}}").strip()
    repository.git("checkout", "--quiet", "--detach", head or base)
    return base, head or _applied(repository, diff or "")


def _from_folders(case: Case, source: Path, root: Path, diff: str | None) -> tuple[str, str]:
    repository = Repository.init(root)
    shutil.copytree(source / (case.base or _BASE), root, dirs_exist_ok=True)
    base = repository.commit("Before")
    if case.head is None:
        return base, _applied(repository, diff or "")
    repository.git("rm", "-r", "--quiet", ".")
    shutil.copytree(source / case.head, root, dirs_exist_ok=True)
    return base, repository.commit("After")


def _applied(repository: Repository, diff: str) -> str:
    repository.git("apply", "--index", "--whitespace=nowarn", "-", stdin=diff.encode())
    return repository.commit("After")


def content(case: Case, folder: Path) -> str:
    """Return a digest of all that the case says, its folders' files included; a git repository counts by its name."""
    digest = hashlib.sha256(case.model_dump_json().encode())
    digest.update((diff_text(case, folder) or "").encode())
    if case.repo is not None:
        source = folder / case.repo
        for tree in filter(None, (case.base, case.head)):
            for path in _files(source / tree):
                digest.update(f"\0{path.relative_to(source)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(tree: Path) -> Sequence[Path]:
    return sorted(path for path in tree.rglob("*") if path.is_file()) if tree.is_dir() else ()
