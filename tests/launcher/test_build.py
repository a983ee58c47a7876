"""Building an environment: once, whole or not at all, and with whatever installs packages here."""

import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pip
import pytest

from launcher import build, cache, installers, words

DAY_S = 24 * 60 * 60


def preparing(said: list[str]) -> int:
    return sum("preparing its Python packages" in line for line in said)


def test_two_first_starts_build_once(quick):
    """Both wait for the same environment, and one of them makes it."""
    both = [quick.begin(), quick.begin()]
    results = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(preparing(err.splitlines()) for _, err in results) == 1
    assert uv_calls(quick) == ["venv", "pip"]


def test_waiting_is_said(quick):
    """A start that finds the lock taken says so, and goes on when it is free."""
    quick.cache.mkdir(parents=True)
    with (quick.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = quick.begin()
        assert process.stderr.readline() == "fanfold: another start is preparing the packages; waiting for it\n"
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert preparing(err.splitlines()) == 1


def test_a_kill_leaves_nothing_that_looks_whole(quick):
    """While the killed start's installer lives the next one waits; then it builds anew, whatever was left."""
    with hanging(quick) as (process, installer):
        (left,) = [path for path in quick.cache.iterdir() if path.is_dir()]
        assert not cache.usable(str(left))
        process.kill()
        process.communicate(timeout=60)
        (left / "half").touch()
        following = quick.given(FAKE_UV="works").begin()
        assert "waiting for it" in following.stderr.readline()
        os.kill(installer, signal.SIGKILL)
        _, err = following.communicate(timeout=60)
    assert following.returncode == 0
    assert preparing(err.splitlines()) == 1
    assert not (left / "half").exists()


def test_an_interrupt_ends_the_build(quick):
    """Ctrl-C during the build ends it with 130 and without a traceback, and the installer with it."""
    with hanging(quick) as (process, _installer):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert preparing(err.splitlines()) == len(err.splitlines()) == 1
        with (quick.cache / "lock").open() as lock:  # held as long as the installer lives
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def hanging(quick):
    """Start a build and stop it half-way: yields its process and the id of the installer that waits."""
    pipe = quick.variables["FAKE_UV_PIPE"]
    os.mkfifo(pipe)
    os.mkfifo(f"{pipe}.end")
    process = quick.given(FAKE_UV="hangs").begin()
    installer = int(Path(pipe).read_text())
    try:
        yield process, installer
    finally:
        for end in (process.kill, lambda: os.kill(installer, signal.SIGKILL)):
            try:
                end()
            except ProcessLookupError:
                continue
        process.communicate(timeout=60)


def test_pip_comes_after_a_uv_that_fails(quick):
    """Uv does not read pip's configuration, so pip has its try before giving up."""
    code, seen, said = quick.given(FAKE_UV="fails").start()
    assert (code, len(said)) == (0, 1)
    assert Path(seen["tiny"]).is_relative_to(quick.environment)
    assert uv_calls(quick) == ["venv", "pip"]


def test_installers_run_away_from_the_working_directory(quick):
    """A uv.toml of the code under review could name another index."""
    (quick.home / "repository").mkdir()
    assert quick.start(cwd=quick.home / "repository")[0] == 0
    lines = Path(quick.variables["FAKE_UV_LOG"]).read_text().splitlines()
    assert {line.split(" ", 1)[1] for line in lines} == {str(quick.cache)}


def test_no_network_is_one_line_with_the_command_for_later(quick):
    """The line names the causes and a command; run from anywhere once there is an index, the command does the rest."""
    cut_off = quick.given(FAKE_UV="fails", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1")
    del cut_off.variables["PIP_NO_INDEX"], cut_off.variables["PIP_FIND_LINKS"]
    code, _, said = cut_off.start("report", "it's")
    assert code == 2
    assert len(said) == 2
    assert "error: no solution found; the package index can't be reached" in said[1]
    assert (quick.cache / "build.log").is_file()
    assert not [path for path in quick.cache.iterdir() if path.is_dir()]
    command = shlex.split(said[1].split("run: ")[1])
    later = subprocess.run(command, env=quick.variables, cwd="/", capture_output=True, text=True, check=True)
    assert '["fanfold", "report", "it\'s"]' in later.stdout


@pytest.mark.parametrize(
    ("pin", "complaint"), [(f" --hash=sha256:{'0' * 64}", "DO NOT MATCH THE HASHES"), ("", "Hashes are required")]
)
def test_only_the_very_file_that_was_pinned_gets_in(checkout, pin, complaint):
    """Another file of that name and version is refused, and so is a pin without a hash."""
    checkout.requirements.write_text(f"tiny==1.0{pin}\n")
    code, _, said = checkout.start()
    assert code == 2
    assert complaint in said[-1]


def test_a_cache_that_cannot_be_written(checkout):
    """A cache folder that the person chose is not replaced by another: one line names it."""
    (checkout.home / "file").touch()
    code, _, said = checkout.given(FANFOLD_CACHE_DIR=str(checkout.home / "file")).start()
    assert code == 2
    assert len(said) == 1
    assert str(checkout.home / "file") in said[0]


def test_the_temporary_folder_is_said(quick, tmp_path):
    """A start without a home that can be written uses the temporary folder, and says so once."""
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    homeless = quick.given(HOME=str(tmp_path / "file"), TMPDIR=str(tmp_path / "tmp"))
    code, seen, said = homeless.start()
    assert code == 0
    assert Path(seen["prefix"]).is_relative_to(tmp_path / "tmp")
    assert "can't be written" in said[0]
    assert homeless.start()[2] == []


def test_what_nobody_used_for_long_is_removed(quick):
    """A new build removes environments unused for 60 days and half-built ones, and keeps those in use."""
    ages = {"old": 61, "recent": 59, "half": None}
    for name, days in ages.items():
        (quick.cache / name / "bin").mkdir(parents=True)
        if days is not None:
            stamp(quick.cache / name, days)
    assert quick.start()[0] == 0
    assert {path.name for path in quick.cache.iterdir() if path.is_dir()} & set(ages) == {"recent"}


def test_other_requirements_get_another_environment(quick):
    """A change of the requirements builds a new environment beside the old one; going back finds that again."""
    _, first, _ = quick.start()
    before = quick.requirements.read_text()
    quick.requirements.write_text(before + "# changed\n")
    _, second, said = quick.start()
    assert (first["prefix"] != second["prefix"], preparing(said)) == (True, 1)
    quick.requirements.write_text(before)
    _, third, said = quick.start()
    assert (third["prefix"], said) == (first["prefix"], [])


def test_use_is_remembered_by_the_day(quick):
    """A start refreshes the stamp of an environment last used days ago, and leaves a fresh one alone."""
    quick.start()
    written = stamp(quick.environment, 3)
    quick.start()
    refreshed = written.stat().st_mtime
    assert time.time() - refreshed < DAY_S
    quick.start()
    assert written.stat().st_mtime == refreshed


def test_an_interpreter_that_went_away_is_replaced(quick):
    """An environment on a Python that was uninstalled is built anew."""
    quick.start()
    python = quick.environment / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    code, _, said = quick.start()
    assert (code, preparing(said)) == (0, 1)


def stamp(environment: Path, days: float) -> Path:
    """Make the environment look as if it was last used so many days ago."""
    path = environment / cache.STAMP
    path.touch()
    os.utime(path, (time.time() - days * DAY_S,) * 2)
    return path


def uv_calls(quick) -> list[str]:
    return [line.split()[0] for line in Path(quick.variables["FAKE_UV_LOG"]).read_text().splitlines()]


@pytest.fixture
def bare_python(tmp_path: Path, base_python: Path) -> Path:
    """A Python as Debian ships it without python3-venv: no ensurepip, no pip, but venv and the rest."""
    library = Path(sysconfig.get_path("stdlib"))
    copy = tmp_path / "bare" / library.relative_to(sys.base_prefix)
    copy.mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name not in {"ensurepip", "site-packages", "dist-packages"}:
            (copy / entry.name).symlink_to(entry)
    for shared in (Path(sys.base_prefix) / "lib").glob("libpython*"):
        (copy.parent / shared.name).symlink_to(shared)
    python = tmp_path / "bare" / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    python.parent.mkdir()
    shutil.copy(base_python, python)
    return python


def test_without_any_pip_the_package_is_named(checkout, bare_python):
    """Where neither ensurepip nor pip nor uv is there, one line says what to install."""
    code, _, said = checkout.start(python=str(bare_python))
    assert code == 2
    assert re.search(rf"apt install {bare_python.name}-venv`, or install uv", said[-1])
    assert len(said) == 2


def test_the_pip_of_another_python_serves(checkout, bare_python):
    """Without ensurepip the Python that was started, too old perhaps, lends its pip to the one that is built on."""
    with (checkout.root / "scripts" / "launcher" / "interpreters.py").open("a") as file:
        file.write(f"\n_candidates = lambda: iter([{str(bare_python)!r}])\n")
    code, seen, said = checkout.start()
    assert (code, len(said)) == (0, 1)
    assert Path(seen["tiny"]).is_relative_to(checkout.environment)


def test_a_pip_wheel_of_the_distribution_serves(checkout, bare_python, tmp_path):
    """Without ensurepip the wheel that Debian keeps pip in installs the packages just as well."""
    with zipfile.ZipFile(tmp_path / "pip-1.0-py3-none-any.whl", "w") as wheel:
        package = Path(pip.__file__).parent
        for path in package.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                wheel.write(path, Path("pip") / path.relative_to(package))
    with (checkout.root / "scripts" / "launcher" / "installers.py").open("a") as file:
        file.write(f"\n_PIP_WHEELS = ({str(tmp_path / 'pip-*.whl')!r},)\n")
    code, seen, said = checkout.start(python=str(bare_python))
    assert (code, len(said)) == (0, 1)
    assert Path(seen["tiny"]).is_relative_to(checkout.environment)


def test_neither_uv_nor_python(monkeypatch):
    """A machine with an old Python alone is told what would help."""
    monkeypatch.setattr(installers, "find", lambda: None)
    monkeypatch.setattr(installers, "find_uv", lambda: None)
    with pytest.raises(words.LauncherError, match=r"neither uv nor a Python >= 3\.11"):
        installers.install("/e", "/r", installers.Runner("/", "/log", 0), lambda _: None)


def test_uv_brings_a_python_where_there_is_none(monkeypatch):
    """Only then is uv left to choose; else it is given the Python that was found, and downloads nothing."""
    asked: list[tuple[str, ...]] = []

    class Recorder(installers.Runner):
        def __call__(self, *command: str) -> None:
            asked.append(command)

    monkeypatch.setattr(installers, "find", lambda: None)
    monkeypatch.setattr(installers, "find_uv", lambda: "/uv")
    installers.install("/e", "/r", Recorder("/", "/log", 0), lambda _: None)
    assert asked[0] == ("/uv", "venv", "--python", ">=3.11,<3.15", "/e")


def test_a_file_system_without_locks_is_said(monkeypatch, tmp_path):
    """Building there could damage another build, so it is refused with what to do."""

    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(words.LauncherError, match="FANFOLD_CACHE_DIR"), build._locked(str(tmp_path)):
        pytest.fail("the lock was not taken")


UNREACHABLE = "the package index can't be reached"


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("error: Failed to fetch: `https://x/`\n  cause: dns error: failed to lookup\n", UNREACHABLE),
        ("WARNING: Retrying: [Errno 111] Connection refused\nERROR: No matching distribution\n", UNREACHABLE),
        ("error: /refused/proxy/timeout/a.whl is no wheel\n", "error: /refused/proxy/timeout/a.whl is no wheel"),
        ("ERROR: No matching distribution found\nnote: more\n", "ERROR: No matching distribution found"),
        ("  error: first\n  Caused by: second\n\nhint\n", "Caused by: second"),
        ("something else\n", "something else"),
        ("ERROR: " + "x" * 1000, "ERROR: " + "x" * 193),
        ("", ""),
    ],
)
def test_reason(output, why):
    """One line of an installer's output says why it failed."""
    assert installers.reason(output) == why


def test_surroundings_of_an_installer(monkeypatch):
    """What names an index stays; what would install elsewhere, or change Python's own path, goes."""
    for name in (
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_TARGET",
        "UV_SYSTEM_PYTHON",
        "VIRTUAL_ENV",
        "PIP_INDEX_URL",
        "UV_INDEX",
    ):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PIP_USER", "1")
    seen = installers.surroundings()
    assert {name for name in seen if seen[name] == "x"} == {"PIP_INDEX_URL", "UV_INDEX"}
    assert seen["PIP_USER"] == "0"
