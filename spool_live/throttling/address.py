"""Whose address a request has, behind the configured number of trusted proxies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

UNKNOWN = "unknown"
_PORT = re.compile(r"\[(.+)\](?::\d+)?|([^:]+):\d+")


def client_address(meta: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """Return the client's address from a request's ``META``; an IPv6 one as its /64, which is what
    one customer of a provider has.

    With N trusted proxies it is the Nth entry of ``X-Forwarded-For`` from the right: what stands
    further left was written by the client itself. Where fewer entries are there, the request did
    not come through all of them, and the peer's own address counts.
    """
    peer = str(meta.get("REMOTE_ADDR") or "")
    chain = [part.strip() for part in str(meta.get("HTTP_X_FORWARDED_FOR") or "").split(",")]
    given = peer
    if 0 < trusted_proxies <= len(chain):
        given = chain[-trusted_proxies]
    return _network(given) or _network(peer) or UNKNOWN


def _network(text: str) -> str:
    if bare := _PORT.fullmatch(text):
        text = bare[1] or bare[2]
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
