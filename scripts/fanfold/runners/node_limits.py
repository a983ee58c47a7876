"""The limit of a single test that a framework of node's keeps by itself: it then names the test that hangs.

Where the project's own limit, or the framework's, is the lower one, that holds. A test that sets one for itself in its
file has that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fanfold.runners.base import Task
from fanfold.runners.node_suites import NodeFramework


@dataclass(frozen=True, slots=True)
class Limit:
    """An option that takes milliseconds, the key of settings that means the same, and what holds without either."""

    option: str
    key: str
    default_ms: int
    is_plain: bool = True  # the key means nothing else in settings


def limit_words(task: Task, framework: NodeFramework, limits: Sequence[Limit]) -> tuple[str, ...]:
    """Return the words that give a test no more than `task.timeout_s`, () where it has no more anyway."""
    if task.timeout_s is None:
        return ()
    most = int(task.timeout_s * 1000)
    text = _settings(task, framework)
    return tuple(f"{one.option}={most}" for one in limits if (its := _held(one, task, text)) is not None and its > most)


def _held(limit: Limit, task: Task, text: str) -> float | None:
    """Return the limit that holds, in milliseconds, without end for 0; None where it can't be read."""
    words = " ".join(task.suite.arguments)
    given = re.search(rf"(?:^|\s){re.escape(limit.option)}[= ](\d+)", words) or re.search(
        rf"\b{limit.key}[\"']?\s*[:=]\s*(\d[\d_]*)\s*(?:[,}}\n\r;)]|$)", text
    )
    if given is None:
        return None if re.search(rf"\b{limit.key}\b", text) else limit.default_ms
    its = int(given[1].replace("_", "")) or float("inf")
    return its if limit.is_plain else min(its, limit.default_ms)


def _settings(task: Task, framework: NodeFramework) -> str:
    """Return the text of the settings that may hold: files in the suite's folder, and what its words name."""
    words = [word.partition("=")[2] or word for word in task.suite.arguments]
    texts = []
    for name in (*words, *framework.settings, "vite.config.ts", "vite.config.js", "vite.config.mts", "vite.config.mjs"):
        try:
            texts.append((task.folder / name).read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):
            continue
    return "\n".join([*texts, _table(task, framework.key)])


def _table(task: Task, key: str) -> str:
    try:
        document = json.loads((task.folder / "package.json").read_text(encoding="utf-8"))
        return json.dumps(document[key], indent=0) if key else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
