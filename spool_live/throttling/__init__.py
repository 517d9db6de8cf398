"""Throttling: rates, counters in Django's cache, clients' addresses, failed authentications."""

from __future__ import annotations

from spool_live.throttling.address import client_address
from spool_live.throttling.counting import counters
from spool_live.throttling.failures import failure_log, purge_failures
from spool_live.throttling.limits import count_failure, count_request
from spool_live.throttling.rates import Rate, penalty

__all__ = [
    "Rate",
    "client_address",
    "count_failure",
    "count_request",
    "counters",
    "failure_log",
    "penalty",
    "purge_failures",
]
