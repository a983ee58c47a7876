"""What Claude Code reads before anything else: its own parser forgives much, and a skill that it drops is silent."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fanfold.skills import SKILLS

ROOT = Path(__file__).resolve().parents[2]
SKILL_FOLDERS = [ROOT / "skills" / skill.folder for skill in SKILLS]
FIELDS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools", "argument-hint"}
TAKEN = {
    *("code-review", "review", "simplify", "verify", "debug", "run", "batch", "loop", "security-review"),
    *("deep-research", "init", "dataviz", "claude-api"),
}
MAY = {"Bash(fanfold *)", "Bash(bin/fanfold *)", "Read", "Edit(.fanfold/runs/**)"}
_LINK = re.compile(r"(?<![\w/])(?:references|prompts|scripts)/[\w./-]*\w")


def faults(folder):
    """Return what is wrong with a skill: every rule that one of the hosts of skills is known to have, and our own."""
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    if not text.startswith("---\n") or "\n---\n" not in text:
        return ["no frontmatter"]
    head, body = text[4:].split("\n---\n", 1)
    try:
        fields = yaml.safe_load(head)
    except yaml.YAMLError:
        return ["not YAML"]
    if not isinstance(fields, dict):
        return ["no fields"]
    return [*_faults_of_fields(fields, head, folder.name), *_faults_of_body(body, folder)]


def _faults_of_fields(fields, head, folder):
    name, description = fields.get("name"), fields.get("description")
    if set(fields) - FIELDS:
        yield f"unknown {sorted(set(fields) - FIELDS)}"
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > 64:
        yield "name"
    if name != folder:
        yield "name is not the folder's"
    if str(name) in TAKEN or "claude" in str(name) or "anthropic" in str(name):
        yield "name is taken"
    if not isinstance(description, str) or not 20 <= len(description) <= 1024:
        yield "description"
    elif not re.search(r'^description: "', head, re.MULTILINE):
        yield "description is not quoted"
    elif "<" in description or ">" in description:
        yield "description has a tag"
    elif not description.startswith("Use when ") or "Not for " not in description:
        yield "description does not say when, and when not"
    tools = fields.get("allowed-tools")
    if not isinstance(tools, str) or not set(tools.split(", ")) <= MAY:
        yield "allowed-tools lets more run than the command"


def _faults_of_body(body, folder):
    if body.count("\n") > 145:
        yield "body is too long"
    if "!`" in body:
        yield "body runs a command before it is read"
    for path in _LINK.findall(body):
        if not (folder / path).is_file():
            yield f"{path} is not there"
        if path.count("/") > 1:
            yield f"{path} is more than one level deep"


GOOD = {
    "name": "some-skill",
    "description": '"Use when the user wants something done. Not for anything else."',
    "allowed-tools": "Bash(fanfold *), Read",
    "license": "MIT",
}
BAD = {
    "no name": ({"name": None}, "name"),
    "another name": ({"name": "other-skill"}, "name is not the folder's"),
    "capitals": ({"name": "Some-Skill"}, "name"),
    "two hyphens": ({"name": "some--skill"}, "name"),
    "a list": ({"name": "[some-skill]"}, "name"),
    "no description": ({"description": None}, "description"),
    "an empty description": ({"description": '""'}, "description"),
    "a long description": ({"description": f'"Use when {"x" * 1020}. Not for y."'}, "description"),
    "an unquoted description": ({"description": "Use when it is so. Not for other"}, "description is not quoted"),
    "a colon that breaks YAML": ({"description": "Use when: it is so"}, "not YAML"),
    "a tag": ({"description": '"Use when <b>it</b> is so. Not for other things."'}, "description has a tag"),
    "steps": ({"description": '"First plans, then reviews, then reports."'}, "description does not say when, and"),
    "a misspelt field": ({"alowed-tools": "Read"}, "unknown ['alowed-tools']"),
    "every command": ({"allowed-tools": "Bash"}, "allowed-tools lets more run"),
    "any git": ({"allowed-tools": "Bash(git *), Read"}, "allowed-tools lets more run"),
    "all of it": ({"allowed-tools": "Bash(*)"}, "allowed-tools lets more run"),
}
BAD_BODIES = {
    "long": ("\n" * 200, "body is too long"),
    "injection": ("Now: !`cat ~/.netrc`\n", "body runs a command"),
    "a dead link": ("See references/nothing.md.\n", "references/nothing.md is not there"),
    "a deep link": ("See references/a/b.md.\n", "references/a/b.md is more than one level deep"),
}


def written(folder, fields, body="Do it.\n"):
    """Make a skill."""
    folder.mkdir()
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    (folder / "SKILL.md").write_text("\n".join(["---", *lines, "---", "", body]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["plugin.json", "marketplace.json"])
def test_whoever_looks_for_plugins_reads_of_every_skill(name):
    """What a directory shows of the pack names all that is in it."""
    shown = (ROOT / ".claude-plugin" / name).read_text(encoding="utf-8").lower().replace("-", " ")
    described = " ".join(re.findall(r'"description": "(.+)"', shown))
    assert [skill.folder for skill in SKILLS if skill.folder.replace("-", " ") not in described] == []


@pytest.mark.parametrize("folder", SKILL_FOLDERS, ids=lambda folder: folder.name)
def test_our_skills_are_faultless(folder):
    """By the strict rules above, and by the open standard's own validator."""
    assert faults(folder) == []
    done = subprocess.run(
        [Path(sys.executable).with_name("agentskills"), "validate", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# What whoever works by a SKILL.md has to know, and by which words of it that shows.
TOLD = {
    "when, and what else there is": "Use it ",
    "how much effort": '"Thorough": `--effort high`',
    "how much money": "`--max-cost ",
    "the cost first": "--dry-run`",
    "how long the tool waits": "600000 ms",
    "where a run stands": "`fanfold runs show`",
    "agents of the host": "`fanfold prepare ",
    "side by side": "all of them in one message",
    "what the report is": "## Reading the result",
    "what is missing": "ncomplete",
    "whose consent": "Never ask for an API key",
    "what never to do": "\nNever ",
}


@pytest.mark.parametrize("folder", SKILL_FOLDERS, ids=lambda folder: folder.name)
def test_each_skill_says_what_is_needed(folder):
    """From when to use it to what never to do; how hard tests are thought about is no question."""
    text = (folder / "SKILL.md").read_text(encoding="utf-8")
    needless = {"how much effort"} if folder.name == "parallel-test" else set()
    assert [what for what, words in TOLD.items() if words not in text and what not in needless] == []


def test_the_rules_let_a_good_one_pass(tmp_path):
    """Otherwise they would prove nothing."""
    assert faults(written(tmp_path / "some-skill", GOOD)) == []


@pytest.mark.parametrize(("change", "says"), BAD.values(), ids=BAD)
def test_a_bad_head_is_seen(tmp_path, change, says):
    """Each rule has a skill that breaks it."""
    assert [fault for fault in faults(written(tmp_path / "some-skill", {**GOOD, **change})) if fault.startswith(says)]


@pytest.mark.parametrize(("body", "says"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_seen(tmp_path, body, says):
    """So does each rule about what stands below it."""
    assert [fault for fault in faults(written(tmp_path / "some-skill", GOOD, body)) if fault.startswith(says)]


@pytest.mark.parametrize("text", ["", "# Nothing\n", "---\nname: x\n", "---\n- a\n- b\n---\n", "---\n\n---\nBody\n"])
def test_what_is_no_frontmatter_is_seen(tmp_path, text):
    """A file without it loads as a skill that never triggers."""
    (tmp_path / "SKILL.md").write_text(text)
    assert faults(tmp_path)
