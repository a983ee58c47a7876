"""Streams that fail, defects, and the exit code in each case; most of it in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fanfold.cli.runs as fanfold_runs
from fanfold.cli.streams import guard_streams

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
COMMAND = f"{sys.executable} -m fanfold"


@pytest.fixture
def shell(repository, fanfold):
    """Run a shell line with `fanfold` in it, in the repository; returns code, stdout and stderr."""

    def call(line):
        surroundings = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
        script = f'fanfold() {{ {COMMAND} "$@"; }}; {line}'
        ended = subprocess.run(
            ["sh", "-c", script], cwd=repository.root, env=surroundings, capture_output=True, text=True, check=False
        )
        return ended.returncode, ended.stdout, ended.stderr

    return call


@pytest.mark.parametrize("command", ["review --dry-run", "--help", "runs list", "review --analyzer ruff --quiet"])
def test_a_full_stdout_is_one_line(shell, fanfold, command):
    """No traceback, no complaint of the interpreter at its end; exit 2."""
    fanfold("review", "--analyzer", "ruff")
    assert shell(f"fanfold {command} >/dev/full") == (2, "", "fanfold: stdout: No space left on device\n")


@pytest.mark.parametrize("command", ["review --dry-run", "--help", "review --analyzer ruff --quiet"])
def test_a_closed_stdout_is_one_line(shell, command):
    """What nobody can read is not worth a run; exit 2."""
    assert shell(f"fanfold {command} >&-") == (2, "", "fanfold: stdout: it is closed\n")


def test_a_closed_stdout_does_not_matter_to_a_file(shell, repository):
    """Nothing is to be printed, so nothing fails; nor does anything of the run end up where stdout would be."""
    assert shell("fanfold review --analyzer ruff --quiet --output out.md <&- >&- 2>&-") == (0, "", "")
    assert (repository.root / "out.md").read_text().startswith("#")


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_a_broken_stderr_costs_nothing(shell, stderr):
    """Neither the report nor the exit code; complaints fall silent."""
    code, out, _ = shell(f"fanfold review --analyzer ruff --fail-on medium {stderr}")
    assert code == 1
    assert "ruff:B006" in out
    assert shell(f"fanfold review --verbose --analyzer ruff --format json {stderr}")[0] == 0
    assert shell(f"fanfold review --no-such-option {stderr}")[0] == 2


def test_a_reader_that_goes_away_is_no_failure(shell):
    """Quiet, and the exit code is the one that the command would have had."""
    line = "{ fanfold review --analyzer ruff --quiet --fail-on medium; echo $? >code; } | true; cat code"
    assert shell(line) == (0, "1\n", "")


def test_a_pipe_that_does_not_block_gets_everything(repository, fanfold):
    """A reader that shares its end, as some do, may set it so; what it can't take at once it gets later."""
    fanfold("review", "--analyzer", "ruff")
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    code = "from fanfold.cli.streams import guard_streams; guard_streams(); print('x' * 1_000_000)"
    surroundings = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=writes, env=surroundings) as process:
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            assert len(pipe.read()) == 1_000_001
        assert process.wait() == 0


def test_text_that_the_encoding_lacks_is_escaped():
    """A report is not lost to a terminal of another age."""
    code = "from fanfold.cli.streams import guard_streams; guard_streams(); print('a \u2014 b')"
    surroundings = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONIOENCODING": "latin-1"}
    ended = subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True, check=True)
    assert ended.stdout.split() == [b"a", rb"\u2014", b"b"]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(1), BrokenPipeError(32, "a pipe of our own")])
def test_a_defect_is_called_one(repository, fanfold, monkeypatch, error):
    """Never with 1, which means a finding: the traceback, one last line, exit 70."""

    def fail(_folder):
        raise error

    monkeypatch.setattr(fanfold_runs, "list_runs", fail)
    ended = fanfold("runs", "list")
    assert ended.code == 70
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("fanfold: this is a defect in fanfold")


def test_streams_without_a_buffer_stay(monkeypatch):
    """Whoever has put streams of their own in place keeps them."""
    import io

    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    monkeypatch.setattr(sys, "stderr", err := io.StringIO())
    guard_streams()
    assert (sys.stdout, sys.stderr) == (out, err)
