"""The text that `cargo test` prints, and that of cargo-nextest.

libtest writes tests to stdout and cargo names the binaries on stderr, in the same order. A binary that said how many
tests it would run and ended before they all had is an error of its own, with the signal that ended it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, plain, seconds
from fanfold.suites import BAD, Case, TestAttempt, TestVerdict

_BINARY = re.compile(
    r"^\s+(?:Running (?:unittests )?(?P<source>\S+)(?: \((?P<path>[^)]+)\))?|Doc-tests (?P<crate>\S+))\s*$"
)
_BEGINS = re.compile(r"^running (\d+) tests?$")
_RESULT = re.compile(
    r"^test (?P<name>.+?)(?: - should panic)?(?: - compile(?: fail)?)? \.\.\. (?P<word>ok|FAILED|ignored|bench:.*)"
    r"(?:, (?P<reason>.*))?(?: <(?P<took>[\d.]+)s>)?$"
)
_OUTPUT = re.compile(r"^---- (?P<name>.+?) (?:stdout|stderr) ----$")
_ENDED = re.compile(r"^  process didn't exit successfully: `(?P<path>[^`]+?)(?:`| ).*?\((?P<how>[^()]*signal[^()]*)\)")
_PANIC = re.compile(r"panicked at (?:'(?P<old>.*)', )?(?P<where>\S+?:\d+:\d+):?\n?(?P<new>.*)")
_AT = re.compile(r"^\s*at \./(\S+:\d+:\d+)$", re.MULTILINE)
_WORDS = {"ok": TestVerdict.PASSED, "FAILED": TestVerdict.FAILED, "ignored": TestVerdict.SKIPPED}


@dataclass(slots=True)
class _Binary:
    promised: int
    results: list[tuple[str, TestVerdict, str | None, float | None]] = field(default_factory=list)
    output: dict[str, list[str]] = field(default_factory=dict)


def read_cargo(stdout: bytes, stderr: bytes, place: Place) -> Reading:
    """Read both outputs of `cargo test`."""
    binaries = _binaries(plain(stdout.decode("utf-8", "replace")))
    said = plain(stderr.decode("utf-8", "replace"))
    sources = _sources(stdout)
    names = [_binary_name(match, sources) for match in map(_BINARY.match, said.splitlines()) if match]
    if len(names) != len(binaries):
        # A binary without libtest's harness prints what it likes: names can't be told then.
        names = [("", "")] * len(binaries)
    cases = [case for binary, named in zip(binaries, names, strict=True) for case in _cases(binary, named, said, place)]
    return Reading(tuple(cases), error=None if cases else _compile_error(said))


def _sources(stdout: bytes) -> dict[str, str]:
    """Return the source files of binaries by their names, from what cargo tells of its artifacts as JSON.

    On stderr it names them as they are seen from their package, which does not tell those of a workspace apart.
    """
    sources: dict[str, str] = {}
    for line in stdout.splitlines():
        if not line.startswith(b'{"reason":"compiler-artifact"'):
            continue
        try:
            told = json.loads(line)
            sources[str(told["executable"]).rpartition("/")[2]] = str(told["target"]["src_path"])
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return sources


def _binary_name(match: re.Match[str], sources: Mapping[str, str]) -> tuple[str, str]:
    """Return the source file of a binary and its path; a crate's documentation is a binary of its own."""
    path = match["path"] or ""
    source = sources.get(path.rpartition("/")[2], match["source"])
    return (f"{match['crate']} (doc)", "") if match["crate"] else (source, path)


def _binaries(text: str) -> list[_Binary]:
    binaries: list[_Binary] = []
    at: list[str] | None = None
    for line in text.splitlines():
        if match := _BEGINS.match(line):
            binaries.append(_Binary(int(match[1])))
            at = None
        elif not binaries:
            continue
        elif match := _OUTPUT.match(line):
            at = binaries[-1].output.setdefault(match["name"], [])
        elif (match := _RESULT.match(line)) and at is None:
            verdict = _WORDS.get(match["word"], TestVerdict.PASSED)
            binaries[-1].results.append((match["name"], verdict, match["reason"], seconds(match["took"])))
        elif line in {"failures:", "successes:"} or line.startswith("test result: "):
            at = None
        elif at is not None:
            at.append(line)
    return binaries


def _cases(binary: _Binary, named: tuple[str, str], stderr: str, place: Place) -> Iterator[Case]:
    source, path = named
    file = place.file(source) if source and not source.endswith(" (doc)") else ""
    for name, verdict, reason, took in binary.results:
        text = "\n".join(binary.output.get(name, [])) or None
        # A documentation test's name begins with its file.
        in_doc = re.match(r"^(\S+\.rs) - ", name)
        yield Case(
            file=place.file(in_doc[1]) if in_doc else file,
            name=f"{source}::{name}" if source.endswith(" (doc)") and not in_doc else name,
            native=name,
            attempts=(_told(verdict, place, reason, text, took),),
        )
    missing = binary.promised - len(binary.results)
    if missing > 0:
        how = next((m["how"] for m in map(_ENDED.match, stderr.splitlines()) if m and path and path in m["path"]), None)
        says = f"it ended before {missing} of its {binary.promised} tests had" + (f": {how}" if how else "")
        name = file or "a test binary"
        yield Case(file=file, name=name, attempts=(attempt(TestVerdict.CRASHED, place, says=says),))


def _told(verdict: TestVerdict, place: Place, says: str | None, text: str | None, took: float | None) -> TestAttempt:
    panic = _PANIC.search(text or "")
    said = says or ((panic["old"] or panic["new"]) if panic else None)
    stack = _from_the_top(text, panic) if text and panic else text
    return attempt(verdict, place, duration_s=took, says=said, trace=stack, error_type="panic" if panic else None)


def _from_the_top(text: str, panic: re.Match[str]) -> str:
    """Return a stack whose files are seen from the workspace, as the panic itself is, and not from their package."""
    matching = (at for at in _AT.findall(text) if f"/{panic['where']}".endswith(f"/{at}"))
    package = next((panic["where"].removesuffix(at) for at in matching), "")
    return text.replace(" at ./", f" at ./{package}") if package else text


def _compile_error(stderr: str) -> str | None:
    return next((line for line in stderr.splitlines() if line.startswith("error")), None)


_STATUS = re.compile(
    r"^\s*(?:TRY \d+ )?(?P<word>PASS|FAIL|FLAKY(?: \d+/\d+)?|LEAK|LEAK-FAIL|TIMEOUT|TMT|SKIP|ABORT|SIG\w+)\s+"
    r"\[\s*[<>]?\s*(?P<took>[\d.]+)s\]\s+(?:\([\s\d/]+\)\s+)?(?P<binary>\S+)\s+(?P<name>.+)$"
)
_HEADING = re.compile(r"^  (?:stdout|stderr|output) ─+")
# A process runs one test: its name says nothing new, nor does that it failed.
_LIBTEST = re.compile(
    r"^(?:running 1 test|test .+ \.\.\. (?:ok|FAILED)|failures:|---- .+ (?:stdout|stderr) ----"
    r"|    \w[\w:#]*|test result: .*)$"
)
_FINISH = re.compile(r"^\s*Summary \[")


def read_nextest(stderr: bytes, place: Place) -> Reading:
    """Read what nextest prints as tests end; the summary behind it repeats the failures, and is left out."""
    attempts: dict[tuple[str, str], list[TestAttempt]] = {}
    lines = plain(stderr.decode("utf-8", "replace")).splitlines()
    end = next((number for number, line in enumerate(lines) if _FINISH.match(line)), len(lines))
    for at in range(end):
        match = _STATUS.match(lines[at])
        if match:
            text, verdict = _captured(lines, at + 1, end), _nextest_verdict(match["word"])
            silent = "its process ended, and said nothing of why" if verdict in BAD and not text else None
            told = _told(verdict, place, silent, text, seconds(match["took"]))
            attempts.setdefault((match["binary"], match["name"]), []).append(told)
    cases = tuple(
        Case(name=f"{binary}::{name}", native=f"{binary} {name}", attempts=tuple(tries))
        for (binary, name), tries in attempts.items()
    )
    return Reading(cases, error=None if cases else _compile_error("\n".join(lines)))


def _nextest_verdict(word: str) -> TestVerdict:
    if word.startswith("SIG") or word == "ABORT":
        return TestVerdict.CRASHED
    if word in {"TIMEOUT", "TMT"}:
        return TestVerdict.TIMED_OUT
    if word == "SKIP":
        return TestVerdict.SKIPPED
    return TestVerdict.FAILED if word in {"FAIL", "LEAK-FAIL"} else TestVerdict.PASSED


def _captured(lines: list[str], at: int, end: int) -> str | None:
    """Return the output that stands, indented, below a test's line, without what libtest says around it."""
    text: list[str] = []
    for line in lines[at:end]:
        if _STATUS.match(line) or line.startswith("────"):
            break
        said = line.removeprefix("    ")
        if not (_HEADING.match(line) or _LIBTEST.match(said)) and (said or (text and text[-1])):
            text.append(said)
    return "\n".join(text).strip("\n") or None
