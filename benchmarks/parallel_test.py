"""How long real test suites take: pytest, pytest -n 2, and fanfold without and with recorded durations.

    python3 benchmarks/parallel_test.py [NAME …] [--folder FOLDER] [--runs 3] [--workers 2] [--minutes 12]

Brings each suite as a source package into a cache folder, with a virtual environment of its own (both are kept for the
next time), and runs all four in turn, so that whatever else the machine does falls on all of them. Prints medians
beside their bars, and how many verdicts differ from plain pytest's. Then all suites at once, longest first, and a fold
of 50,000 results. Once most of the minutes are over a suite gets one round, and that is said. Needs a machine that does
nothing else: two processes on two busy processors are no quicker than one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from fanfold.engine.supervisor import Supervisor  # noqa: E402  the path comes first
from fanfold.runners import load  # noqa: E402
from fanfold.runners.schedule import bound_s  # noqa: E402
from fanfold.runners.tools import Tools  # noqa: E402
from fanfold.skills.parallel_test.fold import About, fold  # noqa: E402
from fanfold.skills.parallel_test.job import Job, Settings, SuiteRun  # noqa: E402
from fanfold.skills.parallel_test.work import run_suites  # noqa: E402
from fanfold.suites import Case, Environment, Frame, Suite, SuiteRecord, TestAttempt, TestVerdict  # noqa: E402

# What their tests need beside pytest.
SUITES: Mapping[str, Sequence[str]] = {
    "click": (),
    "attrs": ("cloudpickle", "hypothesis"),
    "jinja2": ("trio",),
    "marshmallow": ("simplejson",),
    "more-itertools": (),
    "boltons": (),
}
LONG_S, SHORT_S = 8.0, 5.0
RESULTS, FOLD_S, FOLD_MB = 50_000, 3.0, 300
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fanfold" / "benchmarks" / "suites"
# Of the minutes, after which a suite gets one round.
_MOST_OF = 0.6
# Names that hold the time of day differ between any two runs.
_CLOCK = re.compile(r"\d+[-:]\d+[-:]\d+")

# Written by a plugin of the plain run: what became of each test, told by the reports that pytest itself makes.
_RECORDER = """
import json, os
told = {}
def pytest_runtest_logreport(report):
    if hasattr(report, "context"):
        return
    before = told.get(report.nodeid, "passed")
    if report.failed:
        told[report.nodeid] = "failed" if report.when == "call" or before == "failed" else "error"
    elif report.skipped:
        told[report.nodeid] = "xfailed" if hasattr(report, "wasxfail") else "skipped"
    else:
        told[report.nodeid] = before
def pytest_sessionfinish():
    with open(os.environ["RECORDED"], "w") as file:
        json.dump(told, file)
"""


@dataclass
class Place:
    """A suite on disk: its sources, its interpreter, the durations that were recorded."""

    name: str
    folder: Path
    environment: Path
    history: dict[str, float] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"


def bring(name: str, needs: Sequence[str], into: Path) -> Place:
    """Download a source package, unpack it, and install it with what its tests need."""
    place = Place(name, into / "sources" / name, into / "environments" / name)
    if not place.folder.exists():
        packages = into / "packages" / name
        pip = [
            sys.executable,
            "-m",
            "pip",
            "-q",
            "download",
            "--no-binary",
            ":all:",
            "--no-deps",
            "-d",
            str(packages),
            name,
        ]
        subprocess.run(pip, check=True)
        place.folder.mkdir(parents=True)
        archive = next(packages.glob("*.tar.gz"))
        subprocess.run(["tar", "xzf", str(archive), "-C", str(place.folder), "--strip-components=1"], check=True)
    if not place.python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place.environment)], check=True)
        install = [str(place.python), "-m", "pip", "-q", "install", str(place.folder), "pytest", "pytest-xdist", *needs]
        subprocess.run(install, check=True)
    return place


def plain(place: Place, *words: str, recorded: Path | None = None) -> float:
    """Run pytest itself; returns its wall time in seconds."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    if recorded:
        (recorded.parent / "recorder_of_verdicts.py").write_text(_RECORDER)
        environ |= {"PYTHONPATH": str(recorded.parent), "RECORDED": str(recorded)}
        words = (*words, "-p", "recorder_of_verdicts")
    command = [str(place.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    began = time.perf_counter()
    subprocess.run(command, cwd=place.folder, env=environ, check=False, capture_output=True)
    return time.perf_counter() - began


def fanned(places: Sequence[Place], workers: int, *, history: bool) -> tuple[float, list[dict[str, Any]], int]:
    """Run suites as fanfold does, in a process of its own; returns its wall time, what came of it, its peak memory."""
    said = {"places": [(p.name, str(p.folder), str(p.environment), p.history if history else {}) for p in places]}
    command = [sys.executable, __file__, "--one", str(workers)]
    began = time.perf_counter()
    done = subprocess.run(command, input=json.dumps(said).encode(), stdout=subprocess.PIPE, check=True)
    wall = time.perf_counter() - began
    answer = json.loads(done.stdout)
    return wall, answer["runs"], answer["peak"]


def one(workers: int) -> None:
    """Be the process of `fanned`: run what stands on the input, print what came of it."""
    places = [Place(n, Path(f), Path(e), h) for n, f, e, h in json.load(sys.stdin)["places"]]
    runs = asyncio.run(_run(places, workers))
    answer = [
        {
            "verdicts": {f"{case.file}::{case.name}": case.verdict.value for case in run.cases},
            "durations": dict(run.durations),
            "shards": [(shard.started_s, shard.ended_s) for shard in run.shards],
        }
        for run in runs
    ]
    print(json.dumps({"runs": answer, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


async def _run(places: Sequence[Place], workers: int) -> tuple[SuiteRun, ...]:
    root = Path(os.path.commonpath([place.folder for place in places]))
    runs: list[SuiteRun] = []
    async with Supervisor(jobs=workers) as supervisor:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        settings = Settings(root, Tools(root, environ), workers, retries=0)
        jobs = [_job(place, root) for place in places]
        found, _ = await run_suites(jobs, settings, supervisor)
        runs += found
    return tuple(runs)


def _job(place: Place, root: Path) -> Job:
    folder = place.folder.relative_to(root).as_posix()
    command = (str(place.python), "-m", "pytest")
    suite = Suite(name=place.name, framework="pytest", folder=folder, command=command)
    return Job(suite, Environment(), load("pytest"), durations=place.history)


def folded(count: int) -> None:
    """Be a process that folds so many results, one in a hundred a failure, and prints seconds and peak memory."""
    runs = [SuiteRun(_stand_in(), SuiteRecord(name="unit", framework="pytest", folder="."), tuple(_cases(count)))]
    about = About(suspect=lambda _: (), reproduce=lambda _: "", explain=lambda _: None)
    began = time.perf_counter()
    result = fold(runs, (), 2, about=about)
    folding = time.perf_counter() - began
    size = len(result.model_dump_json(by_alias=True))
    wall = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    said = {"fold_s": folding, "wall_s": wall, "peak_mb": peak, "json_mb": size / 2**20}
    print(json.dumps({**said, "tests": result.totals.tests, "clusters": len(result.clusters)}))


def _stand_in() -> Job:
    return Job(Suite(name="unit", framework="pytest"), Environment(), load("pytest"))


def _cases(count: int) -> Iterator[Case]:
    stacks = [tuple(Frame(path=f"src/m{m}_{n}.py", line=n + 1, function="f") for n in range(5)) for m in range(40)]
    for n in range(count):
        bad = n % 100 == 0
        outcome = TestVerdict.FAILED if bad else TestVerdict.PASSED
        said = {"message": f"KeyError: {n % 7}", "error_type": "KeyError", "trace": "x" * 2_000} if bad else {}
        attempt = TestAttempt.model_validate(
            {
                "outcome": outcome,
                "duration_s": 0.01,
                "worker": n % 2,
                "frames": stacks[n // 100 % 40] if bad else (),
                **said,
            }
        )
        file, name = f"tests/test_{n // 50}.py", f"test_{n % 50}[{n}]"
        native = f"{file}::{name}"
        yield Case(
            file=file,
            name=name,
            parameters=str(n),
            native=native,
            line=n % 500 + 1,
            fixtures=("db", "client"),
            markers=("unit",),
            attempts=(attempt,),
        )


def fold_many() -> None:
    """Fold many results in a process of its own, and print what that took beside the bars."""
    command = [sys.executable, __file__, "--fold", str(RESULTS)]
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    print(
        f"{said['tests']:,} results folded, {said['clusters']} clusters, {said['json_mb']:.0f} MB of JSON: "
        f"{said['fold_s']:.2f} s, with JSON {said['wall_s']:.2f} s, {said['peak_mb']:.0f} MB"
    )
    _bar("seconds, JSON included", said["wall_s"], FOLD_S)
    _bar("MB, the results themselves included", said["peak_mb"], FOLD_MB)


def measure(place: Place, runs: int, workers: int, scratch: Path) -> None:
    """Run one suite in all four ways, in turn, and print the medians beside their bars."""
    recorded = scratch / f"{place.name}.json"
    took: dict[str, list[float]] = {"pytest": [], "pytest -n": [], "no history": [], "history": []}
    differ, efficiency = 0, []
    plain(place, recorded=recorded)
    for _ in range(runs):
        took["pytest"].append(plain(place))
        took["pytest -n"].append(plain(place, "-n", str(workers)))
        wall, answer, _ = fanned([place], workers, history=False)
        took["no history"].append(wall)
        place.history = answer[0]["durations"]
        differ = max(differ, different(json.loads(recorded.read_text()), answer[0]["verdicts"]))
        wall, answer, _ = fanned([place], workers, history=True)
        took["history"].append(wall)
        efficiency.append(efficient(answer, workers))
    told = {name: median(values) for name, values in took.items()}
    quicker = min(told["pytest"], told["pytest -n"])
    print(f"{place.name:16}", *(f"{name} {seconds:6.2f} s" for name, seconds in told.items()), sep="  ")
    if told["pytest"] > LONG_S:
        _bar("no history / quicker of the two", told["no history"] / quicker, 0.85)
        _bar("history / quicker of the two", told["history"] / quicker, 0.75)
        _bar("efficiency", median(efficiency), 0.95, least=True)
    elif told["pytest"] < SHORT_S:
        _bar("no history / pytest", told["no history"] / told["pytest"], 1.1)
        _bar("history / pytest", told["history"] / told["pytest"], 1.1)
    _bar("verdicts that differ", differ, 0)


def different(expected: Mapping[str, str], got: Mapping[str, str]) -> int:
    """Count the tests whose verdicts are not the same, and those that are on one side alone."""
    one, other = ({_CLOCK.sub("", name): verdict for name, verdict in side.items()} for side in (expected, got))
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def efficient(runs: Sequence[Mapping[str, Any]], workers: int) -> float:
    """Return the least wall time of the shards over their actual one: each shard weighs its own wall time."""
    spans = [span for run in runs for span in run["shards"] if None not in span]
    wall = max(end for _, end in spans) - min(start for start, _ in spans)
    return bound_s([end - start for start, end in spans], workers) / wall if wall else 1.0


def together(places: Sequence[Place], runs: int, workers: int) -> None:
    """Run all suites at once, with history."""
    measured = [fanned(places, workers, history=True) for _ in range(runs)]
    print(f"all {len(places)} at once: {median(wall for wall, _, _ in measured):.2f} s")
    _bar("efficiency", median(efficient(answer, workers) for _, answer, _ in measured), 0.97, least=True)
    print(f"  peak memory of fanfold itself: {max(peak for _, _, peak in measured) / 2**20:.0f} MB")


def _bar(what: str, value: float, bar: float, *, least: bool = False) -> None:
    holds = value >= bar if least else value <= bar
    print(f"  {what}: {value:.2f} (bar {'≥' if least else '≤'} {bar:g}) {'ok' if holds else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--folder", type=Path, default=CACHE, help="where sources and environments are kept")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--fold", type=int, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        one(said.one)
    elif said.fold:
        folded(said.fold)
    else:
        compare(said)


def compare(said: argparse.Namespace) -> None:
    """Bring the suites, and measure all there is to measure."""
    unknown = sorted({*said.names} - {*SUITES})
    if unknown:
        sys.exit(f"no such suite: {', '.join(unknown)}; there are {', '.join(SUITES)}")
    folder: Path = said.folder.resolve()
    places = [bring(name, SUITES[name], folder) for name in said.names or SUITES]
    began = time.monotonic()
    for place in places:
        late = time.monotonic() - began > _MOST_OF * said.minutes * 60
        if late:
            print(f"{place.name}: one round, since most of the {said.minutes:g} minutes are over")
        measure(place, 1 if late else said.runs, said.workers, folder)
    if len(places) > 1:
        together(places, 1 if time.monotonic() - began > _MOST_OF * said.minutes * 60 else said.runs, said.workers)
    fold_many()


if __name__ == "__main__":
    main()
