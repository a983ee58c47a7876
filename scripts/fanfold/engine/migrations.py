"""Records of older formats made into today's: one step for each format, to the one after it.

A record says its format by a number, which grows when something that was there is told differently. What is merely
added has a default in the models, and what a record holds beyond them is passed over, so that neither needs a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fanfold.models import RUN_FORMAT

Step = Callable[[dict[str, Any]], dict[str, Any]]


class UnknownFormat(ValueError):
    """The record is of a format that this program does not know."""


def _numbered(record: dict[str, Any]) -> dict[str, Any]:
    """Make a record of format 1 of one from before formats had numbers: it lacks nothing else."""
    return {**record, "format": 1}


STEPS: tuple[Step, ...] = (_numbered,)


def migrated(record: Mapping[str, Any], steps: tuple[Step, ...] = STEPS, newest: int = RUN_FORMAT) -> Mapping[str, Any]:
    """Return a record in the newest format, step by step. Raises UnknownFormat."""
    said = record.get("format", 0)
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise UnknownFormat(f"not a run: its format is {said!r}")
    if said > newest:
        raise UnknownFormat(f"has format {said}, and this fanfold knows up to {newest}: use a newer one")
    held = dict(record)
    for step in steps[said:]:
        held = step(held)
    return held
