"""Which requests are in which batch: one small file a batch, written before anybody waits for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from fanfold.engine.folder import ensure_folder
from fanfold.engine.runs import write_whole
from fanfold.models import content_key

Request: TypeAlias = Mapping[str, Any]

# The API's limits; a little room is left for the envelope.
MOST_REQUESTS = 100_000
MOST_BYTES = 250_000_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


def custom_id(request: Request) -> str:
    """Return the name of a request in its batch: the same request has the same one, in every run."""
    return content_key("batch", request)


def chunks(
    requests: Mapping[str, Request], *, most: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES
) -> Iterator[dict[str, Request]]:
    """Split requests so that each part fits into one batch; order is kept, a request that is too large goes alone."""
    part: dict[str, Request] = {}
    size = 0
    for name, request in requests.items():
        own = len(json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")) + len(name) + 64
        if part and (len(part) >= most or size + own > most_bytes):
            yield part
            part, size = {}, 0
        part[name] = request
        size += own
    if part:
        yield part


class Ledger:
    """The batches of a target that may still have answers for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, set[str]] | None = None

    @property
    def _batches(self) -> dict[str, set[str]]:
        if self._held is None:
            self._held = dict(_read(self._folder))
        return self._held

    def holding(self, name: str) -> list[str]:
        """Return the batches that hold a request, by their ids."""
        return [batch for batch, names in self._batches.items() if name in names]

    def has(self, batch: str, name: str) -> bool:
        return name in self._batches.get(batch, ())

    def note(self, batch: str, names: Iterable[str]) -> None:
        """Record a batch; it is on the disk when this returns. A folder that can't be written costs the resuming."""
        self._batches[batch] = set(names)
        with suppress(OSError):
            ensure_folder(self._folder.parent)
            self._folder.mkdir(exist_ok=True)
            write_whole(self._folder / f"{batch}.json", json.dumps(sorted(self._batches[batch])))

    def strike(self, batch: str, names: Iterable[str]) -> None:
        """Forget requests of a batch, whose results were handed out or of no use; with its last one, the batch itself.

        Costs one writing of the file, however many there are.
        """
        held = self._batches.get(batch, set())
        left = held.difference(names)
        if not left:
            self.forget(batch)
        elif left != held:
            self.note(batch, left)

    def forget(self, batch: str) -> None:
        """Forget a batch of which nothing is left, or which the server no longer has."""
        self._batches.pop(batch, None)
        with suppress(OSError):
            (self._folder / f"{batch}.json").unlink(missing_ok=True)


def _read(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield what was recorded; a file that is damaged is as good as absent."""
    try:
        files = sorted(folder.glob("*.json"))
    except OSError:
        return
    for file in files:
        with suppress(OSError, ValueError):
            names = json.loads(file.read_text(encoding="utf-8"))
            if _NAME.fullmatch(file.stem) and isinstance(names, list):
                yield file.stem, {name for name in names if isinstance(name, str)}
