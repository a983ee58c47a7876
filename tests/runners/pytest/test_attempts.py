"""What the reporter told of a test's phases becomes its attempts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fanfold.runners.pytest.attempts import attempts_of, where

ROOT = Path("/root-of-it")


def phase(when: str, outcome: str = "passed", **said: Any) -> dict[str, Any]:
    return {"when": when, "outcome": outcome, "duration": 0.25, **said}


def failure(name: str) -> dict[str, Any]:
    chain = [
        {"type": f"builtins.{name}", "message": "why", "frames": [["/root-of-it/a.py", 3, "f"], ["/else/b.py", 4, "g"]]}
    ]
    return {"chain": chain, "text": "the stack"}


SETUP, CALL, TEARDOWN = phase("setup"), phase("call"), phase("teardown")


@pytest.mark.parametrize(
    ("phases", "outcome"),
    [
        ([SETUP, CALL, TEARDOWN], "passed"),
        ([phase("setup", "failed"), TEARDOWN], "error"),
        ([SETUP, CALL, phase("teardown", "failed")], "error"),
        ([SETUP, phase("call", "failed"), phase("teardown", "failed")], "failed"),
        ([phase("setup", "skipped"), TEARDOWN], "skipped"),
        ([SETUP, phase("call", "skipped", wasxfail="known"), TEARDOWN], "xfailed"),
        ([SETUP, phase("call", wasxfail=""), TEARDOWN], "passed"),
        ([SETUP, phase("call", "skipped", subtest="one"), CALL, TEARDOWN], "passed"),
        ([SETUP, phase("call", "failed", subtest="one"), CALL, TEARDOWN], "failed"),
    ],
)
def test_phases_make_a_verdict(phases, outcome):
    """Where a test failed makes it a failure or an error; a skipped subtest skips nothing."""
    assert [attempt.outcome for attempt in attempts_of(phases, ROOT)] == [outcome]


def test_what_a_plugin_reran_is_an_attempt():
    """Reports of the outcome `rerun` end an attempt that failed; a duration that is given is the last one's."""
    phases = [SETUP, phase("call", "rerun", failure=failure("OSError")), TEARDOWN, SETUP, CALL, TEARDOWN]
    first, last = attempts_of(phases, ROOT, worker=3, duration_s=9.0)
    assert (first.outcome, first.error_type, first.duration_s, first.worker) == ("failed", "OSError", 0.5, 3)
    assert (last.outcome, last.duration_s, last.worker) == ("passed", 9.0, 3)


def test_a_failure_is_told_by_what_was_raised():
    """Type without `builtins`, message, stack, and frames named from the root where they are below it."""
    (attempt,) = attempts_of([phase("call", "failed", failure=failure("KeyError"))], ROOT)
    assert (attempt.error_type, attempt.message, attempt.trace) == ("KeyError", "KeyError: why", "the stack")
    assert [(frame.path, frame.line, frame.function) for frame in attempt.frames] == [
        ("a.py", 3, "f"),
        ("/else/b.py", 4, "g"),
    ]


def test_no_phase_is_no_attempt():
    """A test of which only its start was told has none."""
    assert attempts_of([], ROOT) == ()


@pytest.mark.parametrize(
    ("path", "named"), [("/root-of-it/t/a.py", "t/a.py"), ("/root-of-it-too/a.py", "/root-of-it-too/a.py")]
)
def test_files_are_named_from_the_root(path, named):
    """What is below the root is relative to it; a folder that begins alike is not below it."""
    assert where(path, ROOT) == named
