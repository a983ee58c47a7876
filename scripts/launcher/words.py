"""What a person is told: one line at a time."""

from __future__ import annotations

import sys


class LauncherError(Exception):
    """The one line that a person is told; the launcher then ends with exit code 2."""


def say(line: str) -> None:
    """Tell the person one thing; a closed or broken stderr stops nothing."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"fanfold: {line}\n")
            sys.stderr.flush()
    except OSError:
        return
