"""A stand-in for the sub-agents of an analysis: it notes the definitions that it is shown, and answers from the notes.

    with MessagesServer(reader) as server: ...

Everything that it hands in is true and quoted, so that what goes wrong in a test is what the test makes go wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fanfold.testing.replies import Reply, Request, default_reply, text_of

_FILE = re.compile(r"^=== (.+?)(?: \(lines \d+ to \d+ of \d+\))? ===$")
_DEFINED = re.compile(r"^ *(\d+)\| (\s*(?:async )?(?:def|class|function|func|fn) (\w+).*)$")
_NOTE = re.compile(r"^(N\d+(?: N\d+)*) \[\d+\].*\n  (.+)$", re.MULTILINE)
_MOST = re.compile(r"at most (\d+) points")
_LONGEST = 40


def reader(request: Request) -> Reply:
    """Answer as the role that the request names."""
    text = text_of(request)
    if "You are the planner." in text:
        return handed("hand_in_plan", {"together": [], "unread": []})
    if "You are a worker." in text:
        return handed("hand_in_notes", {"notes": list(noted(text))[:_LONGEST]})
    if "You are a reducer." in text:
        return handed("hand_in_points", condensed(text))
    if "You are the synthesiser." in text:
        return handed("answer_question", answered(text))
    return default_reply(request)


def handed(tool: str, answer: Mapping[str, Any]) -> Reply:
    """Return the call that hands an answer in."""
    return Reply(blocks=[{"type": "tool_use", "name": tool, "input": dict(answer)}])


def noted(text: str) -> Iterator[dict[str, Any]]:
    """Yield a note for each definition that is shown."""
    path = ""
    for line in text.split("\n"):
        if heading := _FILE.match(line):
            path = heading[1]
        elif path and (found := _DEFINED.match(line)):
            yield note(path, int(found[1]), found[2], f"`{found[3]}` is defined in {path}.")


def note(path: str, line: int, quote: str, statement: str, *, relevance: int = 5, **fields: Any) -> dict[str, Any]:
    """Return a note as a worker hands it in."""
    said = {"statement": statement, "path": path, "line": line, "end_line": line, "quote": quote}
    return {**said, "relevance": relevance, **fields}


def condensed(text: str) -> dict[str, Any]:
    """Return points: the first of the notes that are shown, as they are, as many as may be."""
    most = _MOST.search(text)
    points = [{"statement": said, "notes": ids.split(), "relevance": 5} for ids, said in _NOTE.findall(text)]
    return {"points": points[: int(most[1]) if most else None], "contradictions": []}


def answered(text: str) -> dict[str, Any]:
    """Return an answer that says what each of the notes says."""
    blocks = [
        {"kind": "item", "sentences": [{"text": said, "notes": ids.split(), "states": True}]}
        for ids, said in _NOTE.findall(text)
    ]
    return {"blocks": blocks[:_LONGEST], "contradictions": [], "lacking": []}
