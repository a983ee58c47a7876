"""A guard that keeps tests on this machine: any connection that would leave it fails."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

Guarded = Callable[..., Any]

# Where each call of `socket.socket` finds its address: the index among its own arguments.
_SOCKET_CALLS = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
_NAME_CALLS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "create_connection")


class NetworkBlocked(ConnectionError):
    """Something tried to leave this machine; a ConnectionError, so that libraries report it as their own."""


@contextlib.contextmanager
def loopback_only() -> Iterator[list[str]]:
    """Let sockets of this process reach loopback addresses and Unix sockets alone; asyncio's included.

    Anything else raises `NetworkBlocked`, before a packet or a name lookup leaves. Yields the list of what
    was tried, which grows as it happens: code that swallows the error is found out by looking at it.
    """
    tried: list[str] = []
    with contextlib.ExitStack() as patches:
        for name, index in _SOCKET_CALLS.items():
            guarded = _guard_socket(getattr(socket.socket, name), index, tried)
            patches.enter_context(mock.patch.object(socket.socket, name, guarded))
        for name in _NAME_CALLS:
            guarded = _guard_name(getattr(socket, name), tried)
            patches.enter_context(mock.patch.object(socket, name, guarded))
        yield tried


def _guard_socket(call: Guarded, index: int, tried: list[str]) -> Guarded:
    """Wrap a method of a socket that takes an address as argument `index`, if it is given at all."""

    @functools.wraps(call)
    def guarded(self: socket.socket, *args: Any) -> Any:
        address = args[index] if -1 <= index < len(args) else None
        if self.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
            _check(address[0], call.__name__, tried)
        return call(self, *args)

    return guarded


def _guard_name(call: Guarded, tried: list[str]) -> Guarded:
    """Wrap a function of the socket module whose first argument is a host, or a pair of host and port."""

    @functools.wraps(call)
    def guarded(*args: Any, **options: Any) -> Any:
        first = args[0] if args else options.get("host", options.get("address"))
        _check(first[0] if isinstance(first, tuple) else first, call.__name__, tried)
        return call(*args, **options)

    return guarded


def _check(host: object, call: str, tried: list[str]) -> None:
    if not is_local(host):
        tried.append(f"{call} to {host!r}")
        raise NetworkBlocked(f"tests stay on loopback: {call} to {host!r} was stopped; mock it, or serve it here")


def is_local(host: object) -> bool:
    """Tell whether a host (a name, an address, bytes, or None for "any") is this machine's own loopback."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in {"", "localhost", "<broadcast>"}:
        return name != "<broadcast>"
    try:
        address = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified
