"""What a review's pipeline saves, in money and in time: a 20,000-token diff, 4 aspects, 10 findings to verify.

    python benchmarks/review_speed.py [--runs 3] [--scale 0.1] [--jobs 8]

`fanfold review` runs as a process of its own against the stand-in Messages API on loopback, which answers as slowly as
a model does, `--scale` times: the four finders take 24, 30, 36 and 60 s, a verifier takes 20 s. What the figures say:

    input cost  what all input tokens cost, beside one write of the shared prefix and a read of it for every other call
    chain       wall time, beside the longest way from the start of a finder to the last verdict on what it found
    barrier     wall time, beside the same calls, each as long as it was, where verifiers wait for all finders

The barrier is run by the same engine under the same limit, without the calls' own work: that is to its advantage.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from fanfold import Unit, fan_out  # noqa: E402  needs the line above
from fanfold.agents.prices import cost_usd, estimate_tokens  # noqa: E402
from fanfold.testing.options import Latency  # noqa: E402
from fanfold.testing.replies import Reply, smallest, text_of, wanted_tool  # noqa: E402
from fanfold.testing.repository import ISOLATION, Repository  # noqa: E402
from fanfold.testing.server import MessagesServer  # noqa: E402

MODEL = "claude-opus-5-5"
DIFF_TOKENS = 20_000
# Seconds a finder takes, and how many findings it hands in.
ASPECTS: Mapping[str, tuple[float, int]] = {"logic": (24, 4), "state": (30, 3), "input": (36, 2), "contracts": (60, 1)}
VERIFY_S = 20.0
FIRST_BYTE_S = 2.0
INPUT_BOUND, CHAIN_BOUND, BARRIER_BOUND = 1.10, 1.25, 0.75

# As the stand-in counts them.
_CHARACTERS_A_TOKEN = 2.8
_THINKING = "Each line of this change is looked at in turn. " * 40
_DEFINITION = re.compile(r"^    def (\w+)\(.*$", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """One run: three ratios, and the seconds behind them."""

    input_cost: float
    chain: float
    barrier: float
    wall_s: float
    chain_s: float
    barrier_s: float


def project(folder: Path) -> tuple[Repository, str]:
    """Commit a file, then add standard library code of about 20,000 tokens; returns the code as well."""
    library = Path(sysconfig.get_paths()["stdlib"])
    code = ""
    for name in ("argparse.py", "tarfile.py", "zipfile.py", "configparser.py"):
        path = library / name
        code += path.read_text(encoding="utf-8") if path.exists() else ""
    while estimate_tokens(code) > DIFF_TOKENS:
        code = code[: int(len(code) * 0.99)].rsplit("\n", 1)[0] + "\n"
    repository = Repository.init(folder)
    repository.write("README", "A project.\n")
    repository.commit("Begin")
    repository.write("library.py", code)
    return repository, code


def quotes(code: str) -> Sequence[str]:
    """Return ten lines of the code that stand there once, far apart."""
    lines = [match.group(0).strip() for match in _DEFINITION.finditer(code)]
    once = [line for line in lines if lines.count(line) == 1 and code.count(line) == 1]
    wanted = sum(count for _, count in ASPECTS.values())
    return once[:: len(once) // wanted][:wanted]


class Model:
    """The script: a finder hands in its share of the findings, a verifier upholds what it is asked."""

    def __init__(self, code: str, scale: float) -> None:
        left = list(quotes(code))
        self._found = {name: [left.pop() for _ in range(count)] for name, (_, count) in ASPECTS.items()}
        self._scale = scale

    def __call__(self, request: dict[str, Any]) -> Reply:
        tool = wanted_tool(request)
        assert tool is not None, "a call that wants no answer"
        empty = smallest(tool["input_schema"])
        if "findings" not in empty:
            answer = {**empty, "verdict": "holds", "by_this_change": True, "severity": "high"}
            return self._reply(tool["name"], answer, VERIFY_S)
        task = text_of({"messages": request["messages"][-1:]})
        (aspect,) = [name for name in ASPECTS if f"Your aspects: {name}." in task]
        item = smallest(tool["input_schema"]["properties"]["findings"]["items"], tool["input_schema"])
        findings = [_finding(item, aspect, quote) for quote in self._found[aspect]]
        return self._reply(tool["name"], {**empty, "findings": findings}, ASPECTS[aspect][0])

    def _reply(self, tool: str, answer: Any, seconds: float) -> Reply:
        tokens = (len(_THINKING) + len(json.dumps(answer))) / _CHARACTERS_A_TOKEN
        writing_s = (seconds - FIRST_BYTE_S) * self._scale
        return Reply(
            blocks=[{"type": "tool_use", "name": tool, "input": answer}],
            thinking=_THINKING,
            latency=Latency(first_byte_s=FIRST_BYTE_S * self._scale, per_token_s=writing_s / tokens),
        )


def _finding(item: dict[str, Any], aspect: str, quote: str) -> dict[str, Any]:
    said = {"aspect": aspect, "path": "library.py", "quote": quote, "severity": "high", "mechanism": quote}
    return {**item, **said, "title": f"{quote} is wrong", "explanation": quote, "failure_scenario": "It is called."}


def review(repository: Repository, aspects: Path, url: str, jobs: int) -> Mapping[str, Any]:
    """Review the uncommitted change and return its run.json."""
    command = [sys.executable, str(ROOT / "scripts" / "code_review.py"), "--backend", "api", "--model", MODEL]
    command += ["--format", "json", "--output", "-", "--quiet", "--fresh", "--analyzer", "none", "--jobs", str(jobs)]
    command += ["--aspects-from", str(aspects), *(word for name in ASPECTS for word in ("--aspect", name))]
    environment = {**os.environ, **ISOLATION, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "stand-in"}
    done = subprocess.run(command, cwd=repository.root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the review ended with {done.returncode}: {done.stderr.strip()}")
    run: Mapping[str, Any] = json.loads(done.stdout)
    return run


def input_ratio(run: Mapping[str, Any]) -> float:
    """Compare what the input has cost with one write of the prefix and a read of it for every other call."""
    usage = run["usage"]
    units = [unit["usage"] for unit in run["units"]]
    prefix = max(unit["cache_write_tokens"] + unit["cache_read_tokens"] for unit in units)
    paid = cost_usd(
        MODEL,
        full=usage["input_tokens"],
        cache_write=usage["cache_write_tokens"],
        cache_read=usage["cache_read_tokens"],
    )
    ideal = cost_usd(MODEL, cache_write=prefix, cache_read=prefix * (usage["requests"] - 1))
    assert paid, "the model's price is not known"
    assert ideal, "nothing was sent"
    return paid / ideal


def figures(run: Mapping[str, Any], jobs: int) -> Figures:
    """Compare a run's seconds with its longest chain, and with its own calls behind a barrier."""
    seconds = {unit["label"]: unit["ended_s"] - unit["started_s"] for unit in run["units"]}
    finders = {label: took for label, took in seconds.items() if label in ASPECTS}
    verifiers = {label: took for label, took in seconds.items() if label.startswith("verify ")}
    assert len(finders) == len(ASPECTS), f"other finders than {list(ASPECTS)}: {list(seconds)}"
    assert len(verifiers) >= sum(count for _, count in ASPECTS.values()), "a finding was not verified"
    chains = [
        took + max((own for label, own in verifiers.items() if f" {aspect} (" in label), default=0.0)
        for aspect, took in finders.items()
    ]
    began = min(unit["started_s"] for unit in run["units"])
    wall_s = max(unit["ended_s"] for unit in run["units"]) - began
    barrier_s = asyncio.run(with_barrier([[*finders.values()], [*verifiers.values()]], jobs))
    return Figures(
        input_cost=input_ratio(run),
        chain=wall_s / max(chains),
        barrier=wall_s / barrier_s,
        wall_s=wall_s,
        chain_s=max(chains),
        barrier_s=barrier_s,
    )


async def with_barrier(stages: Sequence[Sequence[float]], jobs: int) -> float:
    """Return the seconds of stages that wait for one another, on the engine."""

    async def take(unit: Unit[float], _attempt: object) -> None:
        await asyncio.sleep(unit.payload)

    began = time.perf_counter()
    for number, stage in enumerate(stages):
        units = [Unit(key=f"{number}.{n}", label=f"{number}.{n}", payload=s) for n, s in enumerate(stage)]
        await fan_out(units, take, jobs=jobs)
    return time.perf_counter() - began


def write_aspects(folder: Path) -> None:
    """Four aspects that are read by a finder each."""
    folder.mkdir()
    for name in ASPECTS:
        text = f"---\nname: {name}\nhunts: what is wrong with {name}\n---\nRead every line for {name}.\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=0.1, help="1 is as slow as a model")
    parser.add_argument("--jobs", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        repository, code = project(Path(place) / "project")
        write_aspects(Path(place) / "aspects")
        with MessagesServer(Model(code, asked.scale)) as server:
            runs = [review(repository, Path(place) / "aspects", server.url, asked.jobs) for _ in range(asked.runs)]
    every = [figures(run, asked.jobs) for run in runs]
    report(every)


def report(every: Sequence[Figures]) -> None:
    def median(name: str) -> float:
        values: list[float] = [getattr(each, name) for each in every]
        return statistics.median(values)

    walls = f"wall {median('wall_s'):6.2f} s"
    print(f"input cost  {median('input_cost'):5.2f} × one write plus reads             bound {INPUT_BOUND}")
    print(f"chain       {median('chain'):5.2f} ({walls}, slowest chain {median('chain_s'):.2f} s)  bound {CHAIN_BOUND}")
    print(f"barrier     {median('barrier'):5.2f} ({walls}, barrier {median('barrier_s'):.2f} s)  bound {BARRIER_BOUND}")


if __name__ == "__main__":
    main()
