"""Protection for a demo that strangers can reach, so that they see no more than its pages.

A cache that unpickles runs whatever an attacker has put into Redis, and Django's debug page shows
the addresses of Redis and of databases with their passwords: avoid both in production as well.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.views.debug import SafeExceptionReporterFilter


class JSONSerializer:
    """A serializer of cached values as JSON; whole numbers stay plain, so that Redis can count."""

    def dumps(self, value: Any) -> bytes | int:
        """Return ``value`` for Redis. Raises ``TypeError`` for other values than JSON's."""
        if type(value) is int:
            return value
        return json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return the value that ``dumps`` was called with."""
        return json.loads(data)


class NoAddresses(SafeExceptionReporterFilter):
    """A filter that also hides settings with addresses, which Django does not hide by name."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern
        + "|URL|LOCATION|BROKER|BACKEND|DATABASE|DEMO|CACHES|CELERY",
        re.IGNORECASE,
    )
