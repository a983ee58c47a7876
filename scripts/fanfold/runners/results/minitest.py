"""What minitest prints with `--verbose`: a line for each test as it ends, and the failures numbered at the end."""

from __future__ import annotations

import re

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, plain, seconds
from fanfold.suites import Case, TestVerdict

_LINE = re.compile(r"^(?P<name>.+#test_.*?) = (?P<took>[\d.]+) s = (?P<mark>[.FES])$", re.MULTILINE)
_FAILURE = re.compile(
    r"^ +\d+\) (?:Failure|Error|Skipped):\n(?P<what>.+?)(?: \[(?P<at>[^\]\n]+):(?P<line>\d+)\])?:?\n", re.MULTILINE
)
_MARKS = {
    ".": TestVerdict.PASSED,
    "F": TestVerdict.FAILED,
    "E": TestVerdict.ERROR,
    "S": TestVerdict.SKIPPED,
}


def read_minitest(stdout: bytes, stderr: bytes, place: Place) -> Reading:
    """Read the output; a test's own file is known where it failed."""
    text = plain(stdout.decode("utf-8", "replace"))
    failures = _failures(text)
    cases = []
    for match in _LINE.finditer(text):
        name = match["name"]
        file, line, said = failures.get(name, (None, None, None))
        told = attempt(_MARKS[match["mark"]], place, duration_s=seconds(match["took"]), trace=said)
        cases.append(Case(file=place.file(file), name=name, native=name, line=line, attempts=(told,)))
    return Reading(tuple(cases), error=None if cases else _why(plain(stderr.decode("utf-8", "replace"))))


def _failures(text: str) -> dict[str, tuple[str | None, int | None, str]]:
    """Return where the tests that failed did, and what was said of it, by their names."""
    found = list(_FAILURE.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    failures = {}
    for match, end in zip(found, ends, strict=False):
        said = re.split(r"^\d+ (?:runs|tests), ", text[match.end() : end], flags=re.MULTILINE)[0].strip()
        where = f"{match['at']}:{match['line']}\n" if match["at"] else ""
        failures[match["what"]] = (
            match["at"],
            int(match["line"]) if match["line"] else None,
            f"{said}\n{where}".strip(),
        )
    return failures


def _why(stderr: str) -> str | None:
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[0] if lines else None
