"""What all tests share: no network, no real credential, deterministic properties, golden files."""

from __future__ import annotations

import difflib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import respx
from hypothesis import settings

from fanfold.testing.claude_code import install_claude
from fanfold.testing.network import loopback_only
from fanfold.testing.npm import NpmMissing
from fanfold.testing.repository import Repository, isolate_git

GOLDEN = Path(__file__).parent / "golden"

settings.register_profile("fanfold", derandomize=True, deadline=None)
# To look further than the fixed examples: pytest --hypothesis-profile=explore
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("fanfold")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite golden files with what the tests got")
    parser.addoption("--screenshots", type=Path, metavar="DIR", help="keep what browser tests saw, to be looked at")


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let SIGINT reach what tests start: a shell lets what it runs in the background ignore it, with all it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[list[str]]:
    """Keep the whole session on loopback, fixtures of wide scope included."""
    with loopback_only() as tried:
        yield tried


@pytest.fixture(autouse=True)
def network_attempts(_loopback_only: list[str]) -> Iterator[list[str]]:
    """Fail a test that tried to leave this machine, even if the code under test swallowed the error."""
    _loopback_only.clear()
    yield _loopback_only
    if _loopback_only:
        pytest.fail("the network was tried: " + ", ".join(_loopback_only))


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the developer's own credentials, from child processes too."""
    for name in ("API_KEY", "AUTH_TOKEN", "BASE_URL", "PROFILE", "CUSTOM_HEADERS", "IDENTITY_TOKEN"):
        monkeypatch.delenv(f"ANTHROPIC_{name}", raising=False)
    for name in ("ANTHROPIC_IDENTITY_TOKEN_FILE", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_EXECPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path_factory.getbasetemp() / "no-anthropic-config"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path_factory.getbasetemp() / "no-claude-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """Return `lacking(why)`, for a machine that lacks a program: skips; where CI says that it is CI, fails."""

    def lacks(why: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)

    return lacks


@pytest.fixture(scope="session")
def claude_program(lacking: Callable[[str], NoReturn]) -> Path:
    """Return the real claude CLI, installed once into the environment's own folder."""
    try:
        return install_claude(Path(sys.prefix, "caches"))
    except NpmMissing as error:
        lacking(str(error))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return an empty repository that no setting of this machine reaches; nothing is committed yet."""
    isolate_git(monkeypatch)
    return Repository.init(tmp_path / "project")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return `golden(name, text)`: compares `text` with tests/golden/NAME; `--accept` rewrites the file."""
    return _accept if request.config.getoption("--accept") else _compare


def _accept(name: str, text: str) -> None:
    path = GOLDEN / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if not path.exists():
        pytest.fail(f"tests/golden/{name} does not exist; pytest --accept writes it")
    expected = path.read_bytes().decode()
    if text != expected:
        lines = difflib.unified_diff(
            expected.splitlines(keepends=True), text.splitlines(keepends=True), f"golden/{name}", "this run"
        )
        pytest.fail("".join(lines) + "\npytest --accept takes this run's text")


@pytest.fixture
def respx_httpx2(monkeypatch: pytest.MonkeyPatch) -> Iterator[respx.MockRouter]:
    """Return a respx router that sees what httpx2, and so the Anthropic SDK, sends.

    Requests that no route matches fail. The SDK's aiohttp transport is out of respx's sight, so it looks as
    if the extra were not installed.
    """
    import anthropic

    monkeypatch.setattr(anthropic, "DefaultAioHttpClient", _no_aiohttp)
    respx.mocks.HTTPCoreMocker.add_targets(*_HTTPX2_POOLS)
    try:
        with respx.mock(using="httpcore", assert_all_called=False) as router:
            yield router
    finally:
        respx.mocks.HTTPCoreMocker.remove_targets(*_HTTPX2_POOLS)


_HTTPX2_POOLS = (
    "httpcore2._sync.connection_pool.ConnectionPool",
    "httpcore2._async.connection_pool.AsyncConnectionPool",
)


def _no_aiohttp(*_args: object, **_options: object) -> None:
    raise RuntimeError("the aiohttp transport is off in this test")
