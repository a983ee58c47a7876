"""The finder and the verifier as agents that a Claude Code session starts by itself, from the prompts of a review.

`agents/` holds what this renders; a test keeps it fresh. What only the program's own prompts have (anchors, labels of
evidence) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import Environment, StrictUndefined

from fanfold.skills.code_review.aspects import prompts_folder, shipped_aspects


def agent_files() -> dict[str, str]:
    """Return the agents' files by name."""
    folder = prompts_folder()
    sections = _sections((folder / "system.md").read_text(encoding="utf-8"))

    def section(title: str, leave_out: Sequence[str] = ()) -> str:
        kept = [part for part in re.split(r"\n(?=- )", sections[title]) if not part.startswith(_bullets(leave_out))]
        return f"# {title}\n\n" + "\n".join(kept)

    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701  markdown
    told = {"section": section, "aspects": shipped_aspects().values()}
    return {
        path.name: environment.from_string(path.read_text(encoding="utf-8")).render(told)
        for path in sorted((folder / "agents").glob("*.md"))
    }


def _sections(text: str) -> dict[str, str]:
    """Return what stands below each heading of the first level."""
    parts = re.split(r"^# (.+)\n", text, flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def _bullets(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"- `{name}`:" for name in names)
