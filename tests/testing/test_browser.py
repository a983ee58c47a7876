"""What brings a browser and npm's packages to tests says in a line what is missing, and leaves nothing running."""

import pytest

from fanfold.testing.browser import BrowserFailed, BrowserMissing, Chromium, find_chromium
from fanfold.testing.npm import NpmMissing, npm_package


def program(place, body):
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)
    return place


def test_without_a_browser_the_way_to_one_is_said(monkeypatch, tmp_path):
    """The package's name is the message; any chromium on PATH will do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrowserMissing, match="apt-get install chromium"):
        find_chromium()
    chrome = program(tmp_path / "google-chrome", "")
    assert find_chromium() == chrome


def test_a_browser_that_ends_is_told_by_its_last_words(tmp_path):
    """Neither a hang nor a broken pipe; closing it again is no fault."""
    broken = program(tmp_path / "chromium", "echo no display >&2; exec 3<&- 4>&-; exit 1")
    with Chromium(broken, tmp_path / "profile") as browser:
        with pytest.raises(BrowserFailed, match=r"has ended: no display|takes no commands"):
            browser.open(tmp_path / "page.html")
        browser.close()


def test_a_browsers_answer_is_found_among_its_events(tmp_path):
    """Messages end at a zero byte, in whatever pieces they come; an error is raised by the name of its command."""
    answers = r'head -c 1 <&3 >/dev/null; printf "{\"method\":\"X\",\"params\":{}}\0{\"id\":1," >&4; sleep 0.1; '
    answers += r'printf "\"error\":{\"message\":\"no such thing\"}}\0" >&4; sleep 60'
    with (
        Chromium(program(tmp_path / "chromium", answers), tmp_path / "profile") as browser,
        pytest.raises(BrowserFailed, match=r"Target\.createTarget: no such thing"),
    ):
        browser.open(tmp_path / "page.html")


def test_without_npm_a_package_is_missing(monkeypatch, tmp_path):
    """It is told which; a registry that has it not is told in npm's words."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(NpmMissing, match=r"axe-core@0\.0\.0 needs npm and Node"):
        npm_package("axe-core@0.0.0")
    program(tmp_path / "node", "")
    program(tmp_path / "npm", "echo E404 >&2; exit 1")
    with pytest.raises(NpmMissing, match=r"can't install axe-core@0\.0\.0: E404"):
        npm_package("axe-core@0.0.0")
    assert list((tmp_path / "cache" / "fanfold" / "npm").iterdir()) == []


def test_a_package_that_is_there_needs_no_npm(monkeypatch, tmp_path):
    """What was brought once is taken from the cache; a cache that can't be made is told, and no traceback."""
    (tmp_path / "axe-core@0.0.0").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert npm_package("axe-core@0.0.0", tmp_path) == tmp_path / "axe-core@0.0.0" / "node_modules"
    program(tmp_path / "node", "")
    program(tmp_path / "npm", "")
    with pytest.raises(NpmMissing, match="can't be installed into"):
        npm_package("axe-core@0.0.0", tmp_path / "npm" / "cache")
