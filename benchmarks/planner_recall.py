"""How many of the files that an answer needs are among the first of an analysis' plan, beside plain BM25.

    python benchmarks/planner_recall.py CASES.jsonl [FOLDER] [--verbose]

A line of CASES is `{"repo": …, "commit": …, "question": …, "files": […]}`. `repo` is a package on PyPI with `commit`
its version, or a folder or address that git can clone, with a commit of it; what is brought is kept in FOLDER, by
default one of the cache. Cases with `"held_out": true` were not looked at while the ranking was tuned, and are counted
apart. benchmarks/planner_cases.jsonl are ours: questions and files were written down, from the code, before there was a
ranking.

The plan is the one that `fanfold analyze` makes without a planner. Beside it, in the same run and on the same files:
BM25 over the text (k1 = 1.2, b = 0.75), on words as identifiers have them, without English stop words; once over all
files, and once over code alone, with tests, documents and examples taken away by hand, which nobody could do for a tree
that he does not know. The bar is 0.08 above the former among the first 5.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from fanfold.skills.multi_file_analysis.planning import planned
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.skills.multi_file_analysis.scope import Scope, resolve_scope
from fanfold.sources.repo_map.mapping import map_tree
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.repo_map.words import EMPTY, WORD

FIRST = (5, 10, 20)
BAR = 0.08
CACHE = Path.home() / ".cache" / "fanfold" / "planner"
ASIDE = re.compile(
    r"(^|/)(tests?|testing|t|docs?|docs_src|examples?|demos?|extras?|scripts?)/|(^|/)(test_|conftest|setup\.py)|_test\.py$"
)


@dataclass(frozen=True)
class Case:
    """A question about a repository, and the files that its answer needs."""

    repo: str
    commit: str
    question: str
    files: tuple[str, ...]
    held_out: bool = False


@dataclass(frozen=True)
class Ranking:
    """Recall at each of FIRST, for each way to rank."""

    case: Case
    recall: Mapping[str, tuple[float, ...]]


def brought(case: Case, into: Path) -> Path:
    """Return the folder with the repository as it was."""
    place = into / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', case.repo)}-{case.commit}"
    if not place.exists():
        into.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_name(f"{place.name}.part")
        unfinished.mkdir(exist_ok=True)
        (cloned if Path(case.repo).is_dir() or ":" in case.repo else downloaded)(case, unfinished)
        unfinished.rename(place)
    return place


def cloned(case: Case, place: Path) -> None:
    subprocess.run(["git", "clone", "-q", case.repo, str(place)], check=True)
    subprocess.run(["git", "-C", str(place), "checkout", "-q", case.commit], check=True)


def downloaded(case: Case, place: Path) -> None:
    name = f"{case.repo}=={case.commit}"
    pip = [sys.executable, "-m", "pip", "-q", "download", "--no-binary", ":all:", "--no-deps", "-d", str(place), name]
    subprocess.run(pip, check=True)
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    archive.unlink()
    (top,) = place.iterdir()
    for inside in top.iterdir():
        inside.rename(place / inside.name)
    top.rmdir()


@cache
def mapped(folder: Path) -> tuple[Scope, RepoMap]:
    scope = resolve_scope([], folder)
    return scope, asyncio.run(map_tree(scope.found))


@cache
def counted(folder: Path) -> Mapping[str, Counter[str]]:
    scope, tree = mapped(folder)
    return {path: Counter(terms(text or "")) for path, text in scope.target.snapshot.each(tree.files)}


def terms(text: str) -> Iterable[str]:
    return (word for match in WORD.finditer(text) if len(word := match[0].lower()) > 1 and word not in EMPTY)


def bm25(question: str, documents: Mapping[str, Counter[str]], k1: float = 1.2, b: float = 0.75) -> list[str]:
    """Rank by Okapi BM25 with the idf of Lucene."""
    lengths = {path: words.total() for path, words in documents.items()}
    mean = sum(lengths.values()) / len(lengths)
    scores = dict.fromkeys(documents, 0.0)
    for term in sorted(set(terms(question))):
        having = sum(1 for words in documents.values() if words[term])
        idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
        for path, words in documents.items():
            often = words[term]
            scores[path] += idf * often * (k1 + 1) / (often + k1 * (1 - b + b * lengths[path] / mean))
    return sorted(scores, key=lambda path: (-scores[path], path))


def plan_of(question: str, folder: Path) -> Sequence[str]:
    scope, tree = mapped(folder)
    return planned(AnalysisRequest(question=question), tree, scope.target.snapshot, None).ranked


def ranked(case: Case, folder: Path) -> Ranking:
    _, tree = mapped(folder)
    for path in set(case.files) - tree.files.keys():
        print(f"{case.repo} {case.commit}: {path} is not on the map", file=sys.stderr)
    texts = counted(folder)
    code = {path: words for path, words in texts.items() if tree.files[path].facts.symbols and not ASIDE.search(path)}
    orders = {
        "plan": plan_of(case.question, folder),
        "BM25": bm25(case.question, texts),
        "BM25, code alone": bm25(case.question, code or texts),
    }
    needed = set(case.files)
    return Ranking(
        case,
        {
            name: tuple(len(needed.intersection(order[:first])) / len(needed) for first in FIRST)
            for name, order in orders.items()
        },
    )


def mean(rankings: Sequence[Ranking], name: str) -> list[float]:
    return [sum(one.recall[name][at] for one in rankings) / len(rankings) for at in range(len(FIRST))]


def told(title: str, rankings: Sequence[Ranking]) -> bool:
    print(f"\n{title}: {len(rankings)} cases, {len({one.case.repo for one in rankings})} repositories")
    print(f"  {'':18}{''.join(f'  first {first:<3}' for first in FIRST)}")
    for name in rankings[0].recall:
        print(f"  {name:18}{''.join(f'  {value:8.3f} ' for value in mean(rankings, name))}")
    above = mean(rankings, "plan")[0] - mean(rankings, "BM25")[0]
    print(f"  above plain BM25 at {FIRST[0]}: {above:+.3f}, bar {BAR:+.2f}: {'ok' if above >= BAR else 'MISSED'}")
    return above >= BAR


def main(cases: Path, into: Path, *, verbose: bool) -> int:
    rankings = []
    for line in filter(None, map(str.strip, cases.read_text(encoding="utf-8").splitlines())):
        given = json.loads(line)
        case = Case(
            given["repo"], given["commit"], given["question"], tuple(given["files"]), bool(given.get("held_out"))
        )
        rankings.append(ranked(case, brought(case, into)))
        if verbose:
            shown = ", ".join(f"{name} {one[0]:.2f}" for name, one in rankings[-1].recall.items())
            print(f"{case.repo:12} {case.question[:60]:60} {shown}", flush=True)
    tuned = [one for one in rankings if not one.case.held_out]
    kept = [one for one in rankings if one.case.held_out]
    held = [told(title, group) for title, group in (("tuned on", tuned), ("held out", kept)) if group]
    told("all", rankings)
    return 0 if rankings and all(held) else 1


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not given:
        raise SystemExit(__doc__)
    raise SystemExit(main(Path(given[0]), Path(given[1]) if given[1:] else CACHE, verbose="--verbose" in sys.argv))
