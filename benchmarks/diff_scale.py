"""How parsing and resolving grow with the number of changed lines: seconds, peak memory, ratio to the size before.

Linear growth shows as ratios of about 2. Each size is parsed once as a single file and resolved once as
uncommitted work in many files, in a repository that is made for it; resolving includes git's own time.

    python benchmarks/diff_scale.py [LINES…]
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.sources.diff import parse_diff
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository

SIZES = (25_000, 50_000, 100_000, 200_000)
LINES_PER_FILE = 1_000
ROUNDS = 3


def diff_text(changed: int) -> str:
    """Return a diff of one file with this many changed lines, half of them gone and half of them new."""
    half = changed // 2
    hunks = (
        f"@@ -{n * 4 + 1},4 +{n * 4 + 1},4 @@ def f{n}():\n"
        f"-    x = {n}\n-    y = {n}\n+    x = f({n})\n+    y = g({n})\n     return x + y\n \n"
        for n in range(half // 2)
    )
    return "--- a/x.py\n+++ b/x.py\n" + "".join(hunks)


def changed_repository(folder: Path, changed: int) -> Repository:
    """Return a repository whose working tree has this many changed lines in files of LINES_PER_FILE lines."""
    repository = Repository.init(folder)
    for commit in (True, False):
        for number in range(-(-changed // (LINES_PER_FILE * 2))):
            call = "compute" if commit else "computed"
            lines = (f"value_{number}_{line} = {call}({line})\n" for line in range(LINES_PER_FILE))
            repository.write(f"pkg{number % 10}/mod{number}.py", "".join(lines))
        if commit:
            repository.commit("Base")
    return repository


def measure(run: Callable[[], object]) -> tuple[float, float]:
    """Return the least seconds of a few rounds and the peak memory in MB of another, as tracing slows it down."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return min(seconds), peak / 2**20


def ratio(now: float, before: float | None) -> str:
    return f"{now / before:.2f}" if before else ""


def main(sizes: tuple[int, ...]) -> None:
    columns = ("changed lines", "parse s", "ratio", "peak MB", "resolve s", "ratio", "peak MB")
    print("".join(f"{column:>14}" for column in columns))
    parsed_s = resolved_s = None
    for size in sizes:
        parse_s, parse_mb = measure(partial(parse_diff, diff_text(size)))
        with tempfile.TemporaryDirectory() as name:
            root = changed_repository(Path(name), size).root
            resolve_s, resolve_mb = measure(partial(resolve, (), cwd=root))
        row = [f"{parse_s:.3f}", ratio(parse_s, parsed_s), f"{parse_mb:.1f}"]
        row += [f"{resolve_s:.3f}", ratio(resolve_s, resolved_s), f"{resolve_mb:.1f}"]
        print("".join(f"{cell:>14}" for cell in (f"{size:,}", *row)), flush=True)
        parsed_s, resolved_s = parse_s, resolve_s


if __name__ == "__main__":
    main(tuple(int(size) for size in sys.argv[1:]) or SIZES)
