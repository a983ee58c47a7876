"""What the contract checks say about real histories, for reading by hand: every finding, and how many of each rule.

    python benchmarks/contracts.py REPOSITORY…

A repository is a git history without merges, such as one commit a published release. What was published works, so a
finding that is more than information is most likely a false alarm. On 142 steps from release to release of attrs,
boltons, click, flask, httpx, more-itertools, poetry, pydantic, requests, rich, sphinx, starlette and werkzeug there was
none; five changed defaults were told, all of them true.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.analyzers.contracts import find
from fanfold.errors import NothingToDo
from fanfold.sources.git import Git
from fanfold.sources.target import resolve


def main(folders: list[str]) -> None:
    rules: Counter[str] = Counter()
    changes, slowest = 0, 0.0
    for folder in map(Path, folders):
        git = Git.at(folder)
        assert git is not None, f"{folder} is no repository"
        commits = git.run("rev-list", "--reverse", "--no-merges", "HEAD").decode().split()
        for base, head in pairwise(commits):
            try:
                target = resolve([f"{base}..{head}"], cwd=folder)
            except NothingToDo:
                continue
            started = time.process_time()
            found = find(target)
            slowest = max(slowest, time.process_time() - started)
            changes += 1
            for finding in found:
                rules[finding.sources[0]] += 1
                print(f"{folder.name} {head[:7]} {finding.severity} {finding.path}:{finding.line} {finding.title}")
                print(f"    {finding.explanation}")
    print(f"{changes} changes, {dict(rules)}, slowest {slowest:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(sys.argv[1:])
