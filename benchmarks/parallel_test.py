"""How long real test suites take: pytest, pytest -n 2, and `fanfold test` without and with recorded durations.

    python3 benchmarks/parallel_test.py [NAME …] [--folder FOLDER] [--runs 3] [--workers 2] [--minutes 12]
                                        [--only suites|together|fold]

Brings each suite as a source package into a cache folder, with a virtual environment of its own (both are kept for the
next time), and runs all four in turn, so that whatever else the machine does falls on all of them. What is measured is
the whole command, from its start to its end, with all of its default options and without a model. The first run writes
bytecode, which all later ones use, as people's do. Prints medians beside their bars, and how many verdicts differ from
plain pytest's. Then all suites at once, and a fold of 50,000 results.

Efficiency is what `run.json` says: the least wall time that so many workers could have taken (collecting, shards and
reruns by their own measured wall times, none before its suite is collected) over the time from the first one's start to
the last one's end. It leaves out what fanfold itself takes before and after, which the ratios to pytest have in them.

Once most of the minutes are over a suite gets one round, and that is said. Needs a machine that does nothing else: two
processes on two busy processors are no quicker than one. Where a suite's length lies between the bars for short and for
long ones, it is shown without a bar.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from fanfold.runners import load  # noqa: E402  the path comes first
from fanfold.skills.parallel_test.fold import About, fold  # noqa: E402
from fanfold.skills.parallel_test.job import Job, SuiteRun  # noqa: E402
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


@dataclass(frozen=True)
class Place:
    """A suite on disk: its sources and its interpreter."""

    name: str
    folder: Path
    environment: Path

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    def forget(self) -> None:
        """Remove what fanfold has recorded."""
        shutil.rmtree(self.folder / ".fanfold", ignore_errors=True)


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
    environ = _environ()
    if recorded:
        (recorded.parent / "recorder_of_verdicts.py").write_text(_RECORDER)
        environ |= {"PYTHONPATH": str(recorded.parent), "RECORDED": str(recorded)}
        words = (*words, "-p", "recorder_of_verdicts")
    command = [str(place.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    began = time.perf_counter()
    subprocess.run(command, cwd=place.folder, env=environ, check=False, capture_output=True)
    return time.perf_counter() - began


def fanned(folder: Path, workers: int, *, config: Path) -> tuple[float, dict[str, Any]]:
    """Run `fanfold test` in a folder; returns its wall time in seconds, and the run's record."""
    command = [sys.executable, str(ROOT / "bin" / "fanfold"), "test", "--backend", "none", "--quiet"]
    command += ["--jobs", str(workers), "--config", str(config)]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=_environ(), check=False, capture_output=True, text=True)
    wall = time.perf_counter() - began
    records = sorted((folder / ".fanfold" / "runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if done.returncode not in {0, 1} or not records:
        sys.exit(f"fanfold test ended with {done.returncode} in {folder}: {done.stderr}")
    return wall, json.loads(records[-1].read_text())["result"]


def _environ() -> dict[str, str]:
    """Return the variables of a user's shell: with PYTHONDONTWRITEBYTECODE pytest rewrites all asserts in each run."""
    ours = ("PYTEST", "FANFOLD", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def verdicts(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the verdict of each test by pytest's name for it, with its number where several have the same."""
    return {f"{test['file']}::{test['name']}": test["verdict"] for test in result["tests"]}


def folded(count: int) -> None:
    """Be a process that folds so many results, one in a hundred a failure, and prints seconds and peak memory."""
    runs = [SuiteRun(_stand_in(), SuiteRecord(name="unit", framework="pytest", folder="."), tuple(_cases(count)))]
    about = About(suspect=lambda _: (), reproduce=lambda *_: "", explain=lambda _: None)
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


def measure(place: Place, runs: int, workers: int, scratch: Path) -> float:
    """Run one suite in all four ways, in turn; prints the medians beside their bars, returns that of plain pytest."""
    recorded = scratch / f"{place.name}.json"
    took: dict[str, list[float]] = {"pytest": [], f"pytest -n {workers}": [], "no history": [], "history": []}
    differ, efficiency = 0, []
    config = scratch / f"{place.name}.toml"
    config.write_text("[test]\n" + _suite_table(place, "."))
    plain(place, recorded=recorded)
    for _ in range(runs):
        took["pytest"].append(plain(place))
        took[f"pytest -n {workers}"].append(plain(place, "-n", str(workers)))
        place.forget()
        for kind in ("no history", "history"):
            wall, result = fanned(place.folder, workers, config=config)
            took[kind].append(wall)
            differ = max(differ, different(json.loads(recorded.read_text()), verdicts(result)))
        efficiency.append(result["efficiency"])
    told = {name: median(values) for name, values in took.items()}
    print(f"{place.name:16}", *(f"{name} {seconds:6.2f} s" for name, seconds in told.items()), sep="  ")
    _compare(told, median(efficiency), f"pytest -n {workers}")
    _bar("verdicts that differ", differ, 0)
    return told["pytest"]


def _compare(told: Mapping[str, float], efficiency: float, spread: str) -> None:
    """Print the ratios to pytest, with the bars that hold for a suite of this length."""
    quicker = min(told["pytest"], told[spread])
    if told["pytest"] > LONG_S:
        _bar("no history / quicker of the two", told["no history"] / quicker, 0.85)
        _bar("history / quicker of the two", told["history"] / quicker, 0.75)
        _bar("efficiency", efficiency, 0.95, least=True)
    elif told["pytest"] < SHORT_S:
        _bar("no history / pytest", told["no history"] / told["pytest"], 1.1)
        _bar("history / pytest", told["history"] / told["pytest"], 1.1)
    else:
        ratios = [told[name] / quicker for name in ("no history", "history")]
        print(
            f"  / quicker of the two: no history {ratios[0]:.2f}, history {ratios[1]:.2f}; efficiency {efficiency:.2f}"
        )


def different(expected: Mapping[str, str], got: Mapping[str, str]) -> int:
    """Count the tests whose verdicts are not the same, and those that are on one side alone."""
    one, other = ({_CLOCK.sub("", name): verdict for name, verdict in side.items()} for side in (expected, got))
    return sum(one.get(name) != other.get(name) for name in {*one, *other})


def together(places: Sequence[Place], runs: int, workers: int, scratch: Path, alone_s: float) -> None:
    """Run all suites at once, with history; `alone_s` is what plain pytest takes for one after the other."""
    root = Path(os.path.commonpath([place.folder for place in places]))
    config = scratch / "together.toml"
    config.write_text("[test]\n" + "".join(_suite_table(place, place.folder.name) for place in places))
    shutil.rmtree(root / ".fanfold", ignore_errors=True)
    measured = [fanned(root, workers, config=config) for _ in range(runs + 1)][1:]
    wall = median(wall for wall, _ in measured)
    print(
        f"all {len(places)} at once: {wall:.2f} s" + (f", {wall / alone_s:.2f} × pytest one by one" if alone_s else "")
    )
    _bar("efficiency", median(result["efficiency"] for _, result in measured), 0.97, least=True)


def _suite_table(place: Place, folder: str) -> str:
    command = json.dumps([str(place.python), "-m", "pytest"])
    return f'[test.suites.{place.name}]\nframework = "pytest"\nfolder = "{folder}"\ncommand = {command}\n'


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
    parser.add_argument("--only", choices=["suites", "together", "fold"], help="one part of it")
    parser.add_argument("--fold", type=int, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.fold:
        folded(said.fold)
    else:
        compare(said)


def compare(said: argparse.Namespace) -> None:
    """Bring the suites, and measure all there is to measure."""
    unknown = sorted({*said.names} - {*SUITES})
    if unknown:
        sys.exit(f"no such suite: {', '.join(unknown)}; there are {', '.join(SUITES)}")
    folder: Path = said.folder.resolve()
    places = [bring(name, SUITES[name], folder) for name in said.names or SUITES] if said.only != "fold" else []
    began, alone_s = time.monotonic(), 0.0

    def rounds(what: str) -> int:
        if time.monotonic() - began <= _MOST_OF * said.minutes * 60:
            return int(said.runs)
        print(f"{what}: one round, since most of the {said.minutes:g} minutes are over")
        return 1

    for place in places if said.only in {None, "suites"} else ():
        alone_s += measure(place, rounds(place.name), said.workers, folder)
    if len(places) > 1 and said.only in {None, "together"}:
        together(places, rounds("all at once"), said.workers, folder, alone_s)
    if said.only in {None, "fold"}:
        fold_many()


if __name__ == "__main__":
    main()
