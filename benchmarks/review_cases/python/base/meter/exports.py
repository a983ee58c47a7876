"""Exports of usage as CSV files, one folder for each customer."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from meter.models import Event

_COLUMNS = ("id", "feature", "quantity", "at")


class ExportStore:
    """Files under `root`/CUSTOMER. Names are ours: `2026-01.csv`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def write(self, customer: str, month: str, events: Iterable[Event]) -> Path:
        """Write a month of a customer's events; a reader never sees half a file."""
        target = self._root / customer / f"{month}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_suffix(".part")
        with scratch.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            for event in events:
                writer.writerow((event.id, event.feature, event.quantity, event.at.isoformat()))
        os.replace(scratch, target)
        return target

    def months(self, customer: str) -> list[str]:
        """Return the months that are there, oldest first."""
        folder = self._root / customer
        return sorted(path.stem for path in folder.glob("*.csv")) if folder.is_dir() else []
