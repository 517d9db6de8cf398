"""Which ports are free, and who holds them."""

from __future__ import annotations

import pytest

from spool_live.local.processes import PortTakenError, free_ports, listen, listen_near, port_of


def test_free_ports_are_distinct_and_can_be_listened_on() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    for port in ports:
        with listen(port) as listener:
            assert port_of(listener) == port


def test_listening_socket_keeps_its_port_from_everybody_else() -> None:
    with listen(0) as listener:
        with pytest.raises(PortTakenError):
            listen(port_of(listener))
        assert port_of(listener) not in free_ports(3)


def test_another_port_where_the_wanted_one_is_taken() -> None:
    [wanted] = free_ports(1)
    with listen_near(wanted) as listener:
        assert port_of(listener) == wanted
        with listen_near(wanted) as other:
            assert port_of(other) != wanted
