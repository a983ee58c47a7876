"""What a Dask worker does for one part of a plan: runs `fanfold test --shard` under a watchdog, returns its run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_POLL_S = 0.25
_TAIL = 2_000
_WATCHDOG = Path(__file__).with_name("watchdog.py")
_PACKAGE = Path(__file__).parents[3]
# Not by PYTHONPATH: the tests would have it too.
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from fanfold.cli import run; sys.exit(run(sys.argv[1:]))"
# What a task is that nobody waits for any more.
_GIVEN_UP = frozenset({"cancelled", "released", "forgotten", "error", "rescheduled"})


def run_part(plan: str, shard: str, root: str, words: Sequence[str]) -> str:
    """Run part `shard`, as "2/4", of `plan` (JSON) in the folder `root`; returns its run as JSON.

    Raises RuntimeError when there is none: in a line, why; and when the task was cancelled, all its processes ended.
    """
    if not Path(root).is_dir():
        raise RuntimeError(f"{root} is not there: a worker needs the repository where the others have it")
    with tempfile.TemporaryDirectory(prefix="ff-") as name:
        folder = Path(name)
        (folder / "plan.json").write_text(plan, encoding="utf-8")
        asked = ("--shard", shard, "--plan", str(folder / "plan.json"), "--format", "json", "--quiet", *words)
        command = [sys.executable, "-c", _START, str(_PACKAGE), "test", *asked, "--output", str(folder / "run.json")]
        with (folder / "said").open("wb") as said:
            watched = [sys.executable, str(_WATCHDOG), *command]
            child = subprocess.Popen(  # noqa: S603  our own words
                watched, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
            )
            _wait(child)
        if not (folder / "run.json").exists():
            told = (folder / "said").read_bytes()[-_TAIL:].decode("utf-8", "replace").strip()
            raise RuntimeError(told.splitlines()[-1] if told else f"it ended with {child.returncode}")
        return (folder / "run.json").read_text(encoding="utf-8")


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Wait for the end; a task that was cancelled lets the watchdog go, which ends everything."""
    try:
        while child.poll() is None:
            try:
                child.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                if _is_given_up():
                    raise RuntimeError("the task was cancelled") from None
    finally:
        if child.stdin:
            child.stdin.close()
        child.wait()


def _is_given_up() -> bool:
    """Tell whether the scheduler wants nothing of this task any more; outside of a worker nobody can say so."""
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return False
    state = worker.state.tasks.get(worker.get_current_task())
    return state is None or state.state in _GIVEN_UP
