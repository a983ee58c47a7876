"""`fanfold doctor`: everything that matters in one line each, on any machine, and never a secret."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanfold.cli import checks
from fanfold.cli.checks import CHECKS, Place, State
from fanfold.cli.doctor import _looked
from fanfold.testing.claude_code import lone_surroundings

CANARY = "c4n4ry-Zq7W"
SECRETS = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_PROFILE",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_ORGANIZATION_ID",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDECODE",
    "AWS_SECRET_ACCESS_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GH_TOKEN",
    "FANFOLD_STORE_SECRET",
    "FANFOLD_MODEL",
    "FANFOLD_NONSENSE",
    "HTTPS_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "NO_PROXY",
]
VALUES = [
    CANARY,
    f"http://user:{CANARY}@proxy.example:3128",
    f"https://{CANARY}@proxy.example",
    f"http://proxy.example/{CANARY}?key={CANARY}#{CANARY}",
    f"{CANARY}:x@[",
    f"socks5://{CANARY}:{CANARY}@[::1]:1080",
    f"a,{CANARY},{CANARY}",
]


def said(ended):
    return {check["name"]: check for check in json.loads(ended.out)["checks"]}


def test_it_says_what_there_is(repository, fanfold):
    """One line for each thing, the choice of the backend at the end; the same in JSON."""
    ended = fanfold("doctor")
    assert ended.code == 0
    lines = ended.out.splitlines()
    for name in ("python", "environment", "fanfold", "git", "gh", "node", "claude", "credential", "proxy", "clock"):
        assert [line for line in lines if re.match(rf"(ok|-|!) +{name} ", line)], name
    assert [line for line in lines if "analyzer ruff" in line]
    assert "backend auto" in lines[-1]
    document = json.loads(fanfold("doctor", "--json").out)
    assert len(document["checks"]) == len(lines) - 1
    assert document["backend"]["name"] == "none"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(SECRETS), st.sampled_from(VALUES), min_size=1))
def test_no_secret_is_ever_shown(repository, fanfold, variables):
    """Whatever stands in whichever variable, its value does not reach the output, in either form."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_program", lambda _place, name, without, why: checks.Check(name, without, why))
        for name, value in variables.items():
            patch.setenv(name, value)
        for arguments in (["doctor"], ["doctor", "--json"]):
            ended = fanfold(*arguments)
            assert CANARY not in ended.out
            assert CANARY not in ended.err


def test_every_variable_at_once(repository, fanfold, monkeypatch):
    """The names of credentials are shown, and of a proxy the host."""
    for name in SECRETS:
        monkeypatch.setenv(name, VALUES[1])
    found = said(fanfold("doctor", "--json"))
    assert "ANTHROPIC_API_KEY" in found["credential"]["says"]
    assert found["HTTPS_PROXY"]["says"] == "http://proxy.example:3128"
    assert any(name == "variable" and "FANFOLD_NONSENSE" in check["says"] for name, check in found.items())


def test_a_credential_decides_the_backend(repository, fanfold, monkeypatch):
    """Doctor shows the same choice that a run makes."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    assert "api: a credential is set (ANTHROPIC_API_KEY)" in fanfold("doctor").out


def test_the_real_cli_is_named(claude_program, repository, fanfold, monkeypatch, tmp_path):
    """Its version, that it is not logged in, and after that that it is."""
    for name, value in lone_surroundings(tmp_path / "another").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLAUDE_CODE_EXECPATH", str(claude_program))
    found = said(fanfold("doctor", "--json"))
    assert str(claude_program) in found["claude"]["says"]
    assert found["claude login"]["state"] == "missing"
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", CANARY)
    ended = fanfold("doctor")
    assert "backend auto" in ended.out
    assert "claude-code: no credential" in ended.out
    assert CANARY not in ended.out


def test_a_bare_machine_is_no_crash(repository, fanfold, monkeypatch, tmp_path):
    """Without git, node and a claude CLI every line still comes."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = said(fanfold("doctor", "--json"))
    assert found["git"]["state"] == "problem"
    assert found["node"]["state"] == "missing"
    assert found["analyzer ruff"]["state"] == "ok"


def test_when_nothing_could_work_it_fails(repository, fanfold, monkeypatch):
    """No analyzer and no sub-agent: exit code 2."""
    monkeypatch.setattr(checks, "ANALYZERS", {})
    assert fanfold("doctor").code == 2


@pytest.mark.parametrize("what", ["a link", "a file", "a damaged store", "settings", "a program that hangs on nothing"])
def test_what_is_in_the_way_is_a_problem(repository, fanfold, monkeypatch, tmp_path, what):
    """The line says which, and the others come all the same."""
    own = repository.root / ".fanfold"
    if what == "a link":
        own.symlink_to(tmp_path)
        name = "folder .fanfold"
    elif what == "a file":
        own.write_text("")
        name = "folder .fanfold"
    elif what == "a damaged store":
        own.mkdir()
        (own / "store.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
        name = "store"
    elif what == "settings":
        repository.write("fanfold.toml", "modle = 'x'\n")
        name = "settings"
    else:
        program = tmp_path / "git"
        program.write_text("#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        name = "git"
    found = said(fanfold("doctor", "--json"))
    assert found[name]["state"] == "problem", found[name]
    assert len(found) > 20


def test_variables_that_a_command_would_refuse_are_named(repository, fanfold, monkeypatch):
    """Whatever else is wrong: one that nothing reads, and one whose value no option takes, which is not shown."""
    repository.write("fanfold.toml", 'max-cost = "much"\n')
    monkeypatch.setenv("FANFOLD_NONSENSE", CANARY)
    monkeypatch.setenv("FANFOLD_MAX_COST", CANARY)
    monkeypatch.setenv("FANFOLD_FORMAT", f"md {CANARY}")
    monkeypatch.setenv("FANFOLD_ASPECT", "security tests")
    out = fanfold("doctor").out
    lines = [line.split(maxsplit=2) for line in out.splitlines()]
    named = {text.split()[0] for mark, name, text in lines if (mark, name) == ("!", "variable")}
    assert named == {"FANFOLD_FORMAT", "FANFOLD_MAX_COST", "FANFOLD_NONSENSE"}
    assert any((mark, name) == ("!", "settings") for mark, name, _ in lines)
    assert CANARY not in out


def test_a_clock_that_is_wrong_is_a_problem(repository, monkeypatch):
    """Before this version was made, or decades after: certificates would be refused."""
    place = Place({}, Path.home(), repository.root, repository.root)
    for moment in (0.0, 1.0e9, 4.0e9):
        monkeypatch.setattr("fanfold.cli.checks.time.time", lambda moment=moment: moment)
        (check,) = CHECKS["clock"](place)
        assert check.state is State.PROBLEM


def test_a_check_that_breaks_is_a_line(repository):
    """Its name and the kind of the error, not the words of it."""

    def breaks(_place):
        raise RuntimeError(CANARY)

    (check,) = _looked("it", breaks, Place({}, Path.home(), repository.root, repository.root))
    assert check == checks.Check("it", State.PROBLEM, "looking at it failed (RuntimeError)")


def test_it_leaves_nothing_behind(repository, fanfold):
    """Looking whether a folder can be written makes none."""
    before = sorted(path.name for path in repository.root.iterdir())
    fanfold("doctor")
    assert sorted(path.name for path in repository.root.iterdir()) == before


def test_names_with_odd_letters_do_not_move_the_cursor(repository, fanfold, monkeypatch):
    """A folder's name may hold anything; the terminal gets one line each."""
    odd = repository.root.parent / "odd \x1b[2J\nname"
    shutil.copytree(repository.root, odd)
    monkeypatch.chdir(odd)
    ended = fanfold("doctor")
    assert "\x1b" not in ended.out
    assert all(re.match(r"(ok|-|!) ", line) for line in ended.out.splitlines())
