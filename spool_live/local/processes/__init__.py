"""Child processes for everything that is started here, in the demo, the benchmarks and the tests.

A ``ChildProcess`` runs a program in a session of its own, behind ``launcher.py``, which ties
its life to its owner's; ``ports`` finds and holds ports; ``wait_until`` waits for what comes
true.
"""

from spool_live.local.processes.child import ChildProcess, Escalation, launched
from spool_live.local.processes.ports import (
    PortTakenError,
    free_port,
    free_ports,
    listen,
    listen_near,
    port_of,
)
from spool_live.local.processes.waiting import wait_until

__all__ = [
    "ChildProcess",
    "Escalation",
    "PortTakenError",
    "free_port",
    "free_ports",
    "launched",
    "listen",
    "listen_near",
    "port_of",
    "wait_until",
]
