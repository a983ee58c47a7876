"""What `fanfold_unittest.py` writes: a line of JSON for the start and the end of each test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fanfold.runners.base import Reading
from fanfold.runners.results.attempts import attempt
from fanfold.runners.results.place import Place, seconds
from fanfold.suites import Case, TestAttempt, TestVerdict

_FAILED_IMPORT = "unittest.loader._FailedTest."


def read_unittest(data: bytes, place: Place) -> Reading:
    """Read the lines; a test that started and did not end took its process along."""
    cases: list[Case] = []
    started: dict[str, str] = {}
    for line in lines_of(data):
        match line:
            case ["start", str(name), str(file)]:
                started[name] = file
            case ["end", str(name), str(file), str(outcome), took, said, trace]:
                started.pop(name, None)
                cases.append(_case(place, name, file, _told(place, outcome, took, said, trace)))
    gone = _told(place, "crashed", None, "its process ended while it ran", None)
    cases += [_case(place, name, file, gone) for name, file in started.items()]
    return Reading(tuple(cases))


def lines_of(data: bytes) -> Iterator[list[Any]]:
    """Yield the lines that are whole."""
    for line in data.split(b"\n")[:-1]:
        try:
            parts = json.loads(line)
        except ValueError:
            continue
        if isinstance(parts, list):
            yield parts


def _told(place: Place, outcome: str, took: object, said: object, trace: object) -> TestAttempt:
    return attempt(
        TestVerdict(outcome) if outcome in set(TestVerdict) else TestVerdict.ERROR,
        place,
        duration_s=seconds(took),
        says=said if isinstance(said, str) else None,
        trace=trace if isinstance(trace, str) else None,
    )


def _case(place: Place, name: str, file: str, told: TestAttempt) -> Case:
    failed_import = name.startswith(_FAILED_IMPORT)
    return Case(
        file=place.file(file) if file and not failed_import else "",
        name=name.removeprefix(_FAILED_IMPORT),
        parameters=name.partition(" ")[2],  # of a subtest
        native="" if failed_import or name.startswith("setUp") else name.partition(" ")[0],
        attempts=(told,),
    )
