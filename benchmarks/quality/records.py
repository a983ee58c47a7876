"""Reviews that were made, one JSON line each, so that a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.scoring import Review
from pydantic import ValidationError

from fanfold.models import Frozen


class Record(Frozen):
    """One review; `key` stands for the case's content, the settings, and the reviewer's own code."""

    key: str
    case: str
    reviewer: str
    review: Review


@dataclass(frozen=True)
class Records:
    """A file of records. Only ever appended to; of two with one key the later counts, and a failed one is no record."""

    file: Path

    def read(self) -> dict[str, Review]:
        """Return reviews by key. A line that was cut off when its writer died is left out."""
        found: dict[str, Review] = {}
        lines = self.file.read_bytes().split(b"\n") if self.file.exists() else []
        for line in filter(None, lines):
            try:
                record = Record.model_validate_json(line)
            except ValidationError:
                if _is_json(line):
                    raise
                continue
            if record.review.error is None:
                found[record.key] = record.review
        return found

    def add(self, record: Record) -> None:
        """Append one; whatever a killed writer left of a line is ended first."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                torn = file.read(1) != b"\n"
                file.write(b"\n" if torn else b"")
            file.write(record.model_dump_json().encode() + b"\n")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
