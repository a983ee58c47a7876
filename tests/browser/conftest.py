"""A browser for all tests of a module, pages of reports to open in it, and axe-core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from fanfold.testing.browser import BrowserMissing, Chromium, Page, find_chromium
from fanfold.testing.npm import NpmMissing, npm_package

AXE = "axe-core@4.13.0"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], NoReturn]) -> Iterator[Chromium]:
    try:
        program = find_chromium()
    except BrowserMissing as error:
        lacking(str(error))
    with Chromium(program, tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def opened(browser: Chromium, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Return `opened(text, **window)`: opens HTML in a page, which is held to its promises when the test is over."""
    pages: list[Page] = []

    def open_page(text: str, **window: object) -> Page:
        place = tmp_path / f"{len(pages)}.html"
        place.write_text(text, encoding="utf-8")
        pages.append(browser.open(place, **window))  # type: ignore[arg-type]
        return pages[-1]

    yield open_page
    for page in pages:
        assert page.problems == []
        assert page.requests == []
        assert page.dialogs == []
        page.close()


@pytest.fixture(scope="session")
def axe(lacking: Callable[[str], NoReturn]) -> str:
    """Return axe-core's script."""
    try:
        return (npm_package(AXE) / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    except NpmMissing as error:
        lacking(str(error))
