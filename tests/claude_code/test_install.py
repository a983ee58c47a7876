"""Every way into Claude Code that the README names, tried with the real CLI."""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from fanfold.skills import SKILLS
from fanfold.testing import Reply
from fanfold.testing.claude_code import VERSION
from fanfold.testing.replies import text_of

IN_PLUGIN = {f"fanfold:{skill.folder}" for skill in SKILLS}
ALONE = {skill.folder for skill in SKILLS}
# Opus 5.5 takes about 3.6 characters of such prose for a token; to be on the safe side.
CHARACTERS_A_TOKEN = 3.0


QUICK = "fanfold review --backend none --analyzer addressed --quiet"
BY_PATH = re.compile(r"`(/[^`]*/\.\./\.\./bin/fanfold)`")


def loaded(told):
    """Return the plugins that loaded and what went wrong."""
    return [plugin["name"] for plugin in told.init["plugins"]], told.init.get("plugin_errors", [])


def test_the_directory_would_take_the_plugin(host, checkout):
    """The CLI's own validator finds nothing, warnings counted as errors; what it says is for the version we name."""
    done = host.run("plugin", "validate", "--strict", "--profile", "directory", checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (*(f"skills: {name}" for name in IN_PLUGIN), "agents: fanfold:finder", "bin: fanfold"):
        assert name in done.stdout
    assert VERSION in host.run("--version").stdout


def test_from_a_marketplace(host, checkout, project):
    """`marketplace add` and `install`, then a session: the skills are there, and the command is on its PATH."""
    for command in (["marketplace", "add", checkout], ["install", "fanfold@fanfold"]):
        done = host.run("plugin", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    (listed,) = json.loads(host.run("plugin", "list", "--json").stdout)
    assert (listed["id"], listed["enabled"]) == ("fanfold@fanfold", True)
    told = host.ask("/fanfold:parallel-code-review", [host.bash(QUICK)], cwd=project.root)
    names, errors = loaded(told)
    assert "fanfold" in names
    assert errors == []
    assert set(told.init["skills"]) >= IN_PLUGIN
    assert told.denied == []
    assert "# Code review: uncommitted changes" in told.results[0]


def test_from_a_folder(host, checkout, project):
    """`--plugin-dir` alone: skills and agents are listed, and together they cost a session next to nothing.

    A session may start the agents by itself: each is told the review's own rules, and can do nothing but read.
    """
    started: list[dict[str, Any]] = []

    def others(request: dict[str, Any]) -> Reply:
        started.append(request)
        return Reply(text="{}")

    turn = [agent("finder", "Review the last commit."), agent("verifier", "It is claimed that load is safe.")]
    told = host.ask("hello", [turn], "--plugin-dir", checkout, cwd=project.root, others=others)
    assert loaded(told)[1] == []
    assert set(told.init["skills"]) >= IN_PLUGIN
    assert {"fanfold:finder", "fanfold:verifier"} <= set(told.init["agents"])
    lines = [line for line in told.prompt.splitlines() if line.startswith("- fanfold:parallel-")]
    lines += [line for line in told.prompt.splitlines() if line.startswith("- fanfold:multi-")]
    assert len(lines) == len(SKILLS)
    assert sum(map(len, lines)) / CHARACTERS_A_TOKEN < 300
    rules = ("You review one change.", "You check one claim")
    found = {rule: request for request in started for rule in rules if rule in json.dumps(request["system"])}
    assert set(found) == set(rules)
    assert all({tool["name"] for tool in request["tools"]} == {"Read", "Grep", "Glob"} for request in found.values())


def agent(name, prompt):
    """Return the wish for one of the plugin's agents."""
    given = {"description": "look", "subagent_type": f"fanfold:{name}", "prompt": prompt}
    return {"type": "tool_use", "name": "Agent", "input": given}


def test_a_checkout_among_the_users_skills(host, checkout, project):
    """`~/.claude/skills/fanfold` is a plugin as it lies there: nothing to install, and nothing is asked."""
    place = host.home / ".claude" / "skills" / "fanfold"
    shutil.copytree(checkout, place, symlinks=True)
    told = host.ask("/fanfold:parallel-code-review", [host.bash(QUICK)], cwd=project.root)
    assert loaded(told)[1] == []
    assert set(told.init["skills"]) >= IN_PLUGIN
    assert {"fanfold:finder", "fanfold:verifier"} <= set(told.init["agents"])
    assert told.denied == []
    assert told.results[0].startswith("# Code review: uncommitted changes")


def test_skills_that_were_copied_alone(host, checkout, tested, tmp_path):
    """In `~/.claude/skills`, with the command installed by pip: all are there, and no command is asked about."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "fanfold").write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(checkout / 'scripts')!r})\n"
        "from fanfold.cli import main\nmain()\n"
    )
    (programs / "fanfold").chmod(0o755)
    copied(host, checkout)
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    turns = [host.bash(f"fanfold {skill.command} --dry-run --backend none") for skill in SKILLS]
    told = host.ask("/parallel-test", turns, cwd=tested.root, login=path)
    assert set(told.init["skills"]) >= ALONE
    assert "fanfold test" in told.prompt
    assert told.denied == []
    for result in told.results:
        assert re.search(r"(backend +none|nobody) \(as asked\)", result), result


def copied(host, checkout):
    """Copy the folders of the skills, and nothing else."""
    for skill in SKILLS:
        shutil.copytree(checkout / "skills" / skill.folder, host.home / ".claude" / "skills" / skill.folder)


def test_a_copied_skill_without_its_command(host, checkout, project):
    """It says whom to ask, and the checkout that is then named runs by its path, in whatever folder it lies."""
    copied(host, checkout)
    there = host.bash(QUICK.replace("fanfold", shlex.quote(str(checkout / "bin" / "fanfold")), 1))
    turns = [host.bash("fanfold review"), there]
    told = host.ask("/parallel-code-review", turns, "--allowedTools", "Bash", cwd=project.root)
    assert "command not found" in told.results[0]
    (found,) = set(BY_PATH.findall(told.prompt))
    assert not Path(found).exists()
    assert "ask the user for a checkout" in " ".join(told.prompt.split())
    assert told.results[1].startswith("# Code review: uncommitted changes")


def test_skills_that_are_linked(host, checkout, project):
    """A link in `~/.claude/skills` leads to the command by way of the checkout that it points into."""
    (host.home / ".claude" / "skills").mkdir(parents=True)
    for skill in SKILLS:
        (host.home / ".claude" / "skills" / skill.folder).symlink_to(checkout / "skills" / skill.folder)

    def by_name(request):
        (found,) = set(BY_PATH.findall(text_of(request)))
        return host.bash(QUICK.replace("fanfold", shlex.quote(found)))

    told = host.ask("/parallel-code-review", [by_name], "--allowedTools", "Bash", cwd=project.root)
    assert set(told.init["skills"]) >= ALONE
    assert told.results[0].startswith("# Code review: uncommitted changes")


def test_this_repository_itself(host, checkout):
    """Its own `.claude` has every skill and both agents, and its settings let `bin/fanfold` run."""
    told = host.ask("/parallel-code-review", [host.bash("bin/fanfold --version")], cwd=checkout)
    assert set(told.init["skills"]) >= ALONE
    assert {"finder", "verifier"} <= set(told.init["agents"])
    assert told.denied == []
    assert told.results[0].startswith("fanfold, version")


def test_a_path_that_the_host_does_not_take(host, checkout, project, tmp_path):
    """The host leaves a folder with quotes out of PATH; the skill names the program, which runs when it is allowed."""
    place = tmp_path / 'it\'s "here"'
    place.symlink_to(checkout)

    def by_name(request):
        (found,) = set(BY_PATH.findall(text_of(request)))
        return host.bash(QUICK.replace("fanfold", shlex.quote(found)))

    turns = [host.bash("fanfold review"), by_name]
    told = host.ask(
        "/fanfold:parallel-code-review", turns, "--plugin-dir", place, "--allowedTools", "Bash", cwd=project.root
    )
    assert "command not found" in told.results[0]
    assert told.results[1].startswith("# Code review")
