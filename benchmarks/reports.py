"""What it costs to write a report: seconds and memory of each format at 10, 500 and 5,000 findings or tests.

    python3 benchmarks/reports.py [--sizes N …] [--format NAME …]

Each figure is of a process of its own that has the run in memory and has loaded what it renders with, as after a run.
What making the run left to the garbage collector is collected before: a full collection walks the whole run, and where
one fell by chance the smallest formats seemed to grow faster than the run.
The last column is how the time grew from one size to the next, beside what it would be if it grew with the size: 1.0 is
linear. Growth and bar go by the processor's seconds, which other work on the machine leaves about as they are. Where
chromium is there the page of most findings is opened and filtered, until the next frame is drawn. Exits with 1 when the
HTML of 5,000 takes more than 2 s or a filter more than 0.1 s.
"""

import argparse
import gc
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.models import Finding, Run, Severity, Timing, UnitRecord, Verdict
from fanfold.reports.formats import Renderer, TemplateChoice, formats_of
from fanfold.reports.samples import FULL
from fanfold.reports.tested_samples import FULL as TESTED
from fanfold.sources.edits import unified
from fanfold.suites import Case, TestAttempt, TestRunResult, TestVerdict, Totals, results_of
from fanfold.testing.browser import BrowserMissing, Chromium, find_chromium

SIZES = (10, 500, 5_000)
BAR_S = 2.0
FILTER_BAR_S = 0.1
SKILLS = ("code-review", "parallel-test")
_KB = 1024
_ASPECTS = ("correctness", "security", "performance", "concurrency", "error-handling", "style")
_QUOTES = {
    "py": 'rows = [row for row in fetch("{0}", limit={1}) if row.{0} is not None]  # {0}\nreturn total(rows, {1})',
    "ts": 'const {0} = await store.read<{0}Row>("{0}", {1});\nif (!{0}) throw new Error(`no ${{{0}}}`); // {1}',
    "go": 'rows, err := db.Query("select {0} from orders where id = ?", {1})\nif err != nil {{ return nil, err }}',
    "java": 'List<String> {0} = repository.find("{0}", {1});\nreturn {0}.isEmpty() ? null : {0}.get(0); // {1}',
    "c": 'char *{0} = malloc({1});\nif (strcmp({0}, "{0}") == 0) return -{1}; /* {0} */',
}


def name_of(draw: random.Random) -> str:
    return "".join(draw.choices("abcdefghijklmnop", k=8))


def finding(number: int, draw: random.Random) -> Finding:
    """Return a finding that no other is like: two lines of code, three sentences, for every other one a suggestion."""
    ending = draw.choice(list(_QUOTES))
    name, path = name_of(draw), f"src/{name_of(draw)}/{name_of(draw)}.{ending}"
    quote = _QUOTES[ending].format(name, number)
    line = draw.randint(10, 2_000)
    file = [f"line {n} of {name}\n" for n in range(1, line)] + [quote + "\n"] + ["after\n"] * 4
    after = [*file[: line - 1], quote.replace(str(number), "limit") + "\n", *file[line:]]
    return FULL.findings[0].model_copy(
        update={
            "id": f"F{number + 1}",
            "fingerprint": f"{draw.getrandbits(128):032x}",
            "path": path,
            "line": line,
            "end_line": line + 1,
            "aspect": draw.choice(_ASPECTS),
            "severity": draw.choice(list(Severity)),
            "verdict": draw.choice(list(Verdict)),
            "title": f"`{name}` is read before it is known to be there",
            "explanation": f"`{name}` may be missing.\n\nNothing checks it on the way from `{path}` to here.",
            "failure_scenario": f"An order without `{name}` ends the whole batch of {number}.",
            "quote": quote,
            "suggestion": unified(path, "".join(file), "".join(after)) if number % 2 else None,
        }
    )


def unit(number: int, draw: random.Random) -> UnitRecord:
    start_s = number // 16 * 4.0 + draw.random()
    return FULL.units[-1].model_copy(
        update={
            "key": f"{number:032x}",
            "label": f"{draw.choice(_ASPECTS)} of part {number}",
            "queued_s": 0.0,
            "started_s": start_s,
            "ended_s": start_s + 3 * draw.random(),
            "attempts": 1 + (number % 20 == 0),
        }
    )


def review_of(size: int) -> Run:
    """Return a review with as many findings, and as many units."""
    draw = random.Random(size)
    found = sorted((finding(n, draw) for n in range(size)), key=lambda one: -one.severity.rank)
    units = tuple(unit(n, draw) for n in range(size))
    timing = Timing(wall_s=max(one.ended_s for one in units), worker_s=1.5 * size, speedup=8.0)
    return FULL.model_copy(update={"findings": tuple(found), "units": units, "timing": timing})


def cases(size: int, draw: random.Random) -> Iterator[Case]:
    for number in range(size):
        verdict = TestVerdict.FAILED if number % 20 == 0 else TestVerdict.PASSED
        message = f"AssertionError: {number} is not {name_of(draw)}" if verdict is TestVerdict.FAILED else None
        attempt = TestAttempt(outcome=verdict, duration_s=draw.random(), worker=number % 8, message=message)
        yield Case(file=f"tests/test_{number % 97}.py", name=f"test_{name_of(draw)}_{number}", attempts=(attempt,))


def tests_of(size: int) -> Run:
    """Return a test run of as many tests, and as many units."""
    draw = random.Random(size)
    tests = results_of(cases(size, draw), "unit")
    result = TestRunResult(tests=tests, totals=Totals.of(test.verdict for test in tests))
    units = tuple(unit(n, draw) for n in range(size))
    return TESTED.model_copy(update={"result": result.model_dump(mode="json"), "units": units})


def measure(skill: str, name: str, size: int) -> None:
    """Print the seconds of one report and the megabytes that the process grew by, as JSON."""
    make = {"code-review": review_of, "parallel-test": tests_of}[skill]
    renderer = Renderer(skill, [name], TemplateChoice())
    renderer.render(make(2), name)
    run = make(size)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    text = renderer.render(run, name)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps([seconds, cpu, grown / _KB, len(text.encode()) / _KB / _KB]))


def measured(skill: str, name: str, size: int) -> list[float]:
    command = [sys.executable, __file__, "--measure", skill, name, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: list[float] = json.loads(done.stdout)
    return figures


def table(skill: str, formats: Sequence[str], sizes: Sequence[int]) -> float:
    """Print a line for each format and size; return the processor's seconds for the largest HTML page."""
    page_s = 0.0
    for name in formats:
        before: tuple[int, float] | None = None
        for size in sizes:
            seconds, cpu, memory, length = measured(skill, name, size)
            grown = f"×{cpu / before[1] / (size / before[0]):.2f} of linear" if before else ""
            print(
                f"{skill:13} {name:9} {size:6,}  {seconds:7.3f} s ({cpu:6.3f} s of processor)"
                f"  {memory:6.1f} MB  {length:6.2f} MB of text  {grown}"
            )
            before = size, cpu
            page_s = cpu if name == "html" else page_s
    return page_s


_FILTERED = """(async () => {
    const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const form = document.querySelector(".filters");
    const times = [];
    for (const choose of [
        () => form.querySelector("[value=high]").click(),
        () => form.querySelector("[value=security]").click(),
        () => { form.file.value = "src/a"; form.file.dispatchEvent(new Event("input", {bubbles: true})); },
        () => form.reset(),
    ]) {
        await frame();
        const began = performance.now();
        choose();
        await frame();
        times.push(performance.now() - began);
    }
    return times;
})()"""


def filtered(size: int) -> float | None:
    """Print how long the page takes to load and to filter; return the longest of the latter, None without a browser."""
    try:
        program = find_chromium()
    except BrowserMissing as error:
        print(f"browser: {error}")
        return None
    with tempfile.TemporaryDirectory(prefix="fanfold-benchmark-") as folder:
        place = Path(folder) / "report.html"
        place.write_text(Renderer("code-review", ["html"], TemplateChoice()).render(review_of(size), "html"))
        with Chromium(program, Path(folder) / "browser") as browser:
            began = time.perf_counter()
            page = browser.open(place)
            load_s = time.perf_counter() - began
            times: list[float] = [ms / 1_000 for ms in page.evaluate(_FILTERED)]
    shown = ", ".join(f"{seconds * 1_000:.0f} ms" for seconds in times)
    print(f"browser: {size:,} findings load in {load_s:.2f} s; a filter until the next frame: {shown}")
    return max(times)


def main() -> int:
    """Print the table, then what the browser does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--format", nargs="+", default=())
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure[0], given.measure[1], int(given.measure[2]))
        return 0
    page_s = 0.0
    for skill in SKILLS:
        formats = [name for name in formats_of(skill) if not given.format or name in given.format]
        page_s = max(page_s, table(skill, formats, given.sizes))
    filter_s = filtered(max(given.sizes))
    slow = page_s > BAR_S or (filter_s or 0.0) > FILTER_BAR_S
    print(f"bars: {BAR_S:.0f} s for a page, {FILTER_BAR_S * 1_000:.0f} ms for a filter: {'missed' if slow else 'held'}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
