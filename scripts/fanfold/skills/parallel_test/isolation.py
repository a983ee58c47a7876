"""What keeps test processes out of each other's way: folders, ports, names, of their own.

A worker finds in its environment

    FANFOLD_WORKER           its number, from 0; no two that are alive at once have the same
    FANFOLD_WORKERS          how many run at once, at the most
    FANFOLD_PORT_BASE        the first of its TCP ports, which were free when it started
    FANFOLD_PORTS            how many there are
    FANFOLD_DATABASE_SUFFIX  to be put behind the name of a database: `fanfold_0`
    FANFOLD_RUN              the same in all processes of one run
    TMPDIR, TMP, TEMP        a folder of its own
    XDG_CACHE_HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_RUNTIME_DIR  folders of its own, at first empty

pytest-xdist's variables are there too (PYTEST_XDIST_WORKER is `gw0`, PYTEST_XDIST_WORKER_COUNT,
PYTEST_XDIST_TESTRUNUID), and so is `config.workerinput` in pytest: plugins and projects that keep workers apart by
them, as pytest-django does with its databases, do so here. What tools have in the user's caches they still find:
downloading or building it again for each worker would be slow, or impossible.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PORTS = 20
_FIRST_PORT = 20_000
_LAST_PORT = 32_000  # below what systems hand out by themselves
_MARK = "FANFOLD_MARK"

# Who keeps what in the user's cache folder, by the variable that says where it is.
_CACHES = {
    "CYPRESS_CACHE_FOLDER": "Cypress",
    "GOCACHE": "go-build",
    "HF_HOME": "huggingface",
    "PIP_CACHE_DIR": "pip",
    "PLAYWRIGHT_BROWSERS_PATH": "ms-playwright",
    "POETRY_CACHE_DIR": "pypoetry",
    "PRE_COMMIT_HOME": "pre-commit",
    "TORCH_HOME": "torch",
    "UV_CACHE_DIR": "uv",
}
# The same for what is no cache: there managers of environments keep these.
_KEPT = {
    "HATCH_CACHE_DIR": ("CACHE_HOME", "hatch"),
    "HATCH_DATA_DIR": ("DATA_HOME", "hatch"),
    "POETRY_CONFIG_DIR": ("CONFIG_HOME", "pypoetry"),
    "UV_PYTHON_INSTALL_DIR": ("DATA_HOME", "uv/python"),
    "WORKON_HOME": ("DATA_HOME", "virtualenvs"),  # pipenv's
}
_HOMES = {"CACHE_HOME": ".cache", "CONFIG_HOME": ".config", "DATA_HOME": ".local/share"}
_XDG = ("CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR")


@dataclass(frozen=True, slots=True)
class Seat:
    """One worker's place: its number, its folder, its ports, and the mark by which its offspring is known."""

    number: int
    folder: Path
    port_base: int
    mark: tuple[str, str]

    @property
    def captures(self) -> str:
        """The path, without suffix, of the files with what the running test prints."""
        return str(self.folder / "captured")

    def ready(self) -> None:
        """Make the folders that a test may have removed."""
        for name in ("tmp", *(f"xdg/{part.lower()}" for part in _XDG)):
            with suppress(OSError):
                (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)


@dataclass
class Seats:
    """The places of a run's workers; `folder` is where theirs are."""

    folder: Path
    workers: int
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    _taken: dict[int, Seat] = field(default_factory=dict)
    _made: int = 0

    def take(self) -> Seat:
        """Return a place with the lowest number that is free."""
        number = next(n for n in range(len(self._taken) + 1) if n not in self._taken)
        self._made += 1
        folder = self.folder / str(self._made)
        folder.mkdir(mode=0o700)
        seat = Seat(number, folder, free_ports(number), (_MARK, f"{self.run}-{self._made}"))
        self._taken[number] = seat
        seat.ready()
        return seat

    def share(self, seat: Seat) -> None:
        """Let others have the number: whoever is in this place runs no tests."""
        if self._taken.get(seat.number) is seat:
            del self._taken[seat.number]

    def leave(self, seat: Seat) -> None:
        """Give a place back; what lies in its folder goes."""
        self.share(seat)
        _remove(seat.folder)

    def variables(self, seat: Seat, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what is added to `environ` for the worker in this place."""
        temporary, xdg = str(seat.folder / "tmp"), seat.folder / "xdg"
        own = {
            "FANFOLD_WORKER": str(seat.number),
            "FANFOLD_WORKERS": str(self.workers),
            "FANFOLD_PORT_BASE": str(seat.port_base),
            "FANFOLD_PORTS": str(PORTS),
            "FANFOLD_DATABASE_SUFFIX": f"fanfold_{seat.number}",
            "FANFOLD_RUN": self.run,
            "PYTEST_XDIST_WORKER": f"gw{seat.number}",
            "PYTEST_XDIST_WORKER_COUNT": str(self.workers),
            "PYTEST_XDIST_TESTRUNUID": self.run,
            "TMPDIR": temporary,
            "TMP": temporary,
            "TEMP": temporary,
            seat.mark[0]: seat.mark[1],
        }
        return kept_caches(environ) | {f"XDG_{part}": str(xdg / part.lower()) for part in _XDG} | own

    def workerinput(self, seat: Seat) -> dict[str, object]:
        """Return what pytest-xdist would tell a worker of itself."""
        return {"workerid": f"gw{seat.number}", "workercount": self.workers, "testrunuid": self.run}


def kept_caches(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which tools still find what they have in the user's folders."""
    base = environ.get("HOME", "")
    homes = {part: environ.get(f"XDG_{part}") or os.path.join(base, inner) for part, inner in _HOMES.items()}  # noqa: PTH118  text
    kept = _KEPT | {name: ("CACHE_HOME", folder) for name, folder in _CACHES.items()}
    places = {name: os.path.join(homes[part], inner) for name, (part, inner) in kept.items() if name not in environ}  # noqa: PTH118
    return {name: path for name, path in places.items() if os.path.isdir(path)}  # noqa: PTH112


def free_ports(number: int, can_bind: Callable[[int], bool] | None = None) -> int:
    """Return the first of `PORTS` ports in a row that nobody listens on; workers of other numbers begin elsewhere.

    Two runs on one machine begin in different places, by the number of their process.
    """
    can_bind = can_bind or _can_bind
    blocks = (_LAST_PORT - _FIRST_PORT) // PORTS
    start = os.getpid() * 7 + number
    for step in range(blocks):
        base = _FIRST_PORT + (start + step * 64) % blocks * PORTS
        if all(can_bind(port) for port in range(base, base + PORTS)):
            return base
    return _FIRST_PORT + start % blocks * PORTS


def _can_bind(port: int) -> bool:
    with socket.socket() as end, suppress(OSError):
        end.bind(("127.0.0.1", port))
        return True
    return False


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder for a run, which goes at its end; its name is short, since sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix="ff-"))
    try:
        yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder with all that tests have left in it, also in folders that they have locked."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for place, folders, _ in os.walk(folder):
            for name in folders:
                locked = Path(place, name)
                if not locked.is_symlink():
                    locked.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
