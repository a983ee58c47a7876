"""Measures functions; run as a script, by the `complexity` analyzer, in a process of its own.

Reads a JSON list of file names; prints a JSON list with a list for each of them: name, first and last line,
cyclomatic complexity, lines of code and number of parameters. A file that can't be measured has none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lizard  # type: ignore[import-untyped]  # it ships no types

_LONGEST_LINE = 20_000  # characters: longer ones are minified or generated, and nobody reads them
_DEEPEST = 20_000  # frames: some of its readers recurse


def main() -> None:
    """Measure the files named on stdin."""
    sys.setrecursionlimit(_DEEPEST)
    json.dump([_measured(Path(name)) for name in json.load(sys.stdin)], sys.stdout)


def _measured(path: Path) -> list[list[Any]]:
    try:
        text = path.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
        if max(map(len, text.splitlines()), default=0) > _LONGEST_LINE:
            return []
        functions = lizard.analyze_file.analyze_source_code("code" + path.suffix, text).function_list
    except Exception:  # noqa: BLE001 - whatever one file does to it, the others count
        return []
    return [[f.name, f.start_line, f.end_line, f.cyclomatic_complexity, f.nloc, f.parameter_count] for f in functions]


if __name__ == "__main__":
    main()
