"""The throttle of subscribers, and the delay after failed authentications.

A subscriber is counted by key and by address once its key is accepted; failures are counted
separately. So a flood of wrong keys, from whatever address, does not slow down valid ones.
"""

from __future__ import annotations

import time
from typing import Any

from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from spool_live import counts
from spool_live.api.authentication import InvalidCredentials
from spool_live.conf import live_settings
from spool_live.keys import Reason, Refusal
from spool_live.throttling import (
    Rate,
    client_address,
    count_failure,
    count_request,
    failure_log,
)


class SubscriberThrottle(BaseThrottle):
    """Throttle by key (the view's ``rate_subject`` and ``rate_setting``) and by address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        settings = live_settings()
        rate = Rate.parse(getattr(settings, view.rate_setting))
        self._wait = count_request(
            [
                (f"{view.rate_setting}:{view.rate_subject}", rate),
                (f"address:{address_of(request)}", Rate.parse(settings.address_rate)),
            ],
            time.time(),
        )
        if self._wait:
            counts.count(counts.THROTTLED, limit=view.rate_setting)
        return self._wait == 0

    def wait(self) -> float:
        return self._wait


def failed(request: Request, error: APIException) -> APIException:
    """Count a failed authentication; return the error to answer with: ``error``, or ``Throttled``
    where the address had to wait and did not.

    Failures are counted by address only, never by prefix: the answer does not reveal whether a
    prefix exists, and knowing a prefix is not enough to lock its owner out. Guessing a key from
    many addresses is hopeless all the same, and the log of failures shows it.
    """
    refusal = error.refusal if isinstance(error, InvalidCredentials) else Refusal(Reason.MISSING)
    address = address_of(request)
    failure_log.add((address, refusal.prefix, refusal.reason), 1)
    counts.count(counts.UNAUTHORIZED, reason=str(refusal.reason))
    wait = count_failure([address], time.time())
    if wait:
        counts.count(counts.THROTTLED, limit="failures")
    return Throttled(wait) if wait else error


def address_of(request: Request) -> str:
    """Return the client's address, as the configured proxies report it."""
    return client_address(request.META, trusted_proxies=live_settings().trusted_proxies)
