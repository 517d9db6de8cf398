"""Child processes, for the local Supabase, the demo, the benchmarks and the tests.

A ``ChildProcess`` runs a program in its own session by way of ``launcher.py``, which makes it end
with its owner. ``ports`` finds and reserves ports; ``wait_until`` waits for a condition.
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
