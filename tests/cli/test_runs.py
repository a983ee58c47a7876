"""`fanfold runs` tells what was run here, and clears it away."""

import os
import time

import pytest

from fanfold.engine.events import EventLog
from fanfold.engine.runs import write_run
from fanfold.models import Coverage, Run, TargetRecord, Timing, Usage


@pytest.fixture
def folder(repository):
    return repository.root / ".fanfold"


def record(folder, run_id, started=1_750_000_000.0, **fields):
    """Save a run."""
    given = {
        "skill": "code-review",
        "status": "partial",
        "request": {},
        "target": TargetRecord(root="/r", description="the last commit"),
        "backend": "api",
        "model": "claude-opus-5-5",
        "coverage": Coverage(planned=3, ok=2, timed_out=1, reused=1, missing=("security — no answer in 5 s",)),
        "usage": Usage(input_tokens=12_000, output_tokens=30, cost_usd=0.25, cost_uncached_usd=1.5, requests=4,
                       retries=1, hedges=0, errors={"429": 1}),
        "timing": Timing(wall_s=10.0, worker_s=30.0, speedup=3.0, critical_path_s=9.0),
    }  # fmt: skip
    return write_run(folder, Run(id=run_id, **{**given, **fields}), started=started)


def killed(folder, run_id):
    """Leave what a killed run leaves."""
    place = folder / "runs" / run_id
    place.mkdir(parents=True)
    with EventLog(place / "events.jsonl") as log:
        log.emit("run.started")
        for key, label in (("a", "security"), ("b", "style")):
            log.emit("unit.planned", key, label=label, kind="aspect", lane="model:m")
        log.emit("attempt.started", "a", number=1, hedge=False)
        log.emit("attempt.ended", "a", number=1, hedge=False, status="ok", error=None, usage=Usage(requests=1))
        log.emit("unit.ended", "a", status="ok", error=None, attempts=1, usage=Usage(requests=1), hedged=False)
    return place


@pytest.fixture
def _utc(monkeypatch):
    """Let this machine's clock show UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_utc")
def test_runs_are_listed(folder, fanfold):
    """One line a run, newest first, data alone on stdout."""
    record(folder, "r1")
    record(folder, "r2", started=1_750_090_000.0, skill="parallel-test", usage=Usage(cost_usd=None))
    os.utime(killed(folder, "r0"), (1_740_000_000.0, 1_740_000_000.0))
    ended = fanfold("runs", "list")
    assert ended.code == 0
    assert ended.err == ""
    assert [line.split() for line in ended.out.splitlines()] == [
        ["r2", "parallel-test", "partial", "2025-06-16", "16:06", "10", "s", "unknown", "cost"],
        ["r1", "code-review", "partial", "2025-06-15", "15:06", "10", "s", "$0.25"],
        ["r0", "unfinished", "2025-02-19", "21:20"],
    ]


def test_without_runs_that_is_said(repository, fanfold):
    """An empty list is no error; stdout stays empty, and nothing is made."""
    ended = fanfold("runs", "list")
    assert (ended.code, ended.out) == (0, "")
    assert "no runs in" in ended.err
    assert not (repository.root / ".fanfold").exists()


def test_a_run_is_shown(folder, fanfold):
    """What was covered, what is missing and why, what it used and how long it took; the latest by nothing."""
    path = record(folder, "r1")
    text = f"""\
run        r1, code-review, partial
target     the last commit
backend    api (claude-opus-5-5)
units      2 of 3 ok, 1 of them reused
missing    security — no answer in 5 s
requests   4 requests, 1 retry, no hedges; errors: 1 × 429
tokens     12,000 in, 0 written to the cache, 0 read from it, 30 out
cost       $0.25; without a cache $1.50
time       10 s for 30 s of work, 3.0 times as fast; critical path 9.0 s
record     {path}
"""
    assert fanfold("runs", "show", "r1").out == fanfold("runs", "show").out == text


def test_a_killed_run_is_shown(folder, fanfold):
    """A run without a record is shown from its events, with the way to resume it."""
    killed(folder, "r1")
    lines = fanfold("runs", "show", "r1").out.splitlines()
    assert lines[0] == "run        r1, unfinished"
    assert "units      1 of 2 ok" in lines
    assert "missing    style — it had no outcome when the run ended" in lines
    assert lines[-1].startswith("resume     run the same command again")


def test_many_missing_units_are_counted(folder, fanfold):
    """Twenty are named, the others counted."""
    record(folder, "r1", coverage=Coverage(planned=50, failed=50, missing=tuple(f"u{n} — why" for n in range(50))))
    lines = [line for line in fanfold("runs", "show", "r1").out.splitlines() if line.startswith("missing")]
    assert len(lines) == 21
    assert lines[-1] == "missing    and 30 more"


def test_what_somebody_else_wrote_cannot_steer_the_terminal(folder, fanfold):
    """Control characters in a record, which may have come with the repository, are not printed."""
    record(folder, "r1", target=TargetRecord(root="/r", description="a\x1b[2Jb\nrun  fake"), skill="\x1b]0;x\x07")
    for command in (("list",), ("show", "r1")):
        out = fanfold("runs", *command).out
        assert "\x1b" not in out
        assert "\x07" not in out
    assert "target     a\ufffd[2Jb\ufffdrun  fake" in out.splitlines()


@pytest.mark.parametrize(
    "line", ['{"at_s":0,"name":"unit.ended","unit":"k"}', '{"at_s":0,"name":"lane.limit","attributes":{}}', "nonsense"]
)
def test_events_that_make_no_sense_are_said(folder, fanfold, line):
    """A file of events that somebody broke is one clear line and exit 2."""
    (killed(folder, "r1") / "events.jsonl").write_text(f"{line}\n")
    ended = fanfold("runs", "show", "r1")
    assert ended.code == 2
    (said,) = ended.err.splitlines()
    assert "events.jsonl" in said


def test_a_run_that_is_not_there_is_said(repository, fanfold):
    """One clear line, exit 2."""
    ended = fanfold("runs", "show", "r9")
    assert ended.code == 2
    (said,) = ended.err.splitlines()
    assert "no run 'r9'" in said


def test_pruning_says_what_went(folder, fanfold):
    """The newest stay, and what was removed is counted."""
    for number in range(4):
        record(folder, f"r{number}", started=1_750_000_000.0 + number)
    assert fanfold("runs", "prune", "--keep", "2", "--older-than", "36500").out == "removed no runs and no outcomes\n"
    assert fanfold("runs", "prune").out == "removed no runs and no outcomes\n"
    assert fanfold("runs", "prune", "--keep", "2").out == "removed 2 runs and no outcomes\n"
    assert [line.split()[0] for line in fanfold("runs", "list").out.splitlines()] == ["r3", "r2"]
    assert fanfold("runs", "prune", "--keep", "-1").code == 2


def test_a_linked_folder_is_not_pruned(folder, fanfold, tmp_path):
    """A `.fanfold` that leads elsewhere is refused in one line."""
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    ended = fanfold("runs", "prune")
    assert ended.code == 2
    assert "is a symbolic link" in ended.err
