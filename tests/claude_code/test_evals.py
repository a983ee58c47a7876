"""tests/evals says what must trigger each skill, and what must not, in the form that `claude plugin eval` runs.

To run them takes a model; here the CLI reads them all and runs one, with a server that says nothing of use.
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from fanfold.skills import SKILLS
from fanfold.testing import MessagesServer, Reply

ROOT = Path(__file__).resolve().parents[2]
EVALS = ROOT / "tests" / "evals"
CASES = sorted(path.parent for path in EVALS.rglob("prompt.md"))
GRANTS = ("--allow-tools", "Bash", "Edit", "Write")
READ = (".claude-plugin", "agents", "skills", "LICENSE", "README.md")


def head(path):
    """Return the fields of a file."""
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


def evaluated(host, plugin, *options):
    """Let the CLI read all cases and run those that `options` choose; returns what it says and the cases that ran."""
    with MessagesServer(Reply(text="I have no idea.")) as server:
        done = host.run(
            "plugin",
            "eval",
            plugin,
            *("--runs", "1", "--ablation", "none", "--no-publish", "--trust-plugin", "--json", "--scaffold", *options),
            url=server.url,
        )
    return done, json.loads(done.stdout)["cases"] if done.stdout.startswith("{") else []


@pytest.fixture(scope="module")
def plugin(checkout, tmp_path_factory):
    """What the CLI reads of the pack, which follows no link out of it, and its cases."""
    place = tmp_path_factory.mktemp("evaluated") / "pack"
    place.mkdir()
    for part in checkout.iterdir():
        if part.name not in READ:
            (place / part.name).symlink_to(part)
        elif part.is_dir():
            shutil.copytree(part, place / part.name)
        else:
            shutil.copy2(part, place / part.name)
    shutil.copytree(EVALS, place / "tests" / "evals")
    return place


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.folder)
def test_each_skill_has_both_kinds(skill):
    """Three prompts at least that must trigger it, and three near-neighbours that must not."""
    tags = [head(path)["tags"] for path in (EVALS / skill.folder).rglob("prompt.md")]
    assert all(skill.folder in tag for tag in tags)
    assert sum("triggers" in tag for tag in tags) >= 3
    assert sum("near-neighbour" in tag for tag in tags) >= 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case_is_graded_by_what_it_says_it_is(case):
    """Who must trigger is seen to take the skill and run its command; who must not is seen to leave it."""
    graders = [head(path) for path in case.glob("graders/*.md")]
    used = [grader for grader in graders if grader["type"] == "tool_used" and grader["tool"] == "Skill"]
    if "triggers" in head(case / "prompt.md")["tags"]:
        assert used[0]["min"] == 1
        command = next(skill.command for skill in SKILLS if skill.folder == case.parent.name)
        assert any(f"fanfold {command}" in str(grader.get("input_match")) for grader in graders)
    else:
        assert used[0]["max"] == 0


def test_the_cli_takes_them_all(host, plugin):
    """No case is refused, and no grader is of a kind that can't pass with the tools that are granted."""
    done, cases = evaluated(host, plugin, "-j", "8", *GRANTS)
    assert "⚠" not in done.stderr, done.stderr
    assert "Couldn't load" not in done.stderr
    assert {Path(case["dir"]).name for case in cases} == {case.name for case in CASES}
    assert len(cases) == len(CASES)


def test_a_run_is_graded(host, plugin):
    """One that needs no shell, which the CLI runs only in a sandbox: a model that knows nothing leaves the skill."""
    _, (case,) = evaluated(host, plugin, "--case", "one-file")
    (run,) = case["arms"]["with"]
    assert not run.get("error"), run
    assert {grader["name"]: grader["passed"] for grader in run["graders"]} == {"leaves-the-skill": True}


# A case, a file of it, and what is misspelt there.
BROKEN = {
    "is-it-flaky": ("graders/takes-the-skill.md", "type: tool_used", "type: tool_usd"),
    "run-the-tests": ("graders/takes-the-skill.md", "input_match:", "input_matches:"),
    "what-does-my-change-break": ("prompt.md", "max_turns:", "max_trns:"),
}


def test_a_broken_case_is_seen(host, plugin, tmp_path):
    """So the reading above is a test: the same reader names each case with a misspelt type, field or key."""
    copy = tmp_path / "pack"
    shutil.copytree(plugin, copy, symlinks=True, ignore=shutil.ignore_patterns("evals"))
    for case, (file, old, new) in BROKEN.items():
        path = copy / "tests" / "evals" / case
        shutil.copytree(EVALS / "parallel-test" / case, path)
        (path / file).write_text((path / file).read_text().replace(old, new))
    done, cases = evaluated(host, copy)
    assert done.returncode != 0
    assert cases == []
    assert "Couldn't load 3 case files" in done.stderr
    assert all(case in done.stderr for case in BROKEN)
