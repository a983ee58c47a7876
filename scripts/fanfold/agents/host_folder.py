"""The folder of a run whose sub-agents run in the host: prompts out, answers in.

    <run>/host/manifest.json    what was asked, by which command, and where answers belong; sealed
    <run>/host/prompts/*.md     one self-contained prompt for each sub-agent
    <run>/host/answers/*.json   `{"unit": "<key>", "answer": …}`, written by the host's agents

Answers belong to units by the key that stands in them, whatever their file is called. They are anybody's text: no link
is followed, nothing but a regular file of a sensible size is read.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fanfold.engine.folder import ensure_folder, refuse_link, user_secret
from fanfold.errors import TargetError
from fanfold.models import Frozen
from fanfold.sources.text import printable

HOST = "host"
MANIFEST = "manifest.json"
FORMAT = 1
LARGEST_ANSWER = 4 * 2**20
"""Bytes."""

_MOST_ANSWERS = 10_000
_FENCED = re.compile(r"\A```[a-z]*\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)
_NAME = re.compile(r"[a-z0-9-]+")


class Prompted(Frozen):
    """One sub-agent: the key of what it was asked, its place in the order, and its files within the folder.

    `round` counts from 1; those of a later one were asked because of answers to earlier ones.
    """

    key: str
    number: int
    role: str
    round: int
    prompt: str
    answer: str


class Manifest(Frozen):
    """What was asked. `command` with its `arguments` in `cwd`, under `environment`, folds the answers."""

    format: int = FORMAT
    fanfold: str
    run: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    cwd: str
    units: tuple[Prompted, ...] = ()

    @property
    def rounds(self) -> int:
        return max((unit.round for unit in self.units), default=0)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was found in a file."""

    file: str
    answer: object


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that holds no answer, and why."""

    file: str
    why: str

    def __str__(self) -> str:
        return f"answers/{printable(self.file)}: {self.why}"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found, by the key of the unit; `strangers` are files that belong to no unit of this run."""

    by_key: Mapping[str, Given | Unreadable]
    strangers: tuple[Unreadable, ...]


class HostFolder:
    """The folder `place`. Methods raise OSError when it can't be used."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def make(self) -> None:
        """Make the folder, refusing whatever somebody has put in its place."""
        ensure_folder(self.place.parents[2])
        for folder in (self.place, self.place / "prompts", self.place / "answers"):
            refuse_link(folder)
            folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write a file within the folder, anew."""
        path = self.place / name
        refuse_link(path, folder=False)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        draft.replace(path)
        return path

    def save(self, manifest: Manifest) -> None:
        """Write the manifest with its seal."""
        said = manifest.model_dump(mode="json")
        self.write(MANIFEST, json.dumps({**said, "seal": _seal(said)}, indent=1) + "\n")

    def load(self) -> Manifest:
        """Read the manifest. Raises TargetError for one that this user's fanfold did not write."""
        path = self.place / MANIFEST
        try:
            refuse_link(path, folder=False)
            said = json.loads(path.read_bytes())
            seal = said.pop("seal")
            manifest = Manifest.model_validate(said)
        except FileNotFoundError as error:
            raise TargetError(f"{self.place.parent.name} was not prepared: there is no {path}") from error
        except OSError as error:
            raise TargetError(f"{path}: can't be read: {error.strerror or error}") from error
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise TargetError(f"{path}: not a manifest of fanfold's: prepare again") from error
        if not isinstance(seal, str) or not hmac.compare_digest(seal.encode(), _seal(said).encode()):
            raise TargetError(f"{path}: was not written by your fanfold, or was changed since: prepare again")
        return manifest

    def answers(self, manifest: Manifest) -> Answers:
        """Read every answer that is there."""
        owners = {Path(unit.answer).name: unit.key for unit in manifest.units}
        keys = set(owners.values())
        found: dict[str, Given | Unreadable] = {}
        strangers = []
        for name in self._names():
            owner = owners.get(name)
            key, given = _read(self.place / "answers", name)
            if key is None and owner:
                found.setdefault(owner, given)
            elif key in keys and isinstance(given, Given):
                # One in its own file goes before a copy elsewhere.
                if key == owner or not isinstance(found.get(key or ""), Given):
                    found[key or ""] = given
            else:
                why = (
                    given.why
                    if isinstance(given, Unreadable)
                    else "it answers no unit of this run: has the code changed since it was prepared?"
                )
                strangers.append(Unreadable(name, why))
        return Answers(found, tuple(strangers))

    def _names(self) -> list[str]:
        folder = self.place / "answers"
        refuse_link(folder)
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
        except FileNotFoundError:
            return []
        return names[:_MOST_ANSWERS]


def slug(text: str) -> str:
    """Return the part of a file's name that says what it is for."""
    return "-".join(_NAME.findall(text.lower()))[:40] or "agent"


def _read(folder: Path, name: str) -> tuple[str | None, Given | Unreadable]:
    """Read one answer's file; the key is None when it holds none."""
    try:
        text = _text(folder / name)
    except OSError as error:
        return None, Unreadable(name, error.strerror or str(error))
    except ValueError as error:
        return None, Unreadable(name, str(error))
    return _parsed(name, text)


def _parsed(name: str, text: str) -> tuple[str | None, Given | Unreadable]:
    fenced = _FENCED.match(text.strip())
    try:
        said: Any = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError) as error:
        return None, Unreadable(name, f"not JSON: {printable(str(error))}")
    if not isinstance(said, dict) or not isinstance(said.get("unit"), str) or "answer" not in said:
        return None, Unreadable(name, 'it must hold one object {"unit": …, "answer": …}')
    return said["unit"], Given(name, said["answer"])


def _text(path: Path) -> str:
    """Read a regular file that is not too large. Raises OSError and ValueError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("no regular file")
        data = file.read(LARGEST_ANSWER + 1)
    if len(data) > LARGEST_ANSWER:
        raise ValueError(f"larger than {LARGEST_ANSWER >> 20} MB")
    return data.decode("utf-8-sig", "replace")


def _seal(said: Mapping[str, Any]) -> str:
    """Return what only this user can have written under the manifest."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.new(user_secret(), f"host manifest\0{text}".encode(), "sha256").hexdigest()


def unanswered(folder: HostFolder, manifest: Manifest) -> Iterator[Prompted]:
    """Yield the units of which no answer is there yet."""
    answered = folder.answers(manifest).by_key
    yield from (unit for unit in manifest.units if unit.key not in answered)
