"""Every way into Claude Code that the README names, tried with the real CLI."""

import json
import os
import re
import shlex
import shutil
import sys

import pytest

from fanfold.skills import SKILLS
from fanfold.testing.claude_code import VERSION
from fanfold.testing.replies import text_of

IN_PLUGIN = {f"fanfold:{skill.folder}" for skill in SKILLS}
ALONE = {skill.folder for skill in SKILLS}
# Opus 5.5 takes about 3.6 characters of such prose for a token; to be on the safe side.
CHARACTERS_A_TOKEN = 3.0


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
    told = host.ask("/fanfold:parallel-code-review", [host.bash("fanfold review --backend none")], cwd=project.root)
    names, errors = loaded(told)
    assert "fanfold" in names
    assert errors == []
    assert set(told.init["skills"]) >= IN_PLUGIN
    assert told.denied == []
    assert "# Code review: uncommitted changes" in told.results[0]


def test_from_a_folder(host, checkout, project):
    """`--plugin-dir` alone: skills and agents are listed, and together they cost a session next to nothing."""
    told = host.ask("hello", [], "--plugin-dir", checkout, cwd=project.root)
    assert loaded(told)[1] == []
    assert set(told.init["skills"]) >= IN_PLUGIN
    assert {"fanfold:finder", "fanfold:verifier"} <= set(told.init["agents"])
    lines = [line for line in told.prompt.splitlines() if line.startswith("- fanfold:parallel-")]
    lines += [line for line in told.prompt.splitlines() if line.startswith("- fanfold:multi-")]
    assert len(lines) == len(SKILLS)
    assert sum(map(len, lines)) / CHARACTERS_A_TOKEN < 300


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.folder)
def test_a_skill_that_was_copied_alone(host, checkout, tested, tmp_path, skill):
    """In `~/.claude/skills`, with the command installed by pip: it renders, and its command runs without a question."""
    shutil.copytree(checkout / "skills" / skill.folder, host.home / ".claude" / "skills" / skill.folder)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "fanfold").write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(checkout / 'scripts')!r})\n"
        "from fanfold.cli import main\nmain()\n"
    )
    (programs / "fanfold").chmod(0o755)
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    turns = [host.bash(f"fanfold {skill.command} --dry-run --backend none")]
    told = host.ask(f"/{skill.folder}", turns, cwd=tested.root, login=path)
    assert skill.folder in told.init["skills"]
    assert f"fanfold {skill.command}" in told.prompt
    assert told.denied == []
    assert re.search(r"(backend +none|nobody) \(as asked\)", told.results[0]), told.results[0]


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
        (found,) = set(re.findall(r"`(/[^`]*/\.\./\.\./bin/fanfold)`", text_of(request)))
        return host.bash(f"{shlex.quote(found)} review --backend none --quiet")

    turns = [host.bash("fanfold review"), by_name]
    told = host.ask(
        "/fanfold:parallel-code-review", turns, "--plugin-dir", place, "--allowedTools", "Bash", cwd=project.root
    )
    assert "command not found" in told.results[0]
    assert told.results[1].startswith("# Code review")
