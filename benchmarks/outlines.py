"""How long outlines of a tree take on one core, and a symbol's places after that: seconds, files, what was found.

    python benchmarks/outlines.py FOLDER [NAME…]

On sympy 1.13.3 (1,518 Python files, 740,000 lines) reading all of them takes about seven seconds of one core.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.sources.outline import language_of, outline
from fanfold.sources.outline.languages import BY_NAME
from fanfold.sources.selection import select
from fanfold.sources.symbols import Symbols


def main(folder: str, names: list[str]) -> None:
    selection = select([folder], Path.cwd())
    paths = [path for path in selection.paths if language_of(path) in BY_NAME]
    texts = [(path, selection.snapshot.read(path) or "") for path in paths]
    started = time.process_time()
    outlines = [outline(path, text) for path, text in texts]
    seconds = time.process_time() - started
    lines = sum(found.lines for found in outlines)
    print(f"{len(paths)} files, {lines} lines: {seconds:.1f} s of one core, {lines / max(seconds, 1e-9):,.0f} lines/s")
    for (language, method), count in sorted(Counter((o.language, o.method) for o in outlines).items()):
        print(f"  {count:6} {language} by {method}")
    print(f"  {sum(len(o.definitions) for o in outlines)} definitions, {sum(len(o.imports) for o in outlines)} imports")
    symbols = Symbols(selection.snapshot, selection.paths)
    for name in names:
        started = time.process_time()
        defined, used = symbols.defined(name), symbols.used(name)
        spent = time.process_time() - started
        print(f"{name}: {len(defined.places)} definitions, {len(used.places) + used.more} uses, {spent:.2f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2:])
