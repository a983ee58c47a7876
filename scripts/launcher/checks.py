"""What CI holds a checkout to, run by the interpreter of the development environment: format, lint, types, tests.

The whole suite is run in one process a core; tests that are named are run in this order, in one process.

Every step runs, pytest last, so that its closing line ends stdout whatever came before; the exit code is that of the
first step that failed. Caches go into the environment's folder: the checkout may be read-only, and stays clean.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_MOST_PROCESSES = 8  # each takes some 400 MB


def steps(pytest_arguments: Sequence[str], caches: Path) -> dict[str, list[str]]:
    """Return the steps in their order, by name: what the interpreter is given to run each of them."""
    return {
        "ruff format --check": ["-m", "ruff", "format", "--check"],
        "ruff check": ["-m", "ruff", "check"],
        "mypy": ["-m", "mypy"],
        "pytest": ["-m", "pytest", "-o", f"cache_dir={caches / 'pytest'}", *(pytest_arguments or _side_by_side())],
    }


def _side_by_side() -> list[str]:
    """Return pytest-xdist's arguments; a process that has nothing left to do takes tests from another."""
    return ["-n", str(min(os.cpu_count() or 1, _MOST_PROCESSES)), "--dist", "worksteal"]


def surroundings(caches: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of the steps: each tool's cache in `caches`, nobody's modules on the path."""
    kept = {name: value for name, value in inherited.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    return {
        **kept,
        "HYPOTHESIS_STORAGE_DIRECTORY": str(caches / "hypothesis"),
        "MYPY_CACHE_DIR": str(caches / "mypy"),
        "PYTHONPYCACHEPREFIX": str(caches / "bytecode"),
        "RUFF_CACHE_DIR": str(caches / "ruff"),
    }


def run_step(name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run one step in the checkout's root; its output is stdout's, a line on what became of it goes to stderr."""
    _say(f"{name} …")
    began = time.monotonic()
    command = [sys.executable, "-P", "-s", *arguments]
    code = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    if code < 0:
        code = 128 - code  # as a shell reports the signal that ended it
    _say(f"{name}: {'ok' if code == 0 else f'failed, exit code {code}'} ({time.monotonic() - began:.1f} s)")
    return code


def main(pytest_arguments: Sequence[str]) -> int:
    """Run all steps; returns the exit code of the first that failed, 0 when none did."""
    checkout = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
    caches = Path(sys.prefix, "caches", checkout)
    environment = surroundings(caches, os.environ)
    codes = [run_step(name, step, environment) for name, step in steps(pytest_arguments, caches).items()]
    return next(filter(None, codes), 0)


def _say(line: str) -> None:
    sys.stderr.write(f"selftest: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
