"""The guard: nothing leaves this machine, whatever way it tries."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from fanfold.testing.network import NetworkBlocked, is_local

# TEST-NET-3 and a documentation prefix: addresses that nobody has.
OUTSIDE = "203.0.113.7"
OUTSIDE_6 = "2001:db8::7"


def _connect(family: socket.AddressFamily, address: tuple[object, ...], call: str = "connect") -> None:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        getattr(sock, call)(address)


def _datagram(*args: object, call: str = "sendto") -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        getattr(sock, call)(*args)


async def _asyncio_connect() -> None:
    with socket.socket() as sock:
        sock.setblocking(False)  # noqa: FBT003 — the method's own signature
        await asyncio.get_running_loop().sock_connect(sock, (OUTSIDE, 80))


async def _asyncio_open(host: str) -> None:
    await asyncio.open_connection(host, 80)


ESCAPES: dict[str, Callable[[], object]] = {
    "connect": lambda: _connect(socket.AF_INET, (OUTSIDE, 80)),
    "connect_ex": lambda: _connect(socket.AF_INET, (OUTSIDE, 80), "connect_ex"),
    "connect to a name": lambda: _connect(socket.AF_INET, ("example.org", 80)),
    "connect over IPv6": lambda: _connect(socket.AF_INET6, (OUTSIDE_6, 80, 0, 0)),
    "connect to a mapped address": lambda: _connect(socket.AF_INET6, (f"::ffff:{OUTSIDE}", 80)),
    "create_connection": lambda: socket.create_connection((OUTSIDE, 80), timeout=1),
    "getaddrinfo": lambda: socket.getaddrinfo("example.org", 80),
    "getaddrinfo by name": lambda: socket.getaddrinfo(host="example.org", port=80),
    "getaddrinfo with bytes": lambda: socket.getaddrinfo(b"example.org", 80),
    "gethostbyname": lambda: socket.gethostbyname("example.org"),
    "sendto": lambda: _datagram(b"x", (OUTSIDE, 53)),
    "sendto with flags": lambda: _datagram(b"x", 0, (OUTSIDE, 53)),
    "sendmsg": lambda: _datagram([b"x"], [], 0, (OUTSIDE, 53), call="sendmsg"),
    "sock_connect": lambda: asyncio.run(_asyncio_connect()),
    "open_connection": lambda: asyncio.run(_asyncio_open(OUTSIDE)),
    "open_connection to a name": lambda: asyncio.run(_asyncio_open("example.org")),
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_way_out(escape: str, network_attempts: list[str]) -> None:
    """Every way to open a connection or look up a name fails clearly, and is recorded."""
    with pytest.raises(NetworkBlocked, match="tests stay on loopback"):
        ESCAPES[escape]()
    assert network_attempts
    network_attempts.clear()


def test_libraries_say_it_their_way(network_attempts: list[str]) -> None:
    """Through httpx2 the guard is an ordinary connection error, and is on record all the same."""

    async def get() -> None:
        async with httpx2.AsyncClient() as client:
            await client.get(f"http://{OUTSIDE}/")

    with pytest.raises(httpx2.ConnectError, match="All connection attempts failed"):
        asyncio.run(get())
    assert network_attempts == [f"connect to '{OUTSIDE}'"]
    network_attempts.clear()


def test_loopback_works() -> None:
    """TCP on 127.0.0.1 and by the name localhost goes through."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, port), timeout=5):
                pass


def test_datagrams_work() -> None:
    """UDP on loopback goes through, with and without an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.sendto(b"one", sock.getsockname())
        sock.connect(sock.getsockname())
        sock.sendmsg([b"two"])
        assert [sock.recv(9), sock.recv(9)] == [b"one", b"two"]


def test_unix_sockets_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unix sockets are this machine's own, whatever their name."""
    monkeypatch.chdir(tmp_path)  # the name of a Unix socket is short
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("s")
        server.listen()
        client.connect("s")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", b"localhost"])
def test_local_hosts(host: object) -> None:
    """Loopback in each of its spellings is local."""
    assert is_local(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example.org", "127.0.0.1.example.org", "<broadcast>", 7])
def test_foreign_hosts(host: str) -> None:
    """A private network, and names that only look like loopback, are not."""
    assert not is_local(host)
