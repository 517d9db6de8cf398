"""Which IP addresses a webhook may be sent to. Needs no I/O but to look for this machine's own.

The lists follow IANA's special-purpose registries (RFC 6890): Python's own ``is_global`` differs
from version to version, and accepts some of these.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PRIVATE = "is of a private network"
_RESERVED = "is reserved"
_REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), reason)
    for text, reason in (
        ("0.0.0.0/8", "is this machine"),
        ("10.0.0.0/8", _PRIVATE),
        ("100.64.0.0/10", "is of a provider's own network"),
        ("127.0.0.0/8", "is a loopback address"),
        ("168.63.129.16/32", "is a cloud's metadata service"),
        ("169.254.0.0/16", "is a link-local address, where clouds keep their metadata service"),
        ("172.16.0.0/12", _PRIVATE),
        ("192.0.0.0/24", _RESERVED),
        ("192.0.2.0/24", _RESERVED),
        ("192.88.99.0/24", _RESERVED),
        ("192.168.0.0/16", _PRIVATE),
        ("198.18.0.0/15", _RESERVED),
        ("198.51.100.0/24", _RESERVED),
        ("203.0.113.0/24", _RESERVED),
        ("224.0.0.0/4", "is a multicast address"),
        ("240.0.0.0/4", _RESERVED),
        ("::/128", "is this machine"),
        ("::1/128", "is a loopback address"),
        ("2001::/23", "is reserved, or a tunnel"),
        ("2001:db8::/32", _RESERVED),
        ("2002::/16", "is a tunnel to an IPv4 address"),
        ("3fff::/20", _RESERVED),
        ("fc00::/7", _PRIVATE),
        ("fe80::/10", "is a link-local address"),
        ("fec0::/10", _PRIVATE),
        ("ff00::/8", "is a multicast address"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


def refusal(address: Address, allowed: Iterable[Network], own: Iterable[Address]) -> str:
    """Return why nothing may be sent to ``address``, or "" where it may.

    Addresses in a network of ``allowed`` are never refused. ``own`` are the CMS's public addresses,
    which are refused otherwise.
    """
    meant = embedded(address)
    if any(form in network for network in allowed for form in {address, meant}):
        return ""
    for network, reason in _REFUSED:
        if meant in network:
            return reason
    if isinstance(meant, IPv6Address) and meant not in _GLOBAL_V6:
        return "is not an address of the public Internet"
    if meant in set(own):
        return "is an address of the CMS itself, as ALLOWED_HOSTS says"
    if _is_of_this_machine(address) or _is_of_this_machine(meant):
        return "is an address of this machine"
    return ""


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (IPv4-mapped, RFC 4291; NAT64, RFC
    6052), or ``address`` itself."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def parse(text: str) -> Address:
    """Return ``text`` as an address. Raises ``ValueError`` for anything else, zone ids included."""
    if "%" in text:
        raise ValueError("the address has a zone id")
    return ip_address(text)


def _is_of_this_machine(address: Address) -> bool:
    """Return whether an interface has this address: only then can a socket be bound to it."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
