"""Runs in the project's interpreter: combines the coverage data in a folder into one file, with the project's settings.

`fanfold_coverage.py INTO FOLDER ROOT [OTHER ROOT]…`: what lies below another root, where a file was measured on another
machine, is the file of the same name below ROOT. Files that can't be used are left where they are.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import coverage


def main(into: str, folder: str, root: str, *others: str) -> None:
    """Write `into`."""
    combined: Any = coverage.Coverage(data_file=into)
    if others:
        paths = dict(combined.get_option("paths") or {})
        combined.set_option("paths", {**paths, "fanfold's parts": [root, *others]})
    combined.combine([folder], strict=True)
    combined.save()


if __name__ == "__main__":
    sys.path.append(os.getcwd())  # where plugins of the project's may be, as for python -m coverage
    try:
        main(*sys.argv[1:])
    except coverage.CoverageException as error:
        raise SystemExit(str(error)) from error
