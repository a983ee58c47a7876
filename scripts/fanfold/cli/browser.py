"""A page shown in the browser, where there is one."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from fanfold.cli.streams import printable

# Without one of these a browser on Linux would be a text browser, which takes the terminal over, or waits for one.
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")


def show_page(file: Path) -> None:
    """Open an HTML file in the browser; say on stderr where it is, also when there is nothing to open it with."""
    shown = _has_display() and _opened(file.resolve().as_uri())
    said = "opened in the browser" if shown else "no browser was found; open it yourself"
    click.echo(f"fanfold: {printable(str(file.resolve()))}: {said}", err=True)


def _has_display() -> bool:
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in _DISPLAYS)


def _opened(address: str) -> bool:
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
