"""The command as a plugin has it, on machines that lack things: a report with less in it, or one line that says why."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from fanfold.testing.repository import ISOLATION


@pytest.fixture
def run(checkout, cache, project, tmp_path):
    """Run `bin/fanfold` with these programs alone, and nothing of the user's."""
    home = tmp_path / "home"
    home.mkdir()

    def call(*arguments, programs=(), scripts=None, **variables):
        place = tmp_path / "bin"
        place.mkdir(exist_ok=True)
        for name in ("sh", "env", "python3", *programs):
            # A python3 that is found may be a script that wants more programs.
            found = sys.executable if name == "python3" else shutil.which(name)
            assert found
            if not (place / name).exists():
                (place / name).symlink_to(os.path.realpath(found))
        for name, text in (scripts or {}).items():
            (place / name).write_text(text)
            (place / name).chmod(0o755)
        environment = {"PATH": str(place), "HOME": str(home), "FANFOLD_CACHE_DIR": str(cache), "CLAUDECODE": "1"}
        return subprocess.run(
            [checkout / "bin" / "fanfold", *arguments],
            cwd=project.root,
            env={**environment, **ISOLATION, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return call


def test_without_git_and_node(run, project):
    """A folder is reviewed as it is; a repository is one line that says what to do."""
    refused = run("review", "--analyzer", "bandit")
    assert refused.returncode == 2
    assert refused.stderr == "fanfold: git is not on PATH: install it, or run in a folder that is no repository\n"
    (project.root / ".git").rename(project.root / "was-git")
    done = run("review", "--analyzer", "bandit", "app.py")
    assert done.returncode == 0, done.stderr
    assert "app.py:5" in done.stdout
    told = json.loads(run("doctor", "--json").stdout)
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert (states["git"], states["node"]) == ("problem", "missing")


def test_an_old_claude_code(run):
    """One that does not know how it is asked is no login: the review goes on without a model, and says why."""
    old = "#!/bin/sh\n[ \"$1\" = --version ] && echo '1.0.3 (Claude Code)' && exit\necho 'unknown option' >&2\nexit 1\n"
    done = run("review", "--analyzer", "bandit", programs=("git",), scripts={"claude": old})
    assert done.returncode == 0, done.stderr
    assert "is it an old version?" in done.stderr
    assert "No model was called" in done.stdout
    assert "1.0.3" in run("doctor", programs=("git",)).stdout


def test_a_target_that_cannot_be_written(run, project, tmp_path):
    """Nothing is kept, the report comes all the same, and whole where the rest of it would be in no file."""
    template = tmp_path / "long.md.j2"
    template.write_text("# Long\n\n{% for number in range(9000) %}\nline {{ number }}\n{% endfor %}\n")
    long = ("review", "--analyzer", "addressed", "--template", template)
    cut = run(*long, programs=("git",)).stdout
    assert "line 8999" not in cut
    assert "**The report was cut here to fit.**" in cut
    shutil.rmtree(project.root / ".fanfold")
    (project.root / ".fanfold").write_text("in the way")
    whole = run(*long)
    assert whole.stdout.endswith("line 8999\n")
    done = run("review", "--analyzer", "addressed")
    assert done.returncode == 0
    assert done.stdout.startswith("# Code review")
    assert "fanfold: nothing is kept of this run: " in done.stderr
    assert "Traceback" not in done.stderr
