"""The guard: webhooks are sent to the public Internet and to nowhere else.

A host name is resolved once, each of its addresses is checked, and the connection is made to one of
these addresses: so a name that resolves differently a moment later (DNS rebinding) has no effect.
TLS still verifies the name. ``GuardedBackend`` makes every connection, so that the checks do not
depend on how a URL was parsed.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import Any

import httpcore
import httpx
from django.conf import settings as django_settings

from spool_live.conf import live_settings
from spool_live.exceptions import SpoolLiveError
from spool_live.webhooks.addresses import Address, Network, parse, refusal

OWN_ADDRESSES_KEPT = 60.0
"""Seconds for which the addresses of ``ALLOWED_HOSTS`` are cached."""
_SCHEMES = {"https": 443, "http": 80}


class EndpointRefusedError(SpoolLiveError):
    """Nothing may be sent to this URL or address. The message says why, and what to do."""


def check_url(url: str) -> httpx.URL:
    """Return ``url``, parsed, if its text is that of a permitted endpoint. Resolves no name.

    Raises ``EndpointRefusedError`` for any scheme but https (http is permitted while
    ``WEBHOOK_ALLOWED_NETWORKS`` names a network), a user name, a zone id, a number that is not
    written as an IP address, and a port that is not in ``WEBHOOK_PORTS``.
    """
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise EndpointRefusedError("The URL has a space, a control character or a backslash in it.")
    try:
        parsed = httpx.URL(url)
        port = parsed.port
        host = parsed.host
    except (httpx.InvalidURL, ValueError) as error:
        raise EndpointRefusedError(f"This is not a URL: {error}.") from error
    if parsed.scheme not in _SCHEMES or not host:
        raise EndpointRefusedError("The URL must begin with https:// and name a host.")
    if parsed.scheme == "http" and not live_settings().webhook_allowed_networks:
        raise EndpointRefusedError("The URL must begin with https://: http can be read on the way.")
    if parsed.userinfo or "@" in url.split("/")[2]:
        raise EndpointRefusedError("The URL must not contain a user name or a password.")
    if parsed.fragment:
        raise EndpointRefusedError("The URL must not have a fragment (#).")
    _check_host(host)
    check_port(port or _SCHEMES[parsed.scheme])
    return parsed


def check_endpoint(url: str) -> None:
    """Check ``url`` and its host's addresses; raises ``EndpointRefusedError``.

    A host name that cannot be resolved is accepted.
    """
    parsed = check_url(url)
    port = parsed.port or _SCHEMES[parsed.scheme]
    try:
        resolve(parsed.raw_host.decode(), port, only_allowed=parsed.scheme == "http")
    except (OSError, UnicodeError):
        return


def check_port(port: int) -> None:
    """Raise ``EndpointRefusedError`` where ``port`` is not in ``WEBHOOK_PORTS``."""
    for text in live_settings().webhook_ports:
        first, _, last = text.partition("-")
        if int(first) <= port <= int(last or first):
            return
    raise EndpointRefusedError(
        f'Port {port} is not allowed: add it to SPOOL_LIVE["WEBHOOK_PORTS"], which allows '
        f"{', '.join(live_settings().webhook_ports) or 'none'}."
    )


def check_address(address: Address, *, only_allowed: bool = False) -> None:
    """Raise ``EndpointRefusedError`` where nothing may be sent to ``address``.

    With ``only_allowed`` that is any address outside of ``WEBHOOK_ALLOWED_NETWORKS``.
    """
    allowed = _allowed_networks()
    if only_allowed and not any(address in network for network in allowed):
        reason = 'is not in SPOOL_LIVE["WEBHOOK_ALLOWED_NETWORKS"], and http goes nowhere else'
    else:
        reason = refusal(address, allowed, own_addresses())
    if reason:
        raise EndpointRefusedError(
            f"{address} {reason}. A network that you trust can be named in "
            'SPOOL_LIVE["WEBHOOK_ALLOWED_NETWORKS"].'
        )


def resolve(host: str, port: int, *, only_allowed: bool = False) -> list[Address]:
    """Return the addresses of ``host``, each of them checked.

    Raises ``EndpointRefusedError`` where one of them is not allowed, and ``OSError`` where the
    name cannot be resolved.
    """
    found = [_address(sockaddr) for *_, sockaddr in _lookup(host, port)]
    for address in found:
        check_address(address, only_allowed=only_allowed)
    return list(dict.fromkeys(found))


class GuardedBackend(httpcore.NetworkBackend):
    """Network backend that resolves a host once and connects to checked addresses only."""

    def __init__(self, *, only_allowed: bool = False) -> None:
        self._inner = httpcore.SyncBackend()
        self._only_allowed = only_allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        end = time.monotonic() + (timeout or live_settings().webhook_timeout.total_seconds())
        check_port(port)
        failure: Exception = httpcore.ConnectError("the name has no address")
        addresses = resolve(host, port, only_allowed=self._only_allowed)
        for place, address in enumerate(addresses):
            left = (end - time.monotonic()) / (len(addresses) - place)
            if left <= 0:
                raise httpcore.ConnectTimeout("no address answered in time")
            try:
                return self._inner.connect_tcp(
                    str(address), port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise EndpointRefusedError("A socket of this machine is not an endpoint.")


def own_addresses(clock: Callable[[], float] = time.monotonic) -> set[Address]:
    """Return the public addresses of the CMS: those of the names in ``ALLOWED_HOSTS``.

    A name that cannot be resolved at the moment keeps the addresses that it had before.
    """
    names = tuple(django_settings.ALLOWED_HOSTS)
    if _own.names != names or clock() - _own.at > OWN_ADDRESSES_KEPT:
        _own.names, _own.at = names, clock()
        for name in names:
            host = name.removeprefix(".").strip("[]")
            if not host or "*" in host:
                continue
            try:
                _own.by_name[host] = {_address(sockaddr) for *_, sockaddr in _lookup(host, 0)}
            except (OSError, EndpointRefusedError, UnicodeError):
                _own.by_name.setdefault(host, set())
    known = {name.removeprefix(".").strip("[]") for name in names}
    return set().union(*(found for host, found in _own.by_name.items() if host in known))


class _Own:
    """The cached addresses of ``ALLOWED_HOSTS``."""

    names: tuple[str, ...] = ()
    at = 0.0
    by_name: dict[str, set[Address]] = {}


_own = _Own()


def _lookup(host: str, port: int) -> Sequence[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _address(sockaddr: Sequence[Any]) -> Address:
    try:
        return parse(str(sockaddr[0]))
    except ValueError as error:
        raise EndpointRefusedError(f"{sockaddr[0]} is refused: {error}.") from error


def _check_host(host: str) -> None:
    """Raise ``EndpointRefusedError`` for a number that is not written as an ordinary IP address.

    Resolvers read decimal, octal, hexadecimal and shortened numbers as addresses, too, and not all
    in the same way.
    """
    if "%" in host:
        raise EndpointRefusedError("The address has a zone id.")
    last = host.rstrip(".").rpartition(".")[2].lower()
    if ":" not in host and not (last.isdigit() or last.startswith("0x")):
        return
    try:
        parse(host)
    except ValueError as error:
        raise EndpointRefusedError(
            f"{host} is a number that is not written as an IP address."
        ) from error


def _allowed_networks() -> list[Network]:
    return [ip_network(text, strict=False) for text in live_settings().webhook_allowed_networks]
