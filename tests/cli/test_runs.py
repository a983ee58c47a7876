"""`fanfold runs` tells what was run here, and clears it away."""

import os
import time

import pytest

from fanfold.engine.events import EventLog
from fanfold.engine.runs import write_run
from fanfold.models import Coverage, Finding, Run, Severity, TargetRecord, Timing, Usage

NOTE = {"path": "a.py", "line": 1, "end_line": 1, "statement": "It is so.", "quote": "q", "relevance": 0.5}
CITATION = {"path": "a.py", "line": 1, "end_line": 1, "quote": "q", "status": "verified"}


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


def finding(severity, **fields):
    """Make a finding."""
    given = {
        "path": "a.py",
        "line": 1,
        "end_line": 1,
        "aspect": "style",
        "title": "t",
        "quote": "q",
        "sources": ("ruff:X",),
    }
    return Finding(severity=severity, confidence=1.0, **{**given, **fields})


def killed(folder, run_id):
    """Leave what a killed run leaves: of two requests one is answered."""
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
    """A header and one line a run, newest first, alone on stdout; what is not known is left out."""
    record(folder, "r1", findings=(finding(Severity.LOW),))
    record(folder, "r2", started=1_750_090_000.0, skill="parallel-test", usage=Usage(cost_usd=None, requests=1))
    record(folder, "r3", started=1_750_180_000.0, usage=Usage())
    os.utime(killed(folder, "r0"), (1_740_000_000.0, 1_740_000_000.0))
    ended = fanfold("runs", "list")
    assert ended.code == 0
    assert ended.err == ""
    assert (
        ended.out
        == """\
run  skill          status      began             took  cost          findings  target
r3   code-review    partial     2025-06-17 17:06  10 s                0         the last commit
r2   parallel-test  partial     2025-06-16 16:06  10 s  unknown cost            the last commit
r1   code-review    partial     2025-06-15 15:06  10 s  $0.25         1         the last commit
r0                  unfinished  2025-02-19 21:20
"""
    )


def test_the_newest_runs_are_listed(folder, fanfold):
    """Twenty, and how many older ones there are; --all lists these too. A long target is cut."""
    for number in range(22):
        target = TargetRecord(root="/r", description="x" * 100)
        record(folder, f"r{number:02}", started=1_750_000_000.0 + number, target=target)
    ended = fanfold("runs", "list")
    assert [line.split()[0] for line in ended.out.splitlines()[1:]] == [f"r{number:02}" for number in range(21, 1, -1)]
    assert ended.out.splitlines()[1].endswith(f" {'x' * 59}…")
    assert ended.err == "fanfold: 2 older runs: fanfold runs list --all\n"
    whole = fanfold("runs", "list", "--all")
    assert len(whole.out.splitlines()) == 23
    assert whole.err == ""


def test_without_runs_that_is_said(repository, fanfold):
    """An empty list is no error; stdout stays empty, and nothing is made."""
    ended = fanfold("runs", "list")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"fanfold: no runs in {repository.root / '.fanfold'} yet\n"
    assert not (repository.root / ".fanfold").exists()


def test_a_run_is_shown(folder, fanfold):
    """What was covered, what is missing and why, what it used and how long it took; the latest by nothing."""
    found = (finding(Severity.HIGH), finding(Severity.LOW), finding(Severity.LOW, introduced=False))
    path = record(folder, "r1", findings=found)
    text = f"""\
run        r1, code-review, partial
target     the last commit
backend    api (claude-opus-5-5)
findings   2 (1 high, 1 low), 1 older than the change (1 low)
units      2 of 3 ok, 1 of them reused
missing    security — no answer in 5 s
requests   4 requests, 1 retry, no hedges; errors: 1 × 429
tokens     12,000 in, 0 written to the cache, 0 read from it, 30 out
cost       $0.25; without a cache $1.50
time       10 s for 30 s of work, 3.0 times as fast; critical path 9.0 s
record     {path}
"""
    assert fanfold("runs", "show", "r1").out == fanfold("runs", "show").out == text


def test_a_run_in_which_nothing_happened_is_shown(folder, fanfold):
    """Without requests there are no tokens and no cost, without work no speed-up, without findings none."""
    record(folder, "r1", usage=Usage(), timing=Timing(wall_s=0.25, speedup=0.0))
    lines = fanfold("runs", "show").out.splitlines()
    assert "findings   none" in lines
    assert "requests   no requests, no retries, no hedges" in lines
    assert "time       0.2 s" in lines
    assert not [line for line in lines if line.startswith(("tokens", "cost"))]


@pytest.mark.parametrize(
    ("skill", "result", "says"),
    [
        ("multi-file-analysis", {"question": "", "notes": [NOTE, NOTE]}, "answer     no citations, from 2 notes"),
        ("multi-file-analysis", {"question": "", "citations": [CITATION]}, "answer     1 citation, from no notes"),
        ("parallel-test", {"totals": {"passed": 3, "timed_out": 1}}, "tests      3 passed, 1 timed out"),
        ("parallel-test", {}, "tests      none"),
    ],
)
def test_what_came_of_a_run_is_told_in_its_skills_terms(folder, fanfold, skill, result, says):
    """An analysis has notes and citations, a test run has tests: neither is a review that found nothing."""
    record(folder, "r1", skill=skill, result=result)
    lines = fanfold("runs", "show").out.splitlines()
    assert says in lines
    assert not [line for line in lines if line.startswith("findings")]


@pytest.mark.parametrize("skill", ["multi-file-analysis", "parallel-test"])
def test_a_result_that_is_none_of_its_skills_is_one_line(folder, fanfold, skill):
    """Exit 2, and no traceback; the list of runs does without it."""
    record(folder, "r1", skill=skill, result={"totals": 1, "notes": 1})
    ended = fanfold("runs", "show")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith(f"run.json: not the record of a run of {skill}\n")
    assert fanfold("runs", "list").code == 0


@pytest.mark.parametrize(("speedup", "says"), [(3.0, ", 3.0 times as fast;"), (1.05, "work;"), (0.8, "work;")])
def test_a_speed_up_is_told_where_there_is_one(folder, fanfold, speedup, says):
    """Work that was done one after the other is not told to be as fast as that."""
    record(folder, "r1", timing=Timing(wall_s=10.0, worker_s=10.0 * speedup, speedup=speedup, critical_path_s=9.0))
    assert says in fanfold("runs", "show").out
    assert ("the speed of one after the other" in fanfold("report").out) is (speedup > 1.1)


def test_a_killed_run_is_shown(folder, fanfold):
    """A run without a record is shown from its events, with the way to resume it."""
    killed(folder, "r1")
    lines = fanfold("runs", "show", "r1").out.splitlines()
    assert lines[0] == "run        r1, unfinished"
    assert "units      1 of 2 ok" in lines
    assert "missing    style — it had no outcome when the run ended" in lines
    assert lines[-1].startswith("resume     run the same command again")


@pytest.mark.parametrize(
    ("answered", "requests", "cost"),
    [
        (1, "3 requests, 2 of them in flight when it ended, no", "$0.50, and unknown cost of what was in flight"),
        (0, "2 requests, 2 of them in flight when it ended, no", "unknown cost"),
    ],
)
def test_what_was_in_flight_has_an_unknown_cost(folder, fanfold, answered, requests, cost):
    """A request that had begun when the run was killed is a request; a process is none."""
    place = folder / "runs" / "r1"
    place.mkdir(parents=True)
    with EventLog(place / "events.jsonl") as log:
        for key, lane in (("a", "model:m"), ("b", "model:m"), ("c", "model:m"), ("d", "process")):
            log.emit("unit.planned", key, label=key, kind="aspect", lane=lane)
        for key in "abcd"[1 - answered :]:
            log.emit("attempt.started", key, number=1, hedge=False)
        if answered:
            usage = Usage(requests=1, cost_usd=0.5)
            log.emit("attempt.ended", "a", number=1, hedge=False, status="ok", error=None, usage=usage)
    lines = fanfold("runs", "show").out.splitlines()
    assert f"requests   {requests} retries, no hedges" in lines
    assert f"cost       {cost}" in lines


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


def test_a_run_that_is_not_there_is_said(folder, fanfold):
    """One clear line, exit 2; where there is no run at all, that."""
    (said,) = fanfold("runs", "show").err.splitlines()
    assert said == f"fanfold: no runs in {folder} yet"
    record(folder, "r1")
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
    assert [line.split()[0] for line in fanfold("runs", "list").out.splitlines()[1:]] == ["r3", "r2"]
    assert fanfold("runs", "prune", "--keep", "-1").code == 2
    assert fanfold("runs", "prune", "--older-than", "nan").code == 2


def test_a_linked_folder_is_not_pruned(folder, fanfold, tmp_path):
    """A `.fanfold` that leads elsewhere is refused in one line."""
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    ended = fanfold("runs", "prune")
    assert ended.code == 2
    assert "is a symbolic link" in ended.err


def test_a_run_under_way_says_where_it_stands(folder, fanfold):
    """Its log is open: who is at work is named, nothing is missing yet; the moment it is closed, it is a dead one."""
    place = folder / "runs" / "20260101-000000-abcd"
    place.mkdir(parents=True)
    with EventLog(place / "events.jsonl") as log:
        for key, label in (("a", "security"), ("b", "style"), ("c", "docs")):
            log.emit("unit.planned", key, label=label, kind="aspect", lane="model:m")
        for key in ("a", "b"):
            log.emit("attempt.started", key, number=1, hedge=False)
        log.emit("attempt.ended", "a", number=1, hedge=False, status="ok", error=None, usage=Usage(requests=1))
        log.emit("unit.ended", "a", status="ok", error=None, attempts=1, usage=Usage(requests=1), hedged=False)
        during = fanfold("runs", "show").out
    after = fanfold("runs", "show").out
    assert "abcd, running" in during
    assert "at work    style\n" in during
    assert "units      1 of 3 ok" in during
    assert "missing" not in during
    assert "abcd, unfinished" in after
    assert "at work" not in after
    assert "missing    docs" in after


def test_a_second_log_on_the_same_file_stops_nobody(tmp_path):
    """Who comes second writes all the same: the lock tells, it does not hold up."""
    with EventLog(tmp_path / "e") as one, EventLog(tmp_path / "e") as two:
        one.emit("run.started")
        two.emit("run.ended")
        assert one.problems == two.problems == []
    assert len((tmp_path / "e").read_text().splitlines()) == 2
