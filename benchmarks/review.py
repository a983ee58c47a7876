"""What a review without a model costs: a change in 50 files of the standard library, beside its slowest analyzer alone.

    python benchmarks/review.py [--runs 5]

Every figure is the median of several runs, the analyzers alone and the review taking turns. Wall time is that of whole
processes; memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from fanfold.testing.repository import ISOLATION, Repository  # noqa: E402  needs the line above

FILES = 50
ANALYZERS = ("ruff", "bandit", "secrets", "complexity")
WALL_FACTOR, WALL_PLUS_S, MEMORY_MB = 1.5, 0.5, 150

# One analyzer, as the review's own worker calls it, in a process of its own; only the call is timed.
ALONE = """
import asyncio, subprocess, sys, time
from pathlib import Path
from fanfold.analyzers import load
from fanfold.analyzers.base import AnalyzerRequest
analyzer = load(sys.argv[1])
names = subprocess.run(["git", "diff", "--name-only"], capture_output=True, text=True, check=True).stdout.split()
request = AnalyzerRequest(root=Path.cwd(), paths=tuple(names), timeout_s=300)
started = time.perf_counter()
asyncio.run(analyzer.analyze(request))
print(time.perf_counter() - started)
"""


def changed_repository(folder: Path) -> Repository:
    """Commit 50 modules of the standard library, then change a line in each."""
    library = Path(sysconfig.get_paths()["stdlib"])
    modules = sorted((path for path in library.glob("*.py") if path.stat().st_size > 8_000), key=lambda p: p.name)
    repository = Repository.init(folder)
    texts = {module.name: module.read_text(encoding="utf-8") for module in modules[:FILES]}
    for name, text in texts.items():
        repository.write(name, text)
    repository.commit("Fifty modules")
    for name, text in texts.items():
        repository.write(name, text + "\n\ndef added(value, seen=[]):\n    seen.append(eval(value))\n    return seen\n")
    return repository


def run(command: list[str], folder: Path, home: Path) -> tuple[float, float, bytes]:
    """Return wall seconds, the largest process's megabytes, and stdout."""
    environment = {**os.environ, **ISOLATION, "HOME": str(home), "PYTHONPATH": str(SCRIPTS)}
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "PYTHONDONTWRITEBYTECODE"):
        environment.pop(name, None)
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command[:4])} ended with {process.returncode}")
    return time.perf_counter() - started, used.ru_maxrss / 1024, out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    review = [sys.executable, "-m", "fanfold", "review", "--fresh", "--quiet", "--output", os.devnull]
    alone: dict[str, list[float]] = {name: [] for name in ANALYZERS}
    whole: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        home.mkdir()
        repository = changed_repository(Path(place) / "project")
        for turn in range(runs + 1):
            figures = {
                name: float(run([sys.executable, "-c", ALONE, name], repository.root, home)[2]) for name in alone
            }
            wall, memory, _ = run(review, repository.root, home)
            if turn:  # the first turn warms up
                whole.append((wall, memory))
                for name, seconds in figures.items():
                    alone[name].append(seconds)
    report(alone, whole)


def report(alone: dict[str, list[float]], whole: list[tuple[float, float]]) -> None:
    for name, seconds in alone.items():
        print(f"{name:<12} alone {statistics.median(seconds):6.2f} s")
    slowest = max(statistics.median(seconds) for seconds in alone.values())
    wall = statistics.median(wall for wall, _ in whole)
    memory = statistics.median(memory for _, memory in whole)
    bound = WALL_FACTOR * slowest + WALL_PLUS_S
    print(f"{'review':<12} wall  {wall:6.2f} s   bound {bound:.2f} s (1.5 × slowest + 0.5)   ratio {wall / bound:.2f}")
    print(f"{'':<12} memory {memory:5.0f} MB  bound {MEMORY_MB} MB   ratio {memory / MEMORY_MB:.2f}")


if __name__ == "__main__":
    main()
