"""A start: from anywhere, under any Python, and nothing but the pack's own code."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import cache, entry, interpreters, words

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "scripts" / "launcher"
FIRST = [
    *(ROOT / name for name in ("bin/fanfold", "scripts/code_review.py", "scripts/selftest.py")),
    *(LAUNCHER / f"{name}.py" for name in ("__init__", "build", "cache", "installers", "interpreters", "entry")),
]


def test_first_start_builds_and_hands_over(checkout):
    """Pip fills an environment from the requirements, one line says so, and the package of the checkout runs in it."""
    code, seen, said = checkout.start("report", "--run", "a b")
    assert code == 0
    assert said == [f"fanfold: preparing its Python packages, this once, in {checkout.environment}"]
    assert seen["arguments"] == ["fanfold", "report", "--run", "a b"]
    assert seen["path"][0] == str(checkout.root / "scripts")
    assert Path(seen["tiny"]).is_relative_to(checkout.environment)


def test_later_starts_say_nothing(quick):
    """The second start uses what the first one built, silently, and becomes the environment's interpreter."""
    quick.start()
    log = Path(quick.variables["FAKE_UV_LOG"]).read_text()
    process = quick.begin("--fail")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (7, "")
    assert json.loads(out)["pid"] == process.pid
    assert Path(quick.variables["FAKE_UV_LOG"]).read_text() == log


def test_code_review_is_the_review_command(quick):
    """scripts/code_review.py runs `review` in the working directory that it is called from."""
    elsewhere = quick.home / "repository"
    elsewhere.mkdir()
    _, seen, _ = quick.start("--staged", script="scripts/code_review.py", cwd=elsewhere)
    assert seen["arguments"] == ["fanfold", "review", "--staged"]
    assert seen["directory"] == str(elsewhere)


def test_selftest_has_its_own_requirements(quick):
    """scripts/selftest.py runs the checks, with its arguments, under an environment of requirements-dev.txt."""
    (quick.root / "scripts" / "requirements-dev.txt").write_text("other\n")
    (quick.root / "scripts" / "launcher" / "checks.py").write_text("import json, sys; print(json.dumps(sys.argv[1:]))")
    code, seen, _ = quick.start("-k", "x", script="scripts/selftest.py")
    assert (code, seen) == (0, ["-k", "x"])
    assert quick.environment.name.startswith("requirements-dev-")


def test_a_symlink_leads_to_the_checkout(quick, tmp_path):
    """A link to bin/fanfold from a folder on PATH finds the scripts where they are."""
    link = tmp_path / "linked"
    link.symlink_to(quick.root / "bin" / "fanfold")
    run = subprocess.run([sys.executable, link], env=quick.variables, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["path"][0] == str(quick.root / "scripts")


def test_no_code_of_the_working_directory_runs(checkout):
    """Modules there that are named like the standard library's, ours or a dependency are not imported by a start."""
    foreign = checkout.home / "foreign"
    foreign.mkdir()
    for name in ("click", "fanfold", "hashlib", "json", "launcher", "pip", "shutil", "subprocess", "tiny", "venv"):
        (foreign / f"{name}.py").write_text("raise SystemExit('foreign code ran')")
    (foreign / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/\n")
    for path in (".", f"{foreign}{os.pathsep}"):
        hostile = checkout.given(
            PYTHONPATH=path, VIRTUAL_ENV=str(foreign), PYTHONSTARTUP="click.py", PIP_TARGET=str(foreign)
        )
        code, seen, _ = hostile.start(cwd=foreign)
        assert code == 0
        assert seen["isolated"] == 1
        assert not any(Path(entry).is_relative_to(foreign) for entry in seen["path"])


def test_bytecode_can_be_kept_out_of_the_checkout(quick):
    """PYTHONDONTWRITEBYTECODE leaves no file in the checkout; the bytecode goes to the cache, so starts stay fast."""
    quick = quick.given(PYTHONDONTWRITEBYTECODE="1")
    before = sorted(quick.root.rglob("*"))
    assert quick.start()[0] == 0
    assert sorted(quick.root.rglob("*")) == before
    assert list((quick.environment / "bytecode").rglob("cli.*.pyc"))


def test_a_read_only_checkout_has_its_bytecode_elsewhere(monkeypatch):
    """Where the scripts can't be written the prefix is in the environment; a prefix of the user's own comes first."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setattr(os, "access", lambda _path, _mode: True)
    assert entry._bytecode("/e") == []
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert entry._bytecode("/e") == ["-X", f"pycache_prefix={Path('/e', 'bytecode')}"]
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/mine")
    assert entry._bytecode("/e") == ["-X", "pycache_prefix=/mine"]


@pytest.mark.parametrize("path", FIRST, ids=lambda path: path.name)
def test_what_runs_first_parses_under_old_pythons(path):
    """What runs before there is an environment is Python 3.8, and none of its annotations is evaluated."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    annotated = [node for node in ast.walk(tree) if getattr(node, "annotation", None) or getattr(node, "returns", None)]
    deferred = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    assert deferred or not annotated


def test_an_old_default_python_starts_it(quick, base_python):
    """This Python, and each older one that this machine has, starts the pack, which then runs under a newer one."""
    newer = Path(quick.variables["PATH"], "python3.11")
    newer.symlink_to(base_python)
    old = [path for minor in (8, 9, 10) for path in interpreters.programs(f"python3.{minor}") if interprets(path)]
    for python in [sys.executable, *old]:
        code, seen, _ = quick.start(python=python)
        assert (code, seen["arguments"]) == (0, ["fanfold"])


def interprets(path: str) -> bool:
    """A shim may be on PATH for a Python that isn't there."""
    return subprocess.run([path, "-I", "-c", ""], capture_output=True, check=False).returncode == 0


def test_a_python_before_3_8_is_told_so():
    """One line and exit code 2 come before the import of anything that such a Python can't read."""
    pretend = f"import sys; sys.version_info = (3, 7, 9); sys.path.insert(0, {str(LAUNCHER.parent)!r}); import launcher"
    run = subprocess.run([sys.executable, "-I", "-c", pretend], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert re.fullmatch(r"fanfold: needs Python >= 3\.8 to start.*\n", run.stderr)


def test_a_start_imports_next_to_nothing():
    """With the environment in place no module is imported that takes long; a start has 60 ms."""
    script = f"import sys; sys.path.insert(0, {str(LAUNCHER.parent)!r}); import launcher; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    heavy = {"pathlib", "re", "shutil", "subprocess", "tempfile", "typing", "launcher.build", "contextlib", "json"}
    assert heavy.isdisjoint(run.stdout.split())
    assert "launcher.entry" in run.stdout.split()


def test_the_name_follows_the_requirements(tmp_path):
    """Other requirements mean another environment; how lines end means nothing."""
    file = tmp_path / "requirements.txt"
    names = []
    for text in (b"a==1\n", b"a==1\r\n", b"a==2\n"):
        file.write_bytes(text)
        names.append(entry.environment_name(str(file)))
    assert names[0] == names[1] != names[2]


def test_a_closed_stderr_stops_nothing(quick):
    """Nobody to tell about the build is no reason not to build."""
    command = '"$0" "$1" 2>&-'
    run = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, quick.root / "bin" / "fanfold"],
        env=quick.variables, capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0


def test_a_damaged_environment_is_one_line(quick):
    """Where a cleaner removed part of the environment, its folder is named; a defect of ours is a traceback."""
    _, seen, _ = quick.start()
    Path(seen["tiny"]).unlink()
    code, _, said = quick.start()
    assert code == 2
    assert said == [f"fanfold: No module named 'tiny'; remove {quick.environment} to have it built anew"]
    (quick.root / "scripts" / "fanfold" / "cli.py").write_text("import fanfold.missing")
    code, _, said = quick.start()
    assert code == 1
    assert said[-1] == "ModuleNotFoundError: No module named 'fanfold.missing'"


def test_a_checkout_without_requirements_is_one_line(quick):
    """What is missing from the checkout is named, without a traceback."""
    quick.requirements.unlink()
    code, _, said = quick.start()
    assert code == 2
    assert len(said) == 1
    assert str(quick.requirements) in said[0]


def stand_in(place, body):
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)


def test_ci_runs_the_selftest(tmp_path):
    """.ci/run calls scripts/selftest.py with `python3` in the repository's root, from wherever it is called."""
    stand_in(tmp_path / "python3", 'printf "%s\\n" "$PWD" "$@"\nexit 5')
    stand_in(tmp_path / "chromium", "")
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    run = subprocess.run(
        [ROOT / ".ci" / "run"], env=variables, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout.splitlines()) == (5, [str(ROOT), "scripts/selftest.py"])


@pytest.mark.parametrize("works", [True, False])
def test_ci_brings_a_browser_that_is_missing(tmp_path, works):
    """Where there is no chromium apt-get is to install it; that it can't is said, and the tests run all the same."""
    for name in ("bash", "dirname", "sh"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    stand_in(tmp_path / "id", "echo 0")
    stand_in(tmp_path / "apt-get", f'echo "apt-get $*"; exit {0 if works else 1}')
    stand_in(tmp_path / "python3", "echo tested")
    command = [tmp_path / "bash", ROOT / ".ci" / "run"]
    run = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "tested\n")
    assert "apt-get update" in run.stderr
    assert ("install -qy --no-install-recommends chromium" in run.stderr) is works
    assert ("could not be installed" in run.stderr) is not works


def test_a_chosen_cache_folder_is_the_only_one(monkeypatch, tmp_path):
    """FANFOLD_CACHE_DIR is taken from any working directory, and nothing else is tried."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FANFOLD_CACHE_DIR", "mine")
    assert list(cache.folders()) == [str(tmp_path / "mine" / "environments")]


def test_a_relative_xdg_folder_is_ignored(monkeypatch, tmp_path):
    """XDG says so; it would lead into the repository."""
    monkeypatch.delenv("FANFOLD_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert list(cache.folders()) == [str(tmp_path / ".cache" / "fanfold" / "environments")]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert list(cache.folders()) == [str(tmp_path / "xdg" / "fanfold" / "environments")]


def test_without_a_home_the_temporary_folder_serves(monkeypatch, tmp_path):
    """It is made for this user alone; one that others could have written to is refused."""
    monkeypatch.delenv("FANFOLD_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _, last = cache.folders()
    private = Path(last).parent
    assert private.parent == tmp_path
    assert private.stat().st_mode & 0o777 == 0o700
    private.chmod(0o755)
    with pytest.raises(words.LauncherError, match="FANFOLD_CACHE_DIR"):
        list(cache.folders())


def test_a_shim_that_fails_is_no_python(tmp_path):
    """What can't run is passed over, as is what doesn't answer."""
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert interpreters.probe(str(shim)) is None
    assert interpreters.probe(str(tmp_path / "nowhere")) is None
    shim.write_text("#!/bin/sh\necho hello\n")
    assert interpreters.probe(str(shim)) is None


def test_an_interpreter_is_known_by_its_own_path(tmp_path, base_python):
    """A venv's python answers with that of the Python below it, free of links: an upgrade then breaks it visibly."""
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    expected = interpreters.Interpreter(os.path.realpath(base_python), sys.version_info[:2])
    assert not expected.path.startswith(str(tmp_path))
    assert interpreters.probe(str(tmp_path / "venv" / "bin" / "python")) == expected
    (tmp_path / "python3").symlink_to(base_python)
    assert interpreters.probe(str(tmp_path / "python3")) == expected


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [([(3, 10), (3, 12)], (3, 12)), ([(3, 99), (3, 11)], (3, 11)), ([(3, 99), (4, 0)], (3, 99)), ([(3, 8)], None)],
)
def test_which_python_is_taken(monkeypatch, versions, chosen):
    """The first that every pinned package has wheels for; a newer one if there is no such; never an older one."""
    found = {str(version): interpreters.Interpreter("/p", version) for version in versions}
    monkeypatch.setattr(interpreters, "_candidates", lambda: iter(found))
    monkeypatch.setattr(interpreters, "probe", found.get)
    taken = interpreters.find()
    assert (taken and taken.version) == chosen


def test_relative_entries_of_path_are_passed_over(monkeypatch, tmp_path):
    """A program in the working directory is code under review."""
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(interpreters, "_FOLDERS", ())
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    assert interpreters.find_uv() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert interpreters.find_uv() == str(tmp_path / "uv")
