from __future__ import annotations

import pytest

from spool_live.throttling.address import client_address

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        pytest.param(0, "192.0.2.1", PEER, id="no proxy trusted"),
        pytest.param(1, "192.0.2.1", "192.0.2.1", id="one proxy"),
        pytest.param(1, "6.6.6.6, 192.0.2.1", "192.0.2.1", id="client forged an entry"),
        pytest.param(2, "6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1", id="two proxies"),
        pytest.param(2, "192.0.2.1", PEER, id="came through one of two only"),
        pytest.param(1, "", PEER, id="header missing"),
        pytest.param(1, "unknown", PEER, id="no address"),
        pytest.param(1, "192.0.2.1:5123", "192.0.2.1", id="with a port"),
        pytest.param(1, "[2001:db8:0:1::5]:443", "2001:db8:0:1::/64", id="IPv6 with a port"),
        pytest.param(1, "2001:db8:0:1:ffff::9", "2001:db8:0:1::/64", id="IPv6 counts by /64"),
        pytest.param(1, "::ffff:192.0.2.1", "192.0.2.1", id="IPv4 in IPv6"),
        pytest.param(1, "fe80::1%eth0", "fe80::/64", id="with a zone"),
        pytest.param(1, "x" * 5000, PEER, id="junk"),
    ],
)
def test_client_address(proxies: int, forwarded: str, expected: str) -> None:
    meta = {"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(meta, trusted_proxies=proxies) == expected


def test_unix_socket_has_no_address() -> None:
    assert client_address({"REMOTE_ADDR": ""}, trusted_proxies=0) == "unknown"
