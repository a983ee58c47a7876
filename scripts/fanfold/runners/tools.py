"""Where the project's own programs are: what a runner may ask about the machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs of a project at `root`, as they are found from `environ` (never fanfold's own environment)."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def which(self, name: str) -> str | None:
        """Return the program that a shell would run for `name`, None when there is none on PATH."""
        return shutil.which(name, path=self.environ.get("PATH", ""))
