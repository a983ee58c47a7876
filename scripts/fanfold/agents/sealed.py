"""A copy of the target's files for a program that has file tools of its own.

It holds what fanfold's own tools would show: the files of the target at its revision, secrets masked, without those
that are there to hold secrets, without git's folder, symlinks, and what git ignores. Whatever that program reads in it,
it sees no more than any other sub-agent.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fanfold.errors import FinalError
from fanfold.sources.text import os_path

if TYPE_CHECKING:
    from fanfold.agents.tools.scope import Scope
    from fanfold.agents.tools.watch import Watch

MOST_FILES = 20_000
MOST_BYTES = 128 * 2**20
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Copied:
    """How many files are in the copy; `cut` says that there would have been more."""

    files: int
    cut: bool


class Sealed:
    """A folder that is filled when it is first asked for, and goes with `close`."""

    def __init__(self, scope: Scope | None) -> None:
        self._scope = scope
        self._filling: asyncio.Task[Copied] | None = None
        self._watch: Watch | None = None
        self._top: Path | None = None

    @property
    def top(self) -> Path:
        """The folder that holds the copy, and nothing of the target itself."""
        if self._top is None:
            try:
                self._top = Path(tempfile.mkdtemp(prefix="fanfold-")).resolve()
            except OSError as error:
                raise FinalError(f"no folder for temporary files: {error.strerror or error}") from error
            (self._top / "target").mkdir()
            (self._top / "nothing").mkdir()
        return self._top

    @property
    def empty(self) -> Path:
        """A folder without any file."""
        return self.top / "nothing"

    @property
    def files(self) -> Path:
        """The folder in which the target's files lie, once they were `filled`."""
        return self.top / "target"

    async def filled(self) -> Copied:
        """Copy the target's files, once for all who ask."""
        if self._scope is None:
            return Copied(0, cut=False)
        if self._filling is None:
            from fanfold.agents.tools.watch import Watch

            self._watch = Watch(_SECONDS)
            filling = asyncio.to_thread(self._fill, self._scope, self._watch)
            self._filling = asyncio.get_running_loop().create_task(filling)
        return await asyncio.shield(self._filling)

    async def close(self) -> None:
        """Remove the copy."""
        if self._watch is not None:
            self._watch.cancel()
        if self._filling is not None:
            await asyncio.wait([self._filling])
            self._filling = None
        if self._top is not None:
            shutil.rmtree(self._top, ignore_errors=True)
            self._top = None

    def _fill(self, scope: Scope, watch: Watch) -> Copied:
        wanted = _nearest_first(scope.paths, scope.target.paths)
        copied, room, cut = 0, MOST_BYTES, len(wanted) > MOST_FILES
        for path, text in scope.each(wanted[:MOST_FILES], watch):
            data = text.encode("utf-8", "surrogatepass")
            room -= len(data)
            written = room >= 0 and _write(self.files / os_path(path), data)
            copied, cut = copied + written, cut or not written
            if room < 0:
                break
        return Copied(copied, cut or watch.late)


def _write(place: Path, data: bytes) -> bool:
    """Write a file; False for one that this file system does not take."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(data)
    except (OSError, ValueError):
        return False
    return True


def _nearest_first(paths: Iterable[str], reviewed: Iterable[str]) -> list[str]:
    """Sort what is under review first, then what lies beside it, then the rest."""
    first = frozenset(reviewed)
    folders = {path.rpartition("/")[0] for path in first}
    return sorted(paths, key=lambda path: (path not in first, path.rpartition("/")[0] not in folders, path))
