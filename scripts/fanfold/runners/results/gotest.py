"""`go test -json`: an event a line (go doc test2json), and on stderr what did not compile.

A test around subtests is no test of its own, unless it failed and none of them did. A package that failed without a
test that did (it did not compile, a `TestMain` ended it, it panicked between tests) is an error named after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import BAD, Case, TestVerdict

_ENDS = {"pass": TestVerdict.PASSED, "fail": TestVerdict.FAILED, "skip": TestVerdict.SKIPPED}
_FRAMING = re.compile(r"^\s*(?:=== |--- (?:PASS|FAIL|SKIP|BENCH): |(?:PASS|FAIL|ok)\s)")
_BUILD_FAILED = re.compile(r"^FAIL\s+(?P<package>\S+)(?: \[(?P<why>.*)\])?$", re.MULTILINE)
_BUILD_SAYS = re.compile(r"^# (?P<package>\S+)(?: \[.*\])?$")
_KEPT = 400  # lines of output of a test


@dataclass(slots=True)
class _Told:
    """What was said of a test, or of a package under the name ""."""

    lines: list[str] = field(default_factory=list)
    end: TestVerdict | None = None
    took: float | None = None
    started: bool = False


def read_go(stdout: bytes, stderr: bytes, place: Place, *, module: str = "") -> Reading:
    """Read the events; `module` is the path that package names start with, by which files are found."""
    told: dict[tuple[str, str], _Told] = {}
    builds: dict[str, list[str]] = {}
    for event in _events(stdout):
        package = str(event.get("Package") or event.get("ImportPath") or "").partition(" [")[0]
        if str(event.get("Action")).startswith("build-"):
            builds.setdefault(package.removesuffix(".test"), []).append(str(event.get("Output") or ""))
            continue
        _take(told.setdefault((package, str(event.get("Test") or "")), _Told()), event)
    said = stderr.decode("utf-8", "replace")
    broken = {**_broken(stdout, said), **{package: "".join(text) for package, text in builds.items() if "".join(text)}}
    names = {key for key in told if key[1]}
    cases = [_case(key, told[key], place, module) for key in told if key[1] and not _around(key, names, told)]
    cases += _packages(told, broken, cases, place, module)
    return Reading(tuple(cases), error=_nothing(said) if not cases else None)


def _events(stdout: bytes) -> Iterator[Mapping[str, Any]]:
    for line in stdout.splitlines():
        if line.startswith(b"{"):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def _take(one: _Told, event: Mapping[str, Any]) -> None:
    action = str(event.get("Action"))
    if action == "output" and len(one.lines) < _KEPT and not _FRAMING.match(str(event.get("Output"))):
        one.lines.append(str(event.get("Output")))
    elif action in _ENDS:
        one.end = _ENDS[action]
        one.took = seconds(event.get("Elapsed"))
    one.started = one.started or action in {"run", "output"}


def _around(key: tuple[str, str], names: Iterable[tuple[str, str]], told: Mapping[tuple[str, str], _Told]) -> bool:
    """Tell whether a test is the sum of its subtests."""
    package, name = key
    inside = [other for other in names if other[0] == package and other[1].startswith(name + "/")]
    if told[key].end is TestVerdict.FAILED:
        return any(told[other].end is TestVerdict.FAILED for other in inside)
    return bool(inside) and told[key].end is not None


def _case(key: tuple[str, str], one: _Told, place: Place, module: str) -> Case:
    package, name = key
    text = "".join(one.lines)
    verdict = one.end or TestVerdict.CRASHED
    if "panic: test timed out after" in text:
        verdict = TestVerdict.TIMED_OUT
    says = _panic(text) or dedent(text).strip() or None
    inside = place.file(_folder(package, module))
    told = attempt(verdict, Place(place.root, inside), duration_s=one.took, says=says, trace=text or None)
    return Case(
        file=inside,
        name=name,
        parameters=name.partition("/")[2],
        native=f"{package}::{name}",
        attempts=(told,),
    )


def _folder(package: str, module: str) -> str:
    """Return a package's folder below the module's; the package's own name where it is not in the module."""
    if module and (package == module or package.startswith(module + "/")):
        return package[len(module) :].lstrip("/") or "."
    return package


def _panic(text: str) -> str | None:
    match = re.search(r"^\s*panic: (.+)$", text, re.MULTILINE)
    return f"panic: {match[1].removesuffix(' [recovered]')}" if match else None


def _broken(stdout: bytes, stderr: str) -> dict[str, str]:
    """Return what the compiler said of packages, by their names."""
    text = stdout.decode("utf-8", "replace")
    broken = {match["package"]: match["why"] or "" for match in _BUILD_FAILED.finditer(text) if match["why"]}
    at: str | None = None
    for line in stderr.splitlines():
        if match := _BUILD_SAYS.match(line):
            at = match["package"].removesuffix(".test")
            broken[at] = ""
        elif at is not None:
            broken[at] += line + "\n"
    return broken


def _packages(
    told: Mapping[tuple[str, str], _Told], broken: Mapping[str, str], cases: list[Case], place: Place, module: str
) -> Iterator[Case]:
    failed = {package: one for (package, name), one in told.items() if not name and one.end is TestVerdict.FAILED}
    explained = {case.native.partition("::")[0] for case in cases if case.verdict in BAD}
    for package in sorted({*failed, *broken} - explained):
        text = broken.get(package) or "".join(failed[package].lines if package in failed else []) or "it failed"
        folder = place.file(_folder(package, module))
        told_of_it = attempt(TestVerdict.ERROR, place, says=text.strip().splitlines()[0], trace=text)
        yield Case(file=folder, name=package, native=package, attempts=(told_of_it,))


def _nothing(stderr: str) -> str | None:
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith("go: downloading")]
    return lines[0] if lines else None
