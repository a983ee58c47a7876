"""What a sub-agent waits for when it looks something up, on a tree of 10,000 files and some 40 MB.

    python3 benchmarks/tools.py [--files N]

Seconds of each tool on the working tree and on a commit, the first time and again (texts are kept, and what is known to
hold no secret), beside ripgrep's or git's own time for the same question where they are there. Exits with 1 when a tool
takes longer than the bar.
"""

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.agents.tools.toolbox import Toolbox
from fanfold.sources.secrets import mask
from fanfold.sources.target import resolve
from fanfold.testing.repository import Repository

BAR_S = 10.0
PATTERN = r"def function_\d*7\(value\)"
MIDDLE = "package_7/module_7.py"
CALLS = (
    ("list_files", {"glob": "package_1*/**/*7.py"}),
    ("read_file", {"path": MIDDLE}),
    ("grep", {"pattern": PATTERN, "glob": "*7.py"}),
    ("grep", {"pattern": "nowhere to be found"}),
    ("grep", {"pattern": r"nowhere.*to be\s+found"}),
    ("outline", {"path": MIDDLE}),
    ("find_symbol", {"name": "function_4711"}),
    ("find_symbol", {"name": "read", "glob": "package_1*/**"}),
    ("git_log", {"path": MIDDLE}),
    ("git_blame", {"path": MIDDLE}),
)


def make(root: Path, files: int) -> Repository:
    """Write and commit the files."""
    repository, draw = Repository.init(root), random.Random(7)
    for number in range(files):
        functions = (
            f"def function_{number}(value):\n    token = read(value, {draw.random()})\n    return token\n\n\n" * 45
        )
        repository.write(f"package_{number % 100}/module_{number}.py", functions)
    repository.commit("All")
    repository.write(MIDDLE, "changed = True\n")
    repository.commit("One")
    return repository


async def measured(toolbox: Toolbox, tool: str, arguments: dict[str, str]) -> list[float]:
    """Return the seconds of the first and the second call."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        reply, _ = await toolbox.call(tool, arguments)
        seconds.append(time.perf_counter() - began)
        assert not reply.is_error, reply.text
    return seconds


def peer(root: Path, command: Sequence[str]) -> float | None:
    """Return the seconds of a program that answers the same question, None when it isn't here."""
    if shutil.which(command[0]) is None:
        return None
    began = time.perf_counter()
    subprocess.run(command, cwd=root, capture_output=True, check=False)
    return time.perf_counter() - began


def main() -> int:
    """Print a line for each tool."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10_000)
    files = parser.parse_args().files
    slow = 0
    with tempfile.TemporaryDirectory(prefix="fanfold-benchmark-") as folder:
        repository = make(Path(folder) / "tree", files)
        root = repository.root
        text = (root / "package_1/module_1.py").read_text() * 200
        began = time.perf_counter()
        mask(text)
        print(f"mask         {len(text) / 1e6 / (time.perf_counter() - began):6.1f} million characters a second")
        for kind in ([".", "working tree"], ["HEAD", "commit"]):
            toolbox = Toolbox(resolve([kind[0]], cwd=root))
            for tool, arguments in CALLS:
                first, again = asyncio.run(measured(toolbox, tool, arguments))
                slow += first > BAR_S
                print(f"{tool:12} {first:6.2f} s, again {again:6.2f} s   {kind[1]:12}  {arguments}")
        for command in (["rg", "-n", PATTERN], ["git", "grep", "-nE", PATTERN], ["git", "blame", MIDDLE]):
            seconds = peer(root, command)
            print(f"{' '.join(command):40} {'not here' if seconds is None else f'{seconds:6.2f} s'}")
    print(f"bar: {BAR_S:.0f} s a call: {'missed' if slow else 'held'}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
