"""What a person calls an area: `django/db/models (12 files)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from os.path import commonpath
from typing import Protocol

from fanfold.sources.folders import folder_of
from fanfold.sources.text import printable


class Shown(Protocol):
    """What a unit reads of a file: a name for it."""

    @property
    def path(self) -> str: ...
    @property
    def shown(self) -> str: ...


_SHOWN_FOLDERS = 2


def labels(areas: Sequence[Sequence[Shown]]) -> list[str]:
    """Return a name for each area: its folder and the number of its files, told apart where two have the same."""
    plain = [_label(area) for area in areas]
    often = Counter(plain)
    return [_precise(area, label) if often[label] > 1 else label for area, label in zip(areas, plain, strict=True)]


def _label(area: Sequence[Shown]) -> str:
    if len(area) == 1:
        return printable(area[0].shown)
    return f"{printable(_where(area))} ({_count(area)})"


def _precise(area: Sequence[Shown], label: str) -> str:
    """Name the first and the last file as well."""
    names = sorted(part.shown.rpartition("/")[2] for part in area)
    return (
        f"{label.removesuffix(f' ({_count(area)})')}: {printable(names[0])} … {printable(names[-1])} ({_count(area)})"
    )


def _count(area: Iterable[Shown]) -> str:
    files = len({part.path for part in area})
    return f"{files} files" if files != 1 else "1 file"


def _where(area: Sequence[Shown]) -> str:
    """Return the folder that holds them all, or the first few of those that hold most."""
    folders = Counter(folder_of(part.path) for part in area)
    if shared := commonpath(folders):
        return shared
    tops = Counter[str]()
    for folder, count in folders.items():
        tops[folder.partition("/")[0] or "the top folder"] += count
    most = [name for name, _ in sorted(tops.items(), key=lambda item: (-item[1], item[0]))]
    return ", ".join(most[:_SHOWN_FOLDERS]) + (" and others" if len(most) > _SHOWN_FOLDERS else "")
