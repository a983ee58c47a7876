"""How good a review is: scores any labelled set of changes, and prints a peer beside it.

    python benchmarks/review_quality.py benchmarks/review_cases/cases.jsonl --backend none
    python benchmarks/review_quality.py CASES.jsonl --backend api --effort high --max-cost 2 --peer claude

`benchmarks/quality/cases.py` says what a case is, `scoring.py` what counts as a hit and how each figure is computed.
Options that aren't named here go to `scripts/code_review.py` as they are. Every review is appended to `--results`
when it ends; running the same command again reviews only what is missing. A record stands for the case's content, the
settings and fanfold's own code and prompts, so nothing old is mistaken for new. `--model` and `--effort` go to the peer
too.

`--stand-in oracle|silent|noise` answers fanfold's sub-agents from a scripted server on loopback: a proof of this
program, not a measurement of a model.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from benchmarks.quality.cases import BadCases, Case, build, content, read_cases  # noqa: E402  needs the line above
from benchmarks.quality.records import Record, Records  # noqa: E402
from benchmarks.quality.reviewers import Claude, Fanfold, NotAvailable, Reviewer  # noqa: E402
from benchmarks.quality.scoring import TOLERANCE, Review, score  # noqa: E402
from benchmarks.quality.stand_ins import STAND_INS, StandIn  # noqa: E402
from benchmarks.quality.tables import render  # noqa: E402

from fanfold.models import content_key  # noqa: E402
from fanfold.testing.server import MessagesServer  # noqa: E402


@dataclass(frozen=True)
class Contestant:
    """A reviewer, and everything besides a case on which its reviews depend."""

    name: str
    settings: Any
    review: Reviewer
    stand_in: StandIn | None = None


def main(words: Sequence[str] | None = None) -> int:
    asked, passed_on = parser().parse_known_args(words)
    try:
        cases = chosen(read_cases(asked.cases), asked.only)
        with contestants(asked, passed_on) as all_of_them:
            for contestant in all_of_them:
                scores = [score(case, review, asked.tolerance) for case, review in reviewed(contestant, cases, asked)]
                print(render(contestant.name, scores, asked.tolerance), flush=True)
    except BadCases as error:
        sys.stderr.write(f"review_quality: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"review_quality: stopped; what was reviewed is in {asked.results}, run it again to go on\n")
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("cases", type=Path, metavar="CASES.jsonl")
    made.add_argument("--results", type=Path, default=Path("review_quality.jsonl"), help="where reviews are kept")
    made.add_argument("--only", action="append", default=[], metavar="TEXT", help="only cases whose id contains it")
    made.add_argument("--tolerance", type=int, default=TOLERANCE, metavar="LINES", help="how near a hit has to be")
    made.add_argument("--peer", action="append", default=[], choices=["claude"], help="review with a peer as well")
    made.add_argument("--stand-in", choices=list(STAND_INS), help="a scripted model on loopback")
    made.add_argument("--record", type=Path, metavar="DIR", help="record sub-agents' answers, a file for each case")
    made.add_argument("--replay", type=Path, metavar="DIR", help="answer sub-agents from what --record kept")
    made.add_argument("--model")
    made.add_argument("--effort")
    return made


def chosen(cases: Sequence[Case], only: Sequence[str]) -> Sequence[Case]:
    kept = [case for case in cases if not only or any(text in case.id for text in only)]
    if not kept:
        raise BadCases(f"no case's id contains {' or '.join(map(repr, only))}")
    return kept


@contextlib.contextmanager
def contestants(asked: argparse.Namespace, passed_on: Sequence[str]) -> Iterator[Sequence[Contestant]]:
    """Yield fanfold and the peers that can be asked; the others are named on stderr."""
    shared = [word for name in ("model", "effort") if (value := getattr(asked, name)) for word in (f"--{name}", value)]
    arguments = [*passed_on, *shared, *_recordings(asked)]
    with contextlib.ExitStack() as stack:
        environment, stand_in = dict(os.environ), None
        if asked.stand_in:
            stand_in = StandIn(asked.stand_in)
            server = stack.enter_context(MessagesServer(stand_in))
            environment |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "stand-in"}
            arguments += ["--backend", "api"]
        settings = [arguments, asked.stand_in, own_code()]
        name = " ".join(["fanfold", *arguments, *([f"({asked.stand_in} stand-in)"] if stand_in else [])])
        found = [Contestant(name, settings, Fanfold(arguments, environment), stand_in)]
        for peer in asked.peer:
            try:
                claude = Claude.find(asked.model, asked.effort, os.environ)
            except NotAvailable as error:
                sys.stderr.write(f"review_quality: --peer {peer}: not available: {error}\n")
                continue
            found.append(Contestant(" ".join([peer, "-p", *shared]), [peer, shared], claude))
        yield found


def _recordings(asked: argparse.Namespace) -> list[str]:
    words = []
    for name in ("record", "replay"):
        if folder := getattr(asked, name):
            folder.mkdir(parents=True, exist_ok=True)
            words += [f"--{name}", str(folder.resolve() / "{id}.jsonl")]
    return words


def own_code() -> str:
    """Return a digest of what a review depends on besides its options: the package and the prompts."""
    folders = (ROOT / "scripts" / "fanfold", ROOT / "skills")
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in {".py", ".md"})
    return content_key([(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in files])


def reviewed(contestant: Contestant, cases: Sequence[Case], asked: argparse.Namespace) -> Iterator[tuple[Case, Review]]:
    """Yield a review of each case: the recorded one, or else one that is made and recorded now."""
    records = Records(asked.results)
    known = records.read()
    folder = asked.cases.resolve().parent
    for number, case in enumerate(cases, 1):
        key = content_key(contestant.settings, content(case, folder))
        if key not in known:
            sys.stderr.write(f"review_quality: {number} of {len(cases)}: {case.id}\n")
            known[key] = review_one(contestant, case, folder)
            records.add(Record(key=key, case=case.id, reviewer=contestant.name, review=known[key]))
        yield case, known[key]


def review_one(contestant: Contestant, case: Case, folder: Path) -> Review:
    with tempfile.TemporaryDirectory(prefix="fanfold-quality-") as place:
        project = build(case, folder, Path(place))
        if contestant.stand_in:
            contestant.stand_in.take(case, project.diff)
        return contestant.review(project, case.id)


if __name__ == "__main__":
    sys.exit(main())
