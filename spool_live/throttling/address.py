"""The client's address of a request, behind the configured number of trusted proxies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

UNKNOWN = "unknown"
"""The address of a request that has none that can be read."""
_PORT = re.compile(r"\[(.+)\](?::\d+)?|([^:]+):\d+")


def client_address(meta: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """Return the client's address from a request's ``META``, or ``unknown``.

    An IPv6 address is returned as its /64 network, which is what providers give to one customer.
    With N trusted proxies it is the Nth entry of ``X-Forwarded-For`` from the right: the client
    itself wrote the entries further left. Where there are fewer entries, the request did not come
    through all of the proxies, and the address is that of the peer.
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
