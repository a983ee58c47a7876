"""The agents that a session may start by itself say what the review's own sub-agents are told."""

from pathlib import Path

import pytest
import yaml

from fanfold.skills.code_review.aspects import prompts_folder, shipped_aspects
from fanfold.skills.code_review.standalone import agent_files

ROOT = Path(__file__).resolve().parents[2]
AGENTS = ROOT / "agents"


def test_the_agents_are_fresh(request: pytest.FixtureRequest):
    """agents/ is made from the prompts of the review; `pytest --accept` makes it anew."""
    fresh = agent_files()
    assert set(fresh) == {"finder.md", "verifier.md"}
    if request.config.getoption("--accept"):
        for name, text in fresh.items():
            (AGENTS / name).write_text(text, encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in AGENTS.iterdir()} == fresh


@pytest.mark.parametrize("name", agent_files())
def test_what_an_agent_is_told(name):
    """The rules that decide, word for word; nothing that only the program's prompts have; no tool that writes."""
    text = agent_files()[name]
    _, head, body = text.split("---\n", 2)
    fields = yaml.safe_load(head)
    assert fields["name"] == name.removesuffix(".md")
    assert set(fields["tools"].split(", ")) == {"Read", "Grep", "Glob"}
    rules = (prompts_folder() / "system.md").read_text(encoding="utf-8")
    assert rules.split("# Severity\n")[1].split("\n# ")[0].strip() in body
    for only_there in ("`anchor`", "`evidence`", "E1", "{{", "{%"):
        assert only_there not in body
    if name == "finder.md":
        assert all(f"`{aspect}`" in body for aspect in shipped_aspects())


@pytest.mark.parametrize("name", agent_files())
def test_this_repository_has_them_too(name):
    """A link, so that there is one text."""
    link = ROOT / ".claude" / "agents" / name
    assert link.is_symlink()
    assert link.resolve() == AGENTS / name
