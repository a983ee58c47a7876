"""Scripted models for the loopback server, which prove the benchmark where no model can be asked.

`oracle` reports exactly what the labels say, `silent` nothing, `noise` five lines of the change that no label is near.
Their scores are known beforehand, so a benchmark that prints others is broken. None of them says anything about a
model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.quality.cases import Case, Spot

from fanfold.sources.anchors import anchor
from fanfold.sources.diff import parse_diff
from fanfold.testing.replies import Reply, default_reply, smallest, wanted_tool

NOISE = 5
# Farther from a label than any tolerance that one would score with.
_FAR = 15
_LEAST_CODE = 12


class StandIn:
    """The script of a server that reviews one case at a time: set `take` before each."""

    def __init__(self, name: str) -> None:
        self._places = STAND_INS[name]
        self._spots: Sequence[Spot] = ()

    def take(self, case: Case, diff: str) -> None:
        """Answer for this case from now on."""
        self._spots = self._places(case, diff)

    def __call__(self, request: dict[str, Any]) -> Reply:
        tool = wanted_tool(request)
        if tool is None:
            return default_reply(request)
        answer = self._findings(tool["input_schema"]) or _agreeing(tool["input_schema"])
        return Reply(blocks=[{"type": "tool_use", "name": tool["name"], "input": answer}])

    def _findings(self, schema: Any) -> Any:
        """Return the answer of a finder; None when `schema` is another role's."""
        if "findings" not in schema["properties"]:
            return None
        empty = smallest(schema["properties"]["findings"]["items"], schema)
        return {**smallest(schema), "findings": [_reported(empty, spot) for spot in self._spots]}


def _reported(empty: dict[str, Any], spot: Spot) -> dict[str, Any]:
    """Fill what the schema of a finding asks for, as far as a label knows it."""
    known = {
        "path": spot.file,
        "anchor": anchor(spot.line, spot.code),
        "quote": spot.code,
        "severity": "high",
        "mechanism": f"{spot.file}-{spot.line}",
        "title": f"What stands at line {spot.line} of {spot.file}",
        "explanation": f"{spot.code.strip()} is wrong.",
        "failure_scenario": f"{spot.file} is run.",
    }
    return {**empty, **{name: value for name, value in known.items() if name in empty}}


def _agreeing(schema: Any) -> Any:
    """Return a verifier's answer that upholds whatever it is asked about."""
    upheld = {"verdict": "holds", "by_this_change": True, "severity": "high"}
    return {**smallest(schema), **{name: value for name, value in upheld.items() if name in schema["properties"]}}


def _labels(case: Case, diff: str) -> Sequence[Spot]:  # noqa: ARG001  the shape of all three
    return case.gt


def _nothing(case: Case, diff: str) -> Sequence[Spot]:  # noqa: ARG001  the shape of all three
    return ()


def noise_spots(case: Case, diff: str, count: int = NOISE) -> Sequence[Spot]:
    """Return added lines, spread over the change, far from every label and unlike any other line of their file."""
    labels = [spot for bug in case.gt for spot in bug.spots]
    spots = []
    for change in parse_diff(diff):
        lines = [line for hunk in change.hunks for line in hunk.lines if line.kind != "-"]
        texts = ["".join(line.text.split()) for line in lines]
        for line, text in zip(lines, texts, strict=True):
            far = all(at.file != change.path or abs(at.line - (line.new or 0)) > _FAR for at in labels)
            if line.kind == "+" and far and len(text) >= _LEAST_CODE and sum(text in other for other in texts) == 1:
                spots.append(Spot(file=change.path, line=line.new or 1, code=line.text.strip()))
    step = max(1, len(spots) // count)
    return spots[::step][:count]


STAND_INS: dict[str, Callable[[Case, str], Sequence[Spot]]] = {
    "oracle": _labels,
    "silent": _nothing,
    "noise": noise_spots,
}
