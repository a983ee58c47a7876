"""How long the map of a tree takes beside the peers that parse, how much memory, and what a second run still costs.

    python benchmarks/repo_map.py [--rounds N] [--folder FOLDER] [--no-peers] [--files N]

Brings django and sympy as source packages and takes the Lib of the Python that runs this; brings `repomix` by npm and
`aider-chat` into an environment of its own. All of it stays in FOLDER, by default a temporary one. What can't be
brought is said and left out. Each run is a process of its own, start included, and rounds are interleaved, so that
whatever else the machine does meets all of them. Prints each figure beside its bar:

- the best time of each tree over the faster peer's best: at most 0.5
- the peak of the memory of 10,000 files, of all processes together (the sum of their resident sets): at most 400 MB
- a second run after an edit that adds a function, over the first one, in the same terms: discovery, reading, edges,
  components and layers, without the start of Python: at most 0.05
- the time a file takes in a tree that is twice and four times as large
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
sys.path.insert(0, str(SCRIPTS))

_IGNORED = shutil.ignore_patterns("__pycache__", "site-packages", "*.so", "*.pyc", ".fanfold")
_SETTLED_S = 2.5  # until a stamp says something: see sources/repo_map/cache.py
_AIDER = """
import sys
from pathlib import Path
from aider.io import InputOutput
from aider.repomap import RepoMap

class Model:
    def token_count(self, text):
        return len(text) // 4

root = Path(sys.argv[1])
files = [str(path) for path in root.rglob("*") if path.is_file() and not path.parts[len(root.parts)].startswith(".")]
tree = RepoMap(map_tokens=1024, root=str(root), main_model=Model(), io=InputOutput(pretty=False, yes=True))
assert tree.get_repo_map([], files)
"""


# -- one run, in a process of its own


def measure_one(root: Path) -> dict[str, Any]:
    """Map a tree from its store, or anew when there is none; returns seconds, and what was found."""
    from fanfold.engine.shelf import Shelf
    from fanfold.sources.repo_map.discover import discover
    from fanfold.sources.repo_map.graph import central, components, layers
    from fanfold.sources.repo_map.kept import recall
    from fanfold.sources.repo_map.mapping import map_tree

    started = time.perf_counter()
    with Shelf(root / ".fanfold") as shelf:
        found = discover([], root, recall=partial(recall, shelf))
        discovered = time.perf_counter()
        tree = asyncio.run(map_tree(found, cache=shelf))
    parts = components(tree)
    layers(tree, parts)
    mapped = time.perf_counter()
    central(tree, {next(iter(tree.files)): 1.0})
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "discovery": discovered - started,
        "map": mapped - started,
        "rank": time.perf_counter() - mapped,
        "cpu": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "files": len(tree.files),
        "imports": sum(map(len, tree.imports.values())),
        "largest_cycle": max(map(len, parts)),
    }


def ours(root: Path) -> dict[str, Any]:
    """Run `measure_one` in a process; adds its whole time and the peak of the memory of all its processes."""
    argv = [sys.executable, __file__, "--one", str(root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        started = time.perf_counter()
        peak = _Peak(process.pid)
        output, _ = process.communicate()
        seconds = time.perf_counter() - started
    assert process.returncode == 0, "the run failed"
    found: dict[str, Any] = json.loads(output)
    return {**found, "wall": seconds, "peak_mb": peak.stop()}


class _Peak:
    """Adds up the resident memory of a process and its children, again and again."""

    def __init__(self, pid: int) -> None:
        import psutil

        self._process = psutil.Process(pid)
        self._errors = psutil.Error
        self._over = threading.Event()
        self._most = 0
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.03):
            try:
                processes = [self._process, *self._process.children(recursive=True)]
                self._most = max(self._most, sum(process.memory_info().rss for process in processes))
            except self._errors:  # one of them has just ended
                continue

    def stop(self) -> float:
        """Return the peak in MB."""
        self._over.set()
        self._thread.join()
        return self._most / 2**20


def fresh(root: Path) -> dict[str, Any]:
    shutil.rmtree(root / ".fanfold", ignore_errors=True)
    return ours(root)


# -- trees and peers


def bring_trees(folder: Path) -> dict[str, Path]:
    """Return the trees by name."""
    trees = folder / "trees"
    trees.mkdir(parents=True, exist_ok=True)
    for name in ("django", "sympy"):
        if not (trees / name).exists():
            _bring_package(name, folder, trees / name)
    if not (trees / "Lib").exists():
        shutil.copytree(sysconfig.get_paths()["stdlib"], trees / "Lib", ignore=_IGNORED)
    return {name: trees / name for name in ("django", "sympy", "Lib") if (trees / name).exists()}


def _bring_package(name: str, folder: Path, place: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-binary",
        ":all:",
        "--no-deps",
        name,
        "-d",
        str(folder),
    ]
    if not _brought(name, command):
        return
    archive = max(folder.glob(f"{name}-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    with tarfile.open(archive) as package:
        package.extractall(folder / "unpacked", filter="data")
    next((folder / "unpacked").glob(f"{name}-*")).rename(place)


def _brought(name: str, *commands: list[str]) -> bool:
    """Run what brings something; says so when it can't be brought."""
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1:]
        print(f"{name} can't be brought, so it is left out: {' '.join(said)}")
        return False
    return True


def bring_peers(folder: Path) -> dict[str, Callable[[Path], float]]:
    """Return what runs each peer on a tree and returns its seconds."""
    peers: dict[str, Callable[[Path], float]] = {}
    repomix = folder / "npm" / "node_modules" / ".bin" / "repomix"
    if repomix.exists() or _brought("repomix", ["npm", "install", "--prefix", str(folder / "npm"), "repomix"]):
        options = ["--compress", "--quiet", "-o", str(folder / "repomix.xml")]
        peers["repomix --compress"] = lambda root: _timed([str(repomix), *options, str(root)])
    python = folder / "aider" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "aider-chat"]
    if python.exists() or _brought("aider-chat", [sys.executable, "-m", "venv", str(folder / "aider")], install):
        peers["aider's repo map"] = lambda root: _aider(python, root)
    return peers


def _aider(python: Path, root: Path) -> float:
    for kept in root.glob(".aider*"):  # what it keeps of another run
        shutil.rmtree(kept)
    try:
        return _timed([str(python), "-c", _AIDER, str(root)])
    finally:
        for kept in root.glob(".aider*"):
            shutil.rmtree(kept)


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=900)
    return time.perf_counter() - started


# -- figures


def against_peers(trees: Mapping[str, Path], peers: Mapping[str, Callable[[Path], float]], rounds: int) -> None:
    for name, root in trees.items():
        times: dict[str, list[float]] = {}
        for _ in range(rounds):
            found = fresh(root)
            times.setdefault("fanfold", []).append(found["wall"])
            for peer, run in peers.items():
                times.setdefault(peer, []).append(run(root))
        best = {who: min(seconds) for who, seconds in times.items()}
        print(f"{name}: {found['files']} files, {found['imports']} imports, largest cycle {found['largest_cycle']}")
        print("   " + ", ".join(f"{who} {seconds:.2f} s" for who, seconds in best.items()))
        print(f"   processor time {found['cpu']:.1f} s, PageRank {found['rank']:.2f} s")
        if peers:
            ratio = best["fanfold"] / min(best[peer] for peer in peers)
            print(f"   {ratio:.2f} of the faster peer's time (bar: 0.5)")


def after_an_edit(trees: Mapping[str, Path], rounds: int) -> None:
    edited = {"django": "django/db/models/query.py", "sympy": "sympy/core/function.py", "Lib": "argparse.py"}
    for name, root in trees.items():
        path = root / edited[name]
        text = path.read_bytes()
        firsts: list[dict[str, Any]] = []
        seconds: list[dict[str, Any]] = []
        try:
            for number in range(rounds):
                time.sleep(_SETTLED_S)
                firsts.append(fresh(root))
                path.write_bytes(text + b"\n\ndef added_%d(one):\n    return one\n" % number)
                seconds.append(ours(root))
        finally:
            path.write_bytes(text)
        first, second = (min(found["map"] for found in runs) for runs in (firsts, seconds))
        whole, again = (min(found["wall"] for found in runs) for runs in (firsts, seconds))
        print(f"{name} after an edit: {second:.3f} s of {first:.2f} s, {second / first:.3f} (bar: 0.05)")
        print(f"   the start of Python and PageRank included: {again:.2f} s of {whole:.2f} s")


def at_scale(trees: Mapping[str, Path], folder: Path, files: int) -> None:
    times: dict[int, float] = {}
    for share in (4, 2, 1):
        root = folder / f"scale-{share}"
        count = _grown(root, trees, files // share)
        found = fresh(root)
        times[share] = found["cpu"] / count
        print(
            f"{count} files: {found['wall']:.1f} s, processor time {found['cpu']:.1f} s, peak {found['peak_mb']:.0f} MB"
        )
        shutil.rmtree(root)
    print(f"peak memory of {count} files: {found['peak_mb']:.0f} MB (bar: 400 MB for 10,000)")
    print(
        f"processor time a file, at 1, 2 and 4 times as many: {' '.join(f'{times[s] * 1e3:.2f} ms' for s in (4, 2, 1))}"
    )
    print(f"   growth beyond linear: {times[1] / times[4]:.2f} (1 is linear)")


def _grown(root: Path, trees: Mapping[str, Path], files: int) -> int:
    """Make a tree of so many files: one in so many of each tree's, so that all sizes have the same mix."""
    sources = [(name, path) for name, tree in trees.items() for path in sorted(tree.rglob("*.py")) if path.is_file()]
    count = 0
    while count < files:
        chosen = sources[:: max(1, len(sources) // (files - count))][: files - count]
        for name, path in chosen:
            place = root / f"copy-{count // len(sources)}" / name / path.relative_to(trees[name])
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        json.dump(measure_one(given.one), sys.stdout)
        return
    os.environ.setdefault("FANFOLD_STORE_SECRET", "of this benchmark")
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        trees = bring_trees(folder)
        peers = {} if given.no_peers else bring_peers(folder)
        against_peers(trees, peers, given.rounds)
        after_an_edit(trees, given.rounds)
        at_scale(trees, folder, given.files)


if __name__ == "__main__":
    main()
