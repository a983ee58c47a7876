"""How long a start takes: `fanfold --help` through the launcher, and under the environment's interpreter alone.

    python3 benchmarks/startup.py [--runs N] [--python PATH]

Milliseconds, medians of N runs that alternate between the two, after one that is not counted. PATH is the Python that
runs bin/fanfold; the default is this one's own executable, since a version manager's shim takes longer than all else.
Exits with 1 when a bar is missed, or when `--help` imports what only a run needs.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from launcher import cache, entry

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
FANFOLD = SCRIPTS.parent / "bin" / "fanfold"
INSIDE = SCRIPTS / "launcher" / "inside.py"
HELP_BAR_MS = 150.0
LAUNCHER_BAR_MS = 60.0
HEAVY = ("anthropic", "genai_prices", "httpx2", "jinja2")


def environment() -> str:
    """Return the interpreter of the environment, which a first start has built."""
    name = entry.environment_name(str(SCRIPTS / "requirements.txt"))
    found = [Path(folder, name) for folder in cache.folders() if cache.usable(str(Path(folder, name)))]
    return cache.python_of(str(found[0]))


def once_ms(command: list[str]) -> float:
    """Run `command` once; returns milliseconds."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def imported(python: str) -> set[str]:
    """Return the names of the modules that `--help` imports under the environment's interpreter."""
    command = [python, "-I", "-X", "importtime", str(INSIDE), "--help"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stderr.splitlines()
    return {line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:") and "|" in line}


def main() -> int:
    """Measure and print; returns an exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--python", default=os.path.realpath(sys.executable))
    options = parser.parse_args()

    launched = [options.python, str(FANFOLD), "--help"]
    once_ms(launched)
    direct = [environment(), "-I", "-X", "utf8", str(INSIDE), "--help"]
    once_ms(direct)
    pairs = [(once_ms(launched), once_ms(direct)) for _ in range(options.runs)]
    with_launcher, alone = (statistics.median(column) for column in zip(*pairs, strict=True))
    modules = imported(direct[0])
    heavy = sorted(modules.intersection(HEAVY))

    print(f"fanfold --help through the launcher   {with_launcher:6.1f} ms   (bar {HELP_BAR_MS:.0f})")
    print(f"under the environment's Python alone  {alone:6.1f} ms")
    print(f"the launcher adds                     {with_launcher - alone:6.1f} ms   (bar {LAUNCHER_BAR_MS:.0f})")
    print(f"modules imported                      {len(modules):6d}      (heavy: {', '.join(heavy) or 'none'})")
    return int(with_launcher > HELP_BAR_MS or with_launcher - alone > LAUNCHER_BAR_MS or bool(heavy) or not modules)


if __name__ == "__main__":
    sys.exit(main())
