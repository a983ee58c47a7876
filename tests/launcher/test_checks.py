"""selftest: every step runs, pytest last, and the first failure decides."""

import subprocess
import sys
from pathlib import Path

import pytest

from launcher import checks


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Return a function that makes the steps exit with the given codes, and runs them."""

    def run(*codes: int) -> int:
        programs = {f"step {i}": ["-c", f"print('out {i}'); raise SystemExit({code})"] for i, code in enumerate(codes)}
        monkeypatch.setattr(checks, "steps", lambda _arguments, _caches: programs)
        monkeypatch.setattr(sys, "prefix", str(tmp_path))
        return checks.main([])

    return run


@pytest.mark.parametrize(("codes", "expected"), [((0, 0), 0), ((0, 3, 5, 0), 3), ((0, 0, 4), 4)])
def test_every_step_runs_and_the_first_failure_decides(scripted, capfd, codes, expected):
    """A failure stops nothing; the exit code is that of the first step that failed."""
    assert scripted(*codes) == expected
    out, err = capfd.readouterr()
    assert out.splitlines() == [f"out {i}" for i in range(len(codes))]
    assert err.count("selftest: step") == 2 * len(codes)
    assert err.count("failed") == sum(code != 0 for code in codes)


def test_a_step_that_a_signal_ended_is_a_failure(capfd):
    """It has the exit code that a shell gives it."""
    assert checks.run_step("dies", ["-c", "import os; os.kill(os.getpid(), 9)"], {}) == 137


def test_pytest_is_last_and_gets_the_arguments(tmp_path):
    """Its closing line has to end stdout."""
    steps = checks.steps(["-k", "name"], tmp_path)
    assert list(steps) == ["ruff format --check", "ruff check", "mypy", "pytest"]
    assert steps["pytest"][-2:] == ["-k", "name"]
    assert "-n" not in steps["pytest"]


def test_the_whole_suite_uses_every_core(monkeypatch, tmp_path):
    """Without arguments a process a core shares the tests, up to eight."""
    for cores, processes in ((None, "1"), (2, "2"), (64, "8")):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert checks.steps([], tmp_path)["pytest"][-4:] == ["-n", processes, "--dist", "worksteal"]


def test_caches_stay_out_of_the_checkout(tmp_path):
    """Every tool that keeps files between runs keeps them in the environment's folder."""
    seen = checks.surroundings(tmp_path, {"PYTHONPATH": "/foreign", "PYTHONHOME": "/foreign", "CI": "true"})
    assert "/foreign" not in seen.values()
    assert seen["CI"] == "true"
    kept = {name: Path(value) for name, value in seen.items() if name != "CI"}
    assert len(kept) == 4
    assert all(path.parent == tmp_path for path in kept.values())


def test_steps_run_in_the_root_without_stdin():
    """Wherever it is called from, and with nobody to answer."""
    script = "import os, sys; sys.exit(0 if not sys.stdin.read() and os.path.exists('pyproject.toml') else 1)"
    assert checks.run_step("looks", ["-c", script], {}) == 0


def test_an_interrupt_ends_with_130():
    """Ctrl-C is not a traceback."""
    script = (
        "import runpy, subprocess, sys\n"
        "def interrupted(*_, **__): raise KeyboardInterrupt\n"
        "subprocess.run = interrupted\n"
        f"runpy.run_path({checks.__file__!r}, run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 130
    assert "Traceback" not in run.stderr


def test_who_asked_for_help_gets_no_checks():
    """It is printed at once, without an environment."""
    ended = subprocess.run(
        [sys.executable, str(checks.ROOT / "scripts" / "selftest.py"), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: scripts/selftest.py")
